"""What the executors with several processes share: orders that travel, and the one loop that hands them out."""

import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import torch

from bench import paths
from bench.cells.cell import Cell
from bench.cells.parameters import describe_parameters
from bench.cells.record import Record
from bench.cells.task import load_task
from bench.errors import BadInput, StorageFailed
from bench.executors.cell_runner import CellRunner, Outcome
from bench.executors.grid import PlannedCell
from bench.executors.view import View
from bench.generators.engine import Engine
from bench.generators.file import load_generator
from bench.methods.file import load_method
from bench.process.interruption import stop_if_asked
from bench.process.progress import Progress
from bench.runs.stored import keep_failure, last_step

WAIT_SECONDS = 1.0
BUSY_SECONDS = 3.0
# So often may the process of a cell die without having come further, before the cell counts as failed.
MOST_DEATHS = 3


@dataclass(frozen=True)
class Order:
    """A cell as it travels to another process: with names and paths in place of code.

    Attributes:
        cell: what is to be run.
        task: name of a task of the package, or path of a task file.
        task_sha256: of the task file.
        method: what `load_method` takes.
        generator: what `load_generator` takes.
    """

    cell: Cell
    task: str
    task_sha256: str
    method: str
    generator: str

    @classmethod
    def of(cls, planned: PlannedCell) -> "Order":
        """Return the order of a cell."""
        task, method = planned.task, planned.method
        ours = task.path.parent == paths.TASKS
        source = method.identity.name if method.path.parent == paths.BASELINES else str(method.path.resolve())
        return cls(
            planned.cell,
            task.name if ours else str(task.path.resolve()),
            task.sha256,
            ":".join(filter(None, (source, describe_parameters(method.identity.params)))),
            planned.generator.source,
        )

    def planned(self) -> PlannedCell:
        """Return the cell with its task, its method and its generator, loaded here.

        Raises:
            BadInput: they are not here, or are others.
        """
        task, method, generator = load_task(self.task), load_method(self.method), load_generator(self.generator)
        for what, found, wanted in (
            (task.path, task.sha256, self.task_sha256),
            (method.path, method.identity.sha256, self.cell.method.sha256),
            (generator.path, generator.identity.sha256 or "", self.cell.generator.sha256 or ""),
        ):
            if found != wanted:
                raise BadInput(
                    f"{what}: on {socket.gethostname()} its sha256 is {found[:12]}..., where the run was started "
                    f"{wanted[:12]}...: all machines need the same files"
                )
        return PlannedCell(self.cell, task, method, generator)


@dataclass(frozen=True)
class Report:
    """What a worker says of an order.

    Attributes:
        record: of the finished cell.
        was_finished: whether it was finished before.
        error: why the cell failed.
        busy: whether another process runs the cell.
        storage: why nothing can be written.
    """

    record: Record | None = None
    was_finished: bool = False
    error: str | None = None
    busy: bool = False
    storage: str | None = None


@dataclass(frozen=True)
class Death:
    """The process of an order has died.

    Attributes:
        reason: how.
        of_machine: whether the machine went with it, so that the cell is not to blame.
    """

    reason: str
    of_machine: bool = False


@dataclass(frozen=True)
class Worker:
    """What runs orders, in the process that it is used in.

    Attributes:
        runs: folder of all runs.
        given_data: the real images, if the data folder does not hold them.
        device: of the cells.
        compiled: whether a GPU may compile.
        threads: CPU threads of this process.
        loggers: what draws the curves of the cells: names of `bench.logs.run_log.LOGGERS`.
    """

    runs: Path
    given_data: Path | None
    device: str
    compiled: bool
    threads: int
    loggers: tuple[str, ...] = ()

    @cached_property
    def _runner(self) -> CellRunner:
        torch.set_num_threads(self.threads)
        engine = Engine.on(torch.device(self.device), compiled=self.compiled)
        return CellRunner(self.runs, self.given_data, engine, Progress(visible=False), self.loggers)

    def run(self, order: Order) -> Report:
        """Run an order and say what became of it."""
        try:
            planned = order.planned()
            outcome = self._runner.attempt(planned, Progress(visible=False))
        except StorageFailed as error:
            return Report(storage=f"{error} (on {socket.gethostname()})")
        except BadInput as error:
            return Report(error=f"{error} (on {socket.gethostname()})")
        if outcome is None:
            return Report(busy=True)
        return Report(outcome.record, outcome.was_finished, outcome.error)


class Workers(Protocol):
    """Processes that run orders."""

    def start(self, order: Order) -> bool:
        """Start an order, or return False where there is no room for it now."""

    def wait(self, seconds: float) -> list[tuple[Order, Report | Death]]:
        """Return what became of orders, as soon as there is something to say, and after so many seconds at most."""

    def stop(self) -> None:
        """Ask what still runs to end, and wait until it has."""


def run_on(workers: Workers, cells: Sequence[PlannedCell], runs: Path, progress: Progress) -> Iterator[Outcome]:
    """Run cells on workers and yield what became of each; a failed cell does not keep the others from running.

    A cell whose process has died is given to another; cells that another run is working on come last.

    Raises:
        StorageFailed: the runs folder cannot be written.
        Interrupted: the process was asked to end; so were the workers.
    """
    waiting = deque(apart(cells))
    by_id = {planned.cell.id: planned for planned in cells}
    not_before: dict[str, float] = {}
    deaths: dict[str, list[object]] = {}
    view = View([planned.cell for planned in cells], runs, progress)
    try:
        while waiting or view.running:
            stop_if_asked()
            for _ in range(len(waiting)):
                planned = waiting.popleft()
                if time.monotonic() < not_before.get(planned.cell.id, 0):
                    waiting.append(planned)
                elif workers.start(Order.of(planned)):
                    view.started(planned.cell)
                else:
                    waiting.appendleft(planned)
                    break
            for order, said in workers.wait(WAIT_SECONDS):
                planned = by_id[order.cell.id]
                folder = runs / "cells" / order.cell.slug
                outcome = None
                if isinstance(said, Death):
                    step = last_step(folder, order.cell.loop.generations)
                    steps = deaths.setdefault(order.cell.id, [])
                    if not said.of_machine:
                        steps.append(step)
                    if steps[-MOST_DEATHS:] == [step] * MOST_DEATHS:
                        reason = f"{said.reason}, {MOST_DEATHS} times at the same step"
                        keep_failure(folder, reason)
                        outcome = Outcome(planned, None, error=reason)
                    else:
                        progress.note(f"{order.cell.slug}: {said.reason}: it is started again")
                elif said.storage is not None:
                    raise StorageFailed(said.storage)
                elif not said.busy:
                    outcome = Outcome(planned, said.record, said.was_finished, said.error)
                view.ended(order.cell, outcome)
                if outcome is not None:
                    yield outcome
                    continue
                if not isinstance(said, Death):
                    not_before[order.cell.id] = time.monotonic() + BUSY_SECONDS
                waiting.append(planned)
            view.refresh()
    finally:
        workers.stop()
        view.close()


def apart(cells: Sequence[PlannedCell]) -> list[PlannedCell]:
    """Return the cells so that those that share generation 1 do not start at once: all but one would wait for it."""
    groups: dict[tuple[object, ...], int] = {}
    turns = []
    for planned in cells:
        cell = planned.cell
        group = (planned.task.sha256, cell.tier, cell.generator, cell.seed, cell.loop.n_initial)
        turns.append(groups.setdefault(group, 0))
        groups[group] += 1
    return [planned for _, planned in sorted(zip(turns, cells, strict=True), key=lambda pair: pair[0])]
