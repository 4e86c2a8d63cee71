"""Joining the processes that were launched together to run a cell."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch

from bench.errors import BadInput
from bench.process import launched
from bench.process.processes import ALONE, FailedApart, Processes

# The others wait while the main process writes a checkpoint, or while it waits for another machine's generation 1.
# Neither is how a death is noticed: the launcher ends all when one ends, and a closed connection is an error.
STEP_TIMEOUT = timedelta(hours=1)
WAIT_TIMEOUT = timedelta(days=7)


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Join the processes that were launched together, or be alone where none were.

    Inside, an error that all processes have met ends all but the main one without a word, so that it is said once.

    Args:
        device: `auto` for a GPU of its own for each process, or `cpu`.

    Raises:
        BadInput: accelerate is not installed, or there is no such device.
    """
    if launched.is_alone_by_mistake():
        raise BadInput(
            "accelerate launch --cpu starts one process: for several give it --multi_gpu in place of --cpu, and "
            "--device cpu to autophagy run"
        )
    if launched.count() == 1:
        yield ALONE
        return
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise BadInput(
            "several processes for one cell need accelerate: pip install 'autophagy-bench[accelerate]'"
        ) from error
    own_device = _own_device(device)
    on_cpu = own_device.type == "cpu"
    # Some metrics are on the CPU also where the network is not.
    backend = "gloo" if on_cpu else "cpu:gloo,cuda:nccl"
    torch.distributed.init_process_group(backend, timeout=STEP_TIMEOUT)
    state = PartialState(cpu=on_cpu)
    # Apart from the sums of training, so that neither takes the other's messages for its own.
    control, failures = (torch.distributed.new_group(backend="gloo", timeout=WAIT_TIMEOUT) for _ in range(2))
    processes = Processes(state.process_index, state.num_processes, own_device, control, failures)
    try:
        yield processes
    except FailedApart:
        raise
    except Exception as error:
        if processes.all_failed() and not processes.is_main:
            raise SystemExit(2 if isinstance(error, BadInput) else 1) from None
        raise
    state.destroy_process_group()


def _own_device(name: str) -> torch.device:
    """Return the device of this process among those that were launched on this machine."""
    if name not in ("auto", "cpu"):
        raise BadInput(f"--device {name}: where several processes were launched, choose auto or cpu")
    n_gpus = torch.cuda.device_count()
    if name == "cpu" or n_gpus == 0:
        return torch.device("cpu")
    if launched.local_rank() >= n_gpus:
        raise BadInput(
            f"--device auto: more processes were launched than this machine has GPUs ({n_gpus}): start one for "
            "each GPU, or --device cpu"
        )
    return torch.device(f"cuda:{launched.local_rank()}")
