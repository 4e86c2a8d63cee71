"""The processes that run a cell together, each on a device of its own; `accelerate launch` starts them.

All of them run the same command and go through the same steps in the same order. What is random they draw alike, from
the same seeds. Of what is slow (a batch of training, images to sample, features) each does its share. The folder of
the runs is read and written by the main process alone, and the others are told what it found or why it failed. A
process that is alone does everything, by the same code.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor

from bench.errors import BadInput, RunFailed, StorageFailed
from bench.process import launched
from bench.process.interruption import stop_if_asked

Result = TypeVar("Result")

# The others wait while the main process writes a checkpoint, or while it waits for another machine's generation 1.
# Neither is how a death is noticed: the launcher ends all when one ends, and a closed connection is an error.
STEP_TIMEOUT = timedelta(hours=1)
WAIT_TIMEOUT = timedelta(days=7)
# How long one process that has failed waits for the others to fail with it.
FAILURE_TIMEOUT = timedelta(seconds=60)


@dataclass(frozen=True)
class BatchShare:
    """The images of a batch that a process works on: of every group that goes together all or none.

    Attributes:
        n: how many images the batch has.
        group: how many of them go together: image i with those that are a multiple of n / group away.
        columns: which groups are this process's own.
        weight: share of the batch that is this process's own.
    """

    n: int
    group: int
    columns: slice
    weight: float

    def of(self, values: Tensor, dim: int = 0) -> Tensor:
        """Return what belongs to the process's own images, which are along `dim`."""
        grouped = values.unflatten(dim, (self.group, -1))
        own: Tensor = grouped[(slice(None),) * (dim + 1) + (self.columns,)]
        return own.flatten(dim, dim + 1)


@dataclass(frozen=True)
class _Failure:
    """An error of one process, in a form that others can be told."""

    kind: type[Exception]
    arguments: tuple[Any, ...]
    state: dict[str, Any]

    @classmethod
    def of(cls, error: Exception) -> "_Failure":
        if isinstance(error, BadInput | RunFailed):
            return cls(type(error), error.args, vars(error))
        return cls(RuntimeError, (f"{type(error).__name__}: {error}",), {})

    def error(self) -> Exception:
        error = self.kind.__new__(self.kind, *self.arguments)
        vars(error).update(self.state)
        return error


class FailedApart(Exception):
    """This process has failed in the middle of a cell, and others have not: all must end."""


class Processes:
    """This process among those that run a cell together.

    Attributes:
        rank: of this process, from 0.
        count: how many there are.
        device: of this process; None where it is alone, and takes what it is given.
    """

    def __init__(self) -> None:
        """Be alone; `launched` joins the others."""
        self.rank, self.count = 0, 1
        self.device: torch.device | None = None
        self._control: Any = None  # groups of torch.distributed
        self._failures: Any = None

    @classmethod
    @contextmanager
    def launched(cls, device: str) -> Iterator["Processes"]:
        """Join the processes that were launched together, or be alone where none were.

        Inside, an error that all processes have met ends all but the main one without a word, so that it is said once.

        Args:
            device: `auto` for a GPU of its own for each process, or `cpu`.

        Raises:
            BadInput: accelerate is not installed, or there is no such device.
        """
        processes = cls()
        if launched.is_alone_by_mistake():
            raise BadInput(
                "accelerate launch --cpu starts one process: for several give it --multi_gpu in place of --cpu, and "
                "--device cpu to autophagy run"
            )
        if launched.count() == 1:
            yield processes
            return
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise BadInput(
                "several processes for one cell need accelerate: pip install 'autophagy-bench[accelerate]'"
            ) from error
        processes.device = _own_device(device)
        on_cpu = processes.device.type == "cpu"
        # Some metrics are on the CPU also where the network is not.
        backend = "gloo" if on_cpu else "cpu:gloo,cuda:nccl"
        torch.distributed.init_process_group(backend, timeout=STEP_TIMEOUT)
        state = PartialState(cpu=on_cpu)
        processes.rank, processes.count = state.process_index, state.num_processes
        # Apart from the sums of training, so that neither takes the other's messages for its own.
        processes._control, processes._failures = (
            torch.distributed.new_group(backend="gloo", timeout=WAIT_TIMEOUT) for _ in range(2)
        )
        try:
            yield processes
        except FailedApart:
            raise
        except Exception as error:
            if processes.all_failed() and not processes.is_main:
                raise SystemExit(2 if isinstance(error, BadInput) else 1) from None
            raise
        state.destroy_process_group()

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, n: int, unit: int = 1) -> slice:
        """Return which of n this process does: whole units, in a row, the first process the first ones."""
        units = -(-n // unit)
        first, last = (units * rank // self.count for rank in (self.rank, self.rank + 1))
        return slice(min(first * unit, n), min(last * unit, n))

    def share_of_batch(self, n: int, group: int = 1) -> BatchShare:
        """Return which images of a batch of n this process does, where `group` images go together.

        Raises:
            BadInput: there are fewer groups than processes.
        """
        if n // group < self.count:
            together = f", of which {group} go together," if group > 1 else ""
            raise BadInput(
                f"batch_size = {n}: {self.count} processes cannot share a batch of {n} images{together} "
                f"allowed are at most {n // group} processes"
            )
        columns = self.share(n // group)
        return BatchShare(n, group, columns, (columns.stop - columns.start) * group / n)

    def average(self, tensors: Sequence[Tensor], weight: float) -> None:
        """Replace tensors by their mean over the processes, in which each counts by its weight; weights sum to 1.

        It is one sum of all numbers. DistributedDataParallel would need `backward` where the gradient penalty takes
        gradients of gradients, would know no weights, and gains little for networks as small as these.
        """
        if self.count == 1:
            return
        from accelerate.utils import reduce

        total: Tensor = reduce(torch.cat([tensor.detach().flatten() for tensor in tensors]) * weight, "sum")
        for tensor, part in zip(tensors, total.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.detach().copy_(part.view(tensor.shape))

    def from_main(self, function: Callable[[], Result]) -> Result:
        """Return what `function` gives on the main process, the only one that calls it; what it raises all raise."""
        if self.count == 1:
            return function()
        told: list[Any] = [None]
        error: Exception | None = None
        if self.is_main:
            try:
                told = [function()]
            except Exception as caught:
                error, told = caught, [_Failure.of(caught)]
        torch.distributed.broadcast_object_list(told, src=0, group=self._control)
        if error is not None:
            raise error
        if isinstance(told[0], _Failure):
            raise told[0].error()
        result: Result = told[0]
        return result

    def on_main(self, function: Callable[[], Result]) -> Result | None:
        """Return what `function` gives on the main process, and None on the others; what it raises all raise."""
        results: list[Result] = []

        def call() -> None:
            results.append(function())

        self.from_main(call)
        return results[0] if results else None

    def together(self, function: Callable[[], Result]) -> Result:
        """Return what `function` gives, which all processes call.

        Raises:
            StorageFailed: nothing can be written, which ends all.
            Interrupted: this process was asked to end, and so were the others.
            FailedApart: it has failed here, and not everywhere, so that others may be waiting for this process.
        """
        try:
            return function()
        except StorageFailed:
            raise
        except Exception as error:
            stop_if_asked()  # then the others have stopped, and this is how it shows here
            if not self.all_failed():
                raise FailedApart(f"process {self.rank + 1} of {self.count} has failed alone") from error
            raise

    def everyones(self, value: Result) -> list[Result]:
        """Return the value of each process, in their order."""
        if self.count == 1:
            return [value]
        found: list[Any] = [None] * self.count
        torch.distributed.all_gather_object(found, value, group=self._control)
        return found

    def gathered(self, compute: Callable[[], Tensor | None]) -> Tensor:
        """Return the rows that all processes compute, those of the first process first; on the CPU if there are more.

        Args:
            compute: gives this process's rows, None where it has none. What it raises on one process all raise.
        """
        own: Tensor | None = None
        error: Exception | None = None
        if self.count == 1:
            own = compute()
            assert own is not None
            return own
        try:
            own = compute()
        except Exception as caught:
            error = caught
        said = None if own is None else (tuple(own.shape), own.dtype)
        everyones = self.everyones(said if error is None else _Failure.of(error))
        if error is not None:
            raise error
        for found in everyones:
            if isinstance(found, _Failure):
                raise found.error()
        parts = [(rank, *found) for rank, found in enumerate(everyones) if isinstance(found, tuple)]
        _, (_, *rest), dtype = parts[0]
        rows = torch.empty((sum(shape[0] for _, shape, _ in parts), *rest), dtype=dtype)
        for (rank, _, _), part in zip(parts, rows.split([shape[0] for _, shape, _ in parts]), strict=True):
            if rank == self.rank and own is not None:
                part.copy_(own)
            torch.distributed.broadcast(part, src=rank, group=self._control)
        return rows

    def check_same(self, what: str, identity: Callable[[], str]) -> None:
        """Raise RunFailed on all processes where they do not have the same.

        Args:
            what: what they should have, in words.
            identity: gives the hash of what this process has.
        """
        if self.count > 1 and len(set(self.everyones(identity()))) > 1:
            raise RunFailed(
                f"{what} came out differently on different processes: a method must give the same for the same "
                "context, and draw from ctx.random and derived seeds alone"
            )

    def all_failed(self) -> bool:
        """Say that this process has failed, and return whether all others say so too; False after a minute."""
        if self.count == 1:
            return True
        try:
            torch.distributed.monitored_barrier(self._failures, FAILURE_TIMEOUT)
        except RuntimeError:
            return False
        return True


ALONE = Processes()


def _own_device(name: str) -> torch.device:
    """Return the device of this process among those that were launched on this machine."""
    if name not in ("auto", "cpu"):
        raise BadInput(f"--device {name}: where several processes were launched, allowed are auto and cpu")
    n_gpus = torch.cuda.device_count()
    if name == "cpu" or n_gpus == 0:
        return torch.device("cpu")
    if launched.local_rank() >= n_gpus:
        raise BadInput(
            f"--device auto: more processes were launched than this machine has GPUs ({n_gpus}): allowed is one for "
            "each GPU, or --device cpu"
        )
    return torch.device(f"cuda:{launched.local_rank()}")
