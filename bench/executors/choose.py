"""Which executor runs the cells, from what the command line says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from bench.errors import BadInput
from bench.executors.cell_runner import Outcome
from bench.executors.grid import PlannedCell
from bench.executors.local import LocalExecutor
from bench.executors.processes import ProcessExecutor
from bench.executors.workers import Worker
from bench.generators.engine import Engine
from bench.process.processes import ALONE, Processes
from bench.process.progress import Progress
from bench.runs.environment import choose_devices


class Executor(Protocol):
    """Runs cells, somewhere."""

    def run(self, cells: Sequence[PlannedCell]) -> Iterator[Outcome]:
        """Run the cells and yield what became of each; a failed cell does not keep the others from running."""


@dataclass(frozen=True)
class Where:
    """Where cells run.

    Attributes:
        executor: `local` or `ray`.
        device: names of devices, see `choose_devices`; with Ray `auto`, `cpu` or `cuda`.
        compiled: whether a GPU may compile.
        workers: processes on this machine; None for one on each device.
        threads: CPU threads of each process; None for all, shared out.
        ray_address: of the cluster, None to start one here.
        loggers: what draws the curves of the cells: names of `bench.logs.run_log.LOGGERS`.
    """

    executor: str
    device: str
    compiled: bool
    workers: int | None
    threads: int | None
    ray_address: str | None
    loggers: tuple[str, ...] = ()


def choose_executor(
    where: Where, runs: Path, given_data: Path | None, progress: Progress, processes: Processes = ALONE
) -> Executor:
    """Return what runs the cells: together, where several processes were launched for it.

    Raises:
        BadInput: options that do not go together, or a device or cluster that is not there.
    """
    for option, value in (("--workers", where.workers), ("--threads", where.threads)):
        if value is not None and not 1 <= value <= 1024:
            raise BadInput(f"{option} {value}: choose a whole number from 1 to 1024")
    if processes.device is not None:
        if where.executor == "ray" or where.workers is not None:
            raise BadInput("--executor ray, --workers: not where several processes were launched to share a cell")
        if where.threads is not None:
            torch.set_num_threads(where.threads)
        engine = Engine.on(processes.device, compiled=where.compiled, processes=processes)
        return LocalExecutor(runs, given_data, engine, progress, where.loggers)
    if where.executor == "ray":
        return _ray_executor(where, runs, given_data, progress)
    if where.ray_address is not None:
        raise BadInput(f"--ray-address {where.ray_address}: only with --executor ray")
    devices = choose_devices(where.device)
    n = where.workers or len(devices)
    if n == 1:
        if where.threads is not None:
            torch.set_num_threads(where.threads)
        return LocalExecutor(runs, given_data, Engine.on(devices[0], compiled=where.compiled), progress, where.loggers)
    threads = where.threads or max(1, torch.get_num_threads() // n)
    workers = [
        Worker(runs.resolve(), given_data, str(devices[i % len(devices)]), where.compiled, threads, where.loggers)
        for i in range(n)
    ]
    return ProcessExecutor(workers, progress)


def _ray_executor(where: Where, runs: Path, given_data: Path | None, progress: Progress) -> Executor:
    # Ray is heavy, and an extra.
    from bench.executors.ray import RayExecutor

    if where.workers is not None:
        raise BadInput(f"--workers {where.workers}: with --executor ray the cluster says how many run at a time")
    if where.device not in ("auto", "cpu", "cuda"):
        raise BadInput(f"--device {where.device}: with --executor ray choose one of auto, cpu, cuda")
    # Every machine finds the same files under the same paths.
    given = None if given_data is None else given_data.resolve()
    worker = Worker(runs.resolve(), given, where.device, where.compiled, where.threads or 1, where.loggers)
    return RayExecutor(worker, where.ray_address, progress)
