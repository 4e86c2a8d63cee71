"""All cells of a run in one view: a bar over their generations, and a line for whatever happens in one of them.

What happens is read from the run folders, so it does not matter on which machine it does.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.cells.cell import Cell
from bench.executors.cell_runner import Outcome
from bench.process.progress import LOG, Progress
from bench.process.streams import stderr
from bench.runs.stored import n_finished


class View:
    """Shows a run. Only the folders of running cells are looked at.

    Attributes:
        running: the ids of the cells that are being run.
    """

    def __init__(self, cells: Sequence[Cell], runs: Path, progress: Progress) -> None:
        self._runs = runs
        self._progress = progress
        self._n_cells = len(cells)
        self._done = self._failed = 0
        self._generations = {cell.id: 0 for cell in cells}
        self._read = {cell.id: _size(self._folder(cell) / LOG) for cell in cells}
        # Among lines in a file, a bar that is drawn again after each of them would only be in the way.
        self._bar = (
            progress.bar("", sum(cell.loop.generations for cell in cells), unit="generation")
            if stderr().isatty()
            else None
        )
        self.running: dict[str, Cell] = {}

    def started(self, cell: Cell) -> None:
        """Show that a cell runs."""
        self.running[cell.id] = cell

    def ended(self, cell: Cell, outcome: Outcome | None) -> None:
        """Show what became of a cell; None where it will be started again."""
        self._look_at(cell)
        del self.running[cell.id]
        if outcome is not None:
            self._done += outcome.record is not None
            self._failed += outcome.record is None
            if outcome.was_finished:
                self._generations[cell.id] = cell.loop.generations
            if self._bar is None:
                self._progress.note(self._summary)

    def refresh(self) -> None:
        """Look at what runs."""
        for cell in self.running.values():
            self._look_at(cell)
        if self._bar is not None:
            self._bar.set_description_str(self._summary, refresh=False)
            self._bar.update(sum(self._generations.values()) - self._bar.n)

    def close(self) -> None:
        """Show no more."""
        self.refresh()
        if self._bar is not None:
            self._bar.close()

    @property
    def _summary(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._done} of {self._n_cells} cells done, {len(self.running)} running{failed}"

    def _look_at(self, cell: Cell) -> None:
        self._generations[cell.id] = n_finished(self._folder(cell), cell.loop.generations)
        path = self._folder(cell) / LOG
        if _size(path) <= self._read[cell.id]:
            return
        with path.open("rb") as log:
            log.seek(self._read[cell.id])
            new, newline, _ = log.read().rpartition(b"\n")
        self._read[cell.id] += len(new + newline)
        for line in new.decode(errors="replace").splitlines():
            self._progress.within(cell.slug).note(line[20:])  # without the date and time

    def _folder(self, cell: Cell) -> Path:
        return self._runs / "cells" / cell.slug


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
