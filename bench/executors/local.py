"""The local executor: cells one after the other, in this process."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.executors.cell_runner import CellRunner, Outcome
from bench.executors.grid import PlannedCell
from bench.files.claim import POLL_SECONDS
from bench.generators.engine import Engine
from bench.process.interruption import stop_if_asked
from bench.process.progress import Progress


class LocalExecutor:
    """Runs cells in this process, and those last that another process is running."""

    def __init__(
        self, runs: Path, given_data: Path | None, engine: Engine, progress: Progress, loggers: Sequence[str] = ()
    ) -> None:
        """Run cells as `CellRunner` does, whose arguments these are."""
        self._runner = CellRunner(runs, given_data, engine, progress, loggers)
        self._progress = progress

    def run(self, cells: Sequence[PlannedCell]) -> Iterator[Outcome]:
        """Run the cells and yield what became of each; a failed cell does not keep the others from running.

        Raises:
            BadInput: something is wrong with what is given; nothing has run then.
            StorageFailed: the runs folder cannot be written.
            Interrupted: the process was asked to end.
        """
        self._runner.check(cells)
        numbered = list(enumerate(cells, start=1))
        waited_for: set[int] = set()
        while numbered:
            busy = []
            for i, planned in numbered:
                progress = self._progress.within(f"[{i}/{len(cells)}] {planned.cell.slug}")
                outcome = self._runner.attempt(planned, progress)
                if outcome is not None:
                    yield outcome
                    continue
                busy.append((i, planned))
                if i not in waited_for:
                    waited_for.add(i)
                    progress.note(f"is being run by {self._runner.holder(planned)}: its turn comes later")
            if len(busy) == len(numbered):
                stop_if_asked()
                time.sleep(POLL_SECONDS)
            numbered = busy
