"""The processes that run a cell together, each on a device of its own; `accelerate launch` starts them.

All of them run the same command and go through the same steps in the same order. What is random they draw alike, from
the same seeds. Of what is slow (a batch of training, images to sample, features) each does its share. The folder of
the runs is read and written by the main process alone, and the others are told what it found or why it failed. A
process that is alone does everything, by the same code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor

from bench.errors import BadInput, RunFailed, StorageFailed
from bench.process.interruption import stop_if_asked
from bench.process.shares import BatchShare

Result = TypeVar("Result")

# How long one process that has failed waits for the others to fail with it.
FAILURE_TIMEOUT = timedelta(seconds=60)


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

    def __init__(
        self,
        rank: int = 0,
        count: int = 1,
        device: torch.device | None = None,
        control: Any = None,
        failures: Any = None,
    ) -> None:
        """Be alone, or one of those that `joined` has connected.

        Args:
            rank: of this process.
            count: how many there are.
            device: of this process.
            control: the group of torch.distributed over which they tell each other what they found.
            failures: the group over which they say that they have failed.
        """
        self.rank, self.count, self.device = rank, count, device
        self._control, self._failures = control, failures

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
                f"the most is {n // group} processes"
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
