"""Part g: two processes that share each batch on one device, as a smoke test of what several GPUs would do.

g.gloo sums gradients over gloo, also those of a GPU; g.nccl tries NCCL, which refuses two processes on one GPU in the
versions known; g.launch is the line of docs/machines.md, with processes on the CPU, as there is one GPU.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from bench.cells.generator_settings import NetworkSettings
from bench.cells.task import load_task
from bench.data.real import load_real_data
from bench.errors import RunFailed, first_line
from bench.files.tensors import write_tensors
from bench.generators.build import build_generator
from bench.generators.engine import Engine
from bench.process.processes import ALONE, Processes
from bench.process.progress import Progress
from gpu_day.cells import tiny_task
from gpu_day.fits import compared
from gpu_day.stopwatch import NoCheckpoint
from gpu_day.worker import Bench, NotHere

COUNT = 2
STEPS = 20
IMAGES = 500
TIMEOUT = timedelta(seconds=60)
LAUNCH = (
    "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(COUNT), "--num_machines", "1",
    "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0", "-m", "bench.cli.main",
)  # fmt: skip


def measure(bench: Bench, part: str) -> Iterator[dict[str, Any]]:
    """Measure a part; see above."""
    if find_spec("accelerate") is None:
        raise NotHere("not installed: accelerate")
    if part == "g.launch":
        yield launched(bench)
        return
    backend = part.removeprefix("g.")
    if backend == "nccl" and not bench.on_gpu:
        raise NotHere("NCCL is for GPUs")
    found: dict[str, Any] = {}
    for name in ("ddpm", "stylegan"):
        try:
            weights = together(bench, name, backend)
        except Exception as error:
            if backend != "nccl":
                raise
            raise NotHere(f"NCCL refuses it: {reason_of(error)}") from error
        alone = fitted(name, bench.device, ALONE, bench.tiny)
        found |= {f"{name}_{key}": value for key, value in compared(alone, weights).items()}
        yield found


def reason_of(error: Exception) -> str:
    """Return the last line of an error that a process has sent with its traceback, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "uplicate GPU" in line), lines[-1] if lines else repr(error))


def together(bench: Bench, name: str, backend: str) -> dict[str, Tensor]:
    """Fit in two processes, and return the weights of the main one."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = int(listening.getsockname()[1])
    path = bench.folder.work / f"together-{backend}-{name}.safetensors"
    torch.multiprocessing.spawn(member, (port, backend, name, bench.device, bench.tiny, path), nprocs=COUNT, join=True)
    weights = load_file(path)
    path.unlink()
    return weights


def member(rank: int, port: int, backend: str, name: str, device: torch.device, tiny: bool, path: Path) -> None:
    """Be one of the processes."""
    from accelerate import PartialState

    torch.set_num_threads(1)
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": COUNT, "LOCAL_WORLD_SIZE": COUNT, "MASTER_PORT": port}
    os.environ |= {key: str(value) for key, value in numbers.items()} | {"MASTER_ADDR": "127.0.0.1"}
    torch.distributed.init_process_group("gloo" if backend == "gloo" else "cpu:gloo,cuda:nccl", timeout=TIMEOUT)
    PartialState(cpu=True)  # it would give each process a GPU of its own
    control, failures = (torch.distributed.new_group(backend="gloo", timeout=TIMEOUT) for _ in range(2))
    processes = Processes(rank, COUNT, device, control, failures)
    weights = fitted(name, device, processes, tiny)
    if rank == 0:
        write_tensors(path, weights)
    torch.distributed.barrier(control)
    torch.distributed.destroy_process_group()


def fitted(name: str, device: torch.device, processes: Processes, tiny: bool) -> dict[str, Tensor]:
    """Fit a generator of the digits task for a few steps in float32, and return its weights."""
    task = load_task("digits")
    settings = task.tiers["smoke"].generator_settings(name)
    assert isinstance(settings, NetworkSettings)
    changes: dict[str, Any] = {"images": STEPS * settings.batch_size}
    if tiny:
        changes = {"images": 32, "batch_size": 16, "channels": (16,) * len(settings.channels)}
    settings = settings.model_copy(update=changes)
    generator = build_generator(settings, task.data.shape, Engine(device, processes=processes))
    pool = load_real_data(task).training[:IMAGES]
    generator.fit(pool, seed=0, from_scratch=True, checkpoint=NoCheckpoint(), progress=Progress(visible=False))
    return generator.state_dict()


def launched(bench: Bench) -> dict[str, Any]:
    """Run one generation under the launcher, and return how long it took."""
    task = str(tiny_task(bench)) if bench.tiny else "digits"
    runs = bench.folder.runs / "launch"
    command = [
        sys.executable, *LAUNCH, "run", "--task", task, "--loop", "fully_synthetic", "--generations", "1",
        "--device", "cpu", "--runs", str(runs),
    ]  # fmt: skip
    began = time.perf_counter()
    program = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    sys.stderr.write(program.stderr)
    if program.returncode:
        said = [line for line in program.stderr.splitlines() if line.startswith("autophagy: ")]
        raise RunFailed(f"the launcher ended with {program.returncode}: {said[-1] if said else last_line_of(program)}")
    records = list(runs.glob("cells/*/record.json"))
    return {"seconds": time.perf_counter() - began, "finished": len(records) == 1}


def last_line_of(program: "subprocess.CompletedProcess[str]") -> str:
    """Return the last line that a program wrote, for one that failed without a word of ours."""
    lines = [line for line in program.stderr.splitlines() if line.strip()]
    return first_line(RuntimeError(lines[-1])) if lines else "without a word"
