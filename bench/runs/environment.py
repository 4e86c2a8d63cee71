"""What a cell runs on: the device and the versions that a record states."""

import datetime
import platform
import subprocess
import sys
from importlib.metadata import version

import torch

from bench import paths
from bench.cells.record import Environment
from bench.errors import BadInput
from bench.generators.engine import Engine
from bench.public import __version__


def choose_device(name: str) -> torch.device:
    """Return the device that --device names; `auto` is the first GPU where there is one, else the CPU.

    Raises:
        BadInput: no such device here.
    """
    n_gpus = torch.cuda.device_count()
    if name == "auto":
        return torch.device("cuda:0" if n_gpus else "cpu")
    available = ["cpu"] + [f"cuda:{i}" for i in range(n_gpus)]
    if name not in available:
        raise BadInput(f"--device {name}: on this machine there are auto, {', '.join(available)}")
    return torch.device(name)


def choose_devices(names: str) -> list[torch.device]:
    """Return the devices that a list names; `auto` is all GPUs, or the CPU where there is none.

    Raises:
        BadInput: no such device here, or one twice.
    """
    n_gpus = torch.cuda.device_count()
    if names == "auto" and n_gpus:
        return [torch.device(f"cuda:{i}") for i in range(n_gpus)]
    devices = [choose_device(name) for name in names.split(",")]
    if len(set(devices)) != len(devices):
        raise BadInput(f"--device {names}: give different devices, with commas between them")
    return devices


def describe(engine: Engine) -> Environment:
    """Return the environment of a run on `engine`."""
    device = engine.device
    on_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if on_gpu else f"CPU ({torch.backends.cpu.get_cpu_capability()})"
    commit = _git("rev-parse", "HEAD")
    return Environment(
        date=datetime.datetime.now(datetime.UTC).date(),
        package_version=__version__,
        git_commit=commit,
        dirty=None if commit is None else bool(_git("status", "--porcelain", "--untracked-files=no")),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        torch=torch.__version__,
        diffusers=version("diffusers"),
        device=name if engine.processes.count == 1 else f"{name} x{engine.processes.count}",
        driver=_driver() if on_gpu else None,
        threads=torch.get_num_threads(),
        bfloat16=engine.bfloat16,
        compiled=engine.compiled,
        deterministic=torch.are_deterministic_algorithms_enabled(),
    )


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most memory that was in use: by tensors on a GPU, by the process on a CPU; 0 where nobody says."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    import resource  # which Windows has not

    in_kilobytes = platform.system() != "Darwin"
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if in_kilobytes else 1)


def _git(*arguments: str) -> str | None:
    """Return what git says of the checkout that this package runs from; None in an installed wheel."""
    if not (paths.ROOMS / ".git").exists():
        return None
    return _output("git", "-C", str(paths.ROOMS), *arguments)


def _driver() -> str | None:
    """Return the version of the GPUs' driver, which nvidia-smi prints once for each of them."""
    printed = _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return None if printed is None else printed.partition("\n")[0]


def _output(*command: str) -> str | None:
    """Return what a program prints, None where there is no such program or it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
