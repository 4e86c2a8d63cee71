"""The local executor with several processes: one for each GPU, or as many as asked for."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import torch

from bench.executors.cell_runner import CellRunner, Outcome
from bench.executors.grid import PlannedCell
from bench.executors.workers import Death, Order, Report, Worker, run_on
from bench.generators.engine import Engine
from bench.process.interruption import GRACE_SECONDS, Interrupted, stoppable
from bench.process.progress import Progress

STOP_SECONDS = GRACE_SECONDS + 10


@dataclass
class _Process:
    """A process, the connection to it, and what it is doing."""

    process: SpawnProcess
    connection: Connection
    order: Order | None = None


class ProcessExecutor:
    """Runs cells in worker processes on this machine, each with a device and its share of the CPU's threads.

    Attributes:
        workers: what runs in each process.
    """

    def __init__(self, workers: Sequence[Worker], progress: Progress) -> None:
        """Run one process for each worker."""
        self.workers = workers
        self._progress = progress

    def run(self, cells: Sequence[PlannedCell]) -> Iterator[Outcome]:
        """Run the cells and yield what became of each; see `run_on`.

        Raises:
            BadInput: something is wrong with what is given; nothing has run then.
            StorageFailed: the runs folder cannot be written.
            Interrupted: the process was asked to end.
        """
        first = self.workers[0]
        CellRunner(first.runs, first.given_data, Engine(torch.device("cpu")), self._progress).check(cells)
        yield from run_on(_Processes(self.workers[: len(cells)]), cells, first.runs, self._progress)


class _Processes:
    """The worker processes; one that has died is started anew when there is work for it."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._context = get_context("spawn")
        self._workers = workers
        self._slots: list[_Process | None] = [None] * len(workers)

    def start(self, order: Order) -> bool:
        """Start an order in a free process; see `Workers`."""
        for i, slot in enumerate(self._slots):
            if slot is None or slot.order is None:
                started = slot or self._started(self._workers[i])
                self._slots[i] = replace(started, order=order)
                with suppress(OSError):  # where it has died meanwhile, `wait` says so
                    started.connection.send(order)
                return True
        return False

    def wait(self, seconds: float) -> list[tuple[Order, Report | Death]]:
        """Return what became of orders; see `Workers`."""
        busy = {
            slot.connection: i for i, slot in enumerate(self._slots) if slot is not None and slot.order is not None
        }
        said: list[tuple[Order, Report | Death]] = []
        for connection in wait(list(busy), seconds):
            assert isinstance(connection, Connection)
            i = busy[connection]
            slot = self._slots[i]
            assert slot is not None
            assert slot.order is not None
            try:
                said.append((slot.order, connection.recv()))
                self._slots[i] = replace(slot, order=None)
            except (EOFError, OSError):
                slot.process.join()
                said.append((slot.order, Death(_how(slot.process.exitcode))))
                self._slots[i] = None
        return said

    def stop(self) -> None:
        """Ask the processes to end, and wait until they have; see `Workers`."""
        slots = [slot for slot in self._slots if slot is not None]
        for slot in slots:
            if slot.order is None:
                slot.connection.close()
            elif slot.process.is_alive():
                slot.process.terminate()
        for slot in slots:
            slot.process.join(STOP_SECONDS)
            if slot.process.is_alive():
                slot.process.kill()
                slot.process.join()
        self._slots = [None] * len(self._slots)

    def _started(self, worker: Worker) -> _Process:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(worker, theirs))
        process.start()
        theirs.close()
        return _Process(process, ours)


def _work(worker: Worker, connection: Connection) -> None:
    """Run orders until there are no more, or until this process or the one that started it is asked to end."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with stoppable():
            while True:
                try:
                    order = connection.recv()
                except EOFError:
                    return
                connection.send(worker.run(order))
    except Interrupted as interrupted:
        raise SystemExit(128 + interrupted.by) from None


def _end_with_parent() -> None:
    """Ask this process to end when the one that started it has died."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def _how(exit_code: int | None) -> str:
    """Return how a process has ended."""
    if exit_code is None or exit_code >= 0:
        return f"its process has ended with status {exit_code}"
    name = signal.Signals(-exit_code).name
    memory = ", as the system does where memory runs out" if -exit_code == signal.SIGKILL else ""
    return f"its process was ended by {name}{memory}"
