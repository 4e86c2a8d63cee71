"""The Ray executor: cells as tasks on the machines of a Ray cluster that share the runs folder."""

import logging
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bench.errors import BadInput, first_line
from bench.executors.cell_runner import CellRunner, Outcome
from bench.executors.grid import PlannedCell
from bench.executors.workers import Death, Order, Report, Worker, run_on
from bench.generators.engine import Engine
from bench.process.interruption import GRACE_SECONDS, stoppable
from bench.process.progress import Progress

# Nothing is reported to Ray's makers; this must be set before a Ray process starts.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

CONNECT_SECONDS = 10.0
MOST_PORT = 65535
INSTALL = "pip install 'autophagy-bench[ray]'"


class RayExecutor:
    """Runs each cell as a Ray task, on another machine where one dies."""

    def __init__(self, worker: Worker, address: str | None, progress: Progress) -> None:
        """Join the cluster at `address`, or start Ray on this machine alone.

        Args:
            worker: what runs in each task. Its device is `auto` for a GPU where the cluster has GPUs, `cpu` or `cuda`.
            address: what Ray takes: `auto`, HOST:PORT, or None to start it here.
            progress: where the view of all cells is shown.

        Raises:
            BadInput: Ray is not installed, there is no such cluster, or it has no GPU where one is asked for.
        """
        self._ray = _ray()
        self._progress = progress
        try:
            if address is not None and address != "auto":
                _check_reachable(address)
            # Without "local" Ray would join a cluster that somebody else has started on this machine.
            self._ray.init(
                address=address or "local", ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR,
                include_dashboard=None if address else False,
            )  # fmt: skip
        except (OSError, ValueError, RuntimeError) as error:
            raise BadInput(f"--ray-address {address}: no Ray cluster there ({first_line(error)})") from error
        has_gpus = self._ray.cluster_resources().get("GPU", 0) > 0
        if worker.device == "cuda" and not has_gpus:
            raise BadInput("--device cuda: the Ray cluster has no GPU: choose one of auto, cpu")
        on_gpu = has_gpus and worker.device != "cpu"
        # Ray shows a task the GPUs that it may use, as the first ones.
        self._worker = replace(worker, device="cuda:0" if on_gpu else "cpu")
        self._gpus = 1 if on_gpu else 0

    def run(self, cells: Sequence[PlannedCell]) -> Iterator[Outcome]:
        """Run the cells and yield what became of each; see `run_on`.

        Raises:
            BadInput: something is wrong with what is given; nothing has run then.
            StorageFailed: the runs folder cannot be written.
            Interrupted: the process was asked to end.
        """
        worker = self._worker
        CellRunner(worker.runs, worker.given_data, Engine(torch.device("cpu")), self._progress).check(cells)
        try:
            # Ray prints pages about machines that die, to where results go; `run_on` says it in a line.
            with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
                yield from run_on(_Tasks(self._ray, worker, self._gpus), cells, worker.runs, self._progress)
        finally:
            self._ray.shutdown()


class _Tasks:
    """The tasks; no more at a time than the cluster has room for, so that those that share generation 1 keep apart."""

    def __init__(self, ray: Any, worker: Worker, gpus: int) -> None:
        self._ray = ray
        self._worker = ray.put(worker)
        self._threads = worker.threads
        self._gpus = gpus
        self._orders: dict[Any, Order] = {}
        self._task = ray.remote(
            num_cpus=worker.threads, num_gpus=gpus, max_retries=0, scheduling_strategy="SPREAD"
        )(_run)  # fmt: skip

    def start(self, order: Order) -> bool:
        """Start an order where the cluster has room; see `Workers`."""
        resources = self._ray.cluster_resources()
        room = resources.get("CPU", 0) // self._threads
        if self._gpus:
            room = min(room, resources.get("GPU", 0) // self._gpus)
        if len(self._orders) >= max(1, room):
            return False
        self._orders[self._task.remote(self._worker, order)] = order
        return True

    def wait(self, seconds: float) -> list[tuple[Order, Report | Death]]:
        """Return what became of orders; see `Workers`."""
        if not self._orders:
            time.sleep(seconds)
            return []
        done, _ = self._ray.wait(list(self._orders), num_returns=1, timeout=seconds)
        return [(self._orders.pop(reference), self._said(reference)) for reference in done]

    def stop(self) -> None:
        """Ask the tasks to end, and wait until they have; see `Workers`."""
        for reference in self._orders:
            self._ray.cancel(reference)
        if self._orders:
            self._ray.wait(list(self._orders), num_returns=len(self._orders), timeout=GRACE_SECONDS)
        self._orders.clear()

    def _said(self, reference: Any) -> Report | Death:
        errors = self._ray.exceptions
        try:
            report: Report = self._ray.get(reference)
        except (errors.NodeDiedError, errors.LocalRayletDiedError, errors.ObjectLostError):
            return Death("its machine is lost", of_machine=True)
        except errors.RayTaskError as error:
            # Of this package's own code: what goes wrong in a cell is in its report.
            return Report(error=first_line(error.as_instanceof_cause()))
        except errors.RayError as error:
            return Death(f"its process has died ({type(error).__name__})")
        return report


# One for each way to run orders, because a Ray process runs many tasks.
_workers: dict[Worker, Worker] = {}


def _run(worker: Worker, order: Order) -> Report:
    """Run an order in a process of Ray."""
    with stoppable():
        return _workers.setdefault(worker, worker).run(order)


def _check_reachable(address: str) -> None:
    """Raise where nothing answers at HOST:PORT: Ray itself would ask for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > MOST_PORT:
        raise ValueError("give auto or HOST:PORT")
    socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise BadInput(f"--executor ray: Ray is not installed: {INSTALL}") from error
    return ray
