"""Which rows the index holds from the start: all, or of very many the first of each loop.

The others wait in a file for each loop, which the page reads when a reader filters, sorts, or asks for them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.board.line import Line
from bench.board.views import LoopView, TableView

MOST_ROWS = 150
LEAST_ROWS = 3  # of a loop, however many loops there are


@dataclass(frozen=True)
class WaitingRows:
    """The rows of a loop that the index does not hold."""

    view: TableView
    loop: LoopView
    lines: tuple[Line, ...]

    @property
    def address(self) -> str:
        """The file that they are in."""
        return f"rows/{self.loop.key}.js"


class FirstRows:
    """Which rows of each loop come first, by the order of the rules."""

    def __init__(self, views: Sequence[TableView]) -> None:
        """Share the room of the page among the loops.

        Args:
            views: the tables.
        """
        self._views = views
        loops = [loop for view in views for loop in view.loops]
        n_rows = sum(len(loop.lines) for loop in loops)
        self._most = None if n_rows <= MOST_ROWS else max(LEAST_ROWS, MOST_ROWS // len(loops))

    def of(self, loop: LoopView) -> tuple[Line, ...]:
        """Return the rows of a loop that the index holds."""
        return loop.lines[: self._most]

    def waiting(self) -> Iterator[WaitingRows]:
        """Yield the rows that it does not hold, loop by loop."""
        for view in self._views:
            for loop in view.loops:
                if rest := loop.lines[len(self.of(loop)) :]:
                    yield WaitingRows(view, loop, rest)
