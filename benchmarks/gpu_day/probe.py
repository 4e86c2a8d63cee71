"""Which device there is, and why it cannot be measured."""

import os
import platform

import torch

from bench.errors import BadInput, first_line
from bench.generators.engine import Engine
from bench.runs import environment
from gpu_day.report import Device

LEAST_MEMORY = 8 * 2**30  # the metrics of stage d hold 50,000 x 2,048 features several times, in float64
WHAT_IT_WOULD_DO = (
    "it would measure bits, training, sampling, scoring and whole cells on one; `--device cpu` rehearses all of it "
    "with tiny sizes"
)


def probe(name: str) -> Device:
    """Return the device of this name, auto for the first GPU.

    Raises:
        BadInput: there is none, its driver is too old, or its memory too small.
    """
    if name == "cpu":
        device = torch.device("cpu")
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    else:
        _check_driver(name)
        device = environment.choose_device("cuda:0" if name == "auto" else name)
        memory = _memory(device)
    found = environment.describe(Engine(device))
    on_gpu = device.type == "cuda"
    return Device(
        name=found.device,
        kind="cuda" if on_gpu else "cpu",
        rehearsal=not on_gpu,
        memory_bytes=memory,
        capability=".".join(map(str, torch.cuda.get_device_capability(device))) if on_gpu else None,
        driver=found.driver,
        cuda=torch.version.cuda if on_gpu else None,
        torch=found.torch,
        python=platform.python_version(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        date=found.date,
        commit=found.git_commit,
        dirty=found.dirty,
    )


def _check_driver(name: str) -> None:
    """Raise BadInput where no GPU can be used, with the reason that torch gives."""
    if torch.cuda.device_count() and torch.cuda.is_available():
        return
    try:
        torch.cuda.init()
        reason = "torch sees none"
    except (RuntimeError, AssertionError) as error:
        reason = first_line(error)
    if "driver" in reason and "too old" in reason:
        raise BadInput(f"--device {name}: {reason}: update the driver, or install a torch built for an older CUDA")
    raise BadInput(f"--device {name}: no GPU can be used here ({reason}): {WHAT_IT_WOULD_DO}")


def _memory(device: torch.device) -> int:
    """Return the bytes of a GPU; BadInput where too few of them are free."""
    try:
        free, total = torch.cuda.mem_get_info(device)
    except (RuntimeError, torch.OutOfMemoryError) as error:
        raise BadInput(f"--device {device}: the GPU cannot be used: {first_line(error)}") from error
    if free < LEAST_MEMORY:
        raise BadInput(
            f"--device {device}: {free / 2**30:.1f} GiB of {total / 2**30:.1f} are free, needed are "
            f"{LEAST_MEMORY / 2**30:.0f}: end what else runs on it (nvidia-smi names it), or take a larger GPU"
        )
    return int(total)
