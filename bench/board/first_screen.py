"""The first screen: what works in the loop that most was run in, at what price, how sure, and what is to beat."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.board.line import Line
from bench.board.plane import Plane, Traveller, draw_plane
from bench.board.seed_statistics import Estimate
from bench.board.tables import PLAIN_POOL, describe_params
from bench.board.views import LoopView, TableView
from bench.cells.parameters import describe_parameters

BEST = 5  # rows
CONTROLS = ("real_only", "frozen")  # where a cure would end, and what learns nothing
WIDE, NARROW = (660, 420), (358, 215)  # pixels of the plane on a screen and on a telephone
REAL = "real against real"
MOST_PATHS = 60  # in the plane: of more nobody sees one
MARGIN = 0.06  # of a scale, beyond what lies on it


@dataclass(frozen=True)
class Interval:
    """A number with its interval on a scale.

    Attributes:
        low: lower end, in percent of the scale's width.
        mean: likewise.
        high: likewise.
    """

    low: float
    mean: float
    high: float


@dataclass(frozen=True)
class Dots:
    """Intervals of one figure on a scale.

    Attributes:
        of: each row's, by its place on the index.
        plain: where the plain loop stands, in percent of the scale's width.
    """

    of: dict[str, Interval]
    plain: float


@dataclass(frozen=True)
class FirstScreen:
    """What a reader sees before anything else.

    Attributes:
        view: the table.
        loop: of that table, the one with the most methods.
    """

    view: TableView
    loop: LoopView

    @cached_property
    def methods(self) -> list[Line]:
        """The mitigations that were compared with the plain loop, in the order of the table."""
        return [line for line in self.loop.lines if line.row.word and not line.row.entry.is_control]

    def n(self, *words: str) -> int:
        """How many mitigations got one of some words."""
        return sum(line.row.word in words for line in self.methods)

    @property
    def n_whole(self) -> int:
        """How many help and lose neither quality nor diversity."""
        return sum(line.row.word in ("cures", "helps") and not line.row.marks for line in self.methods)

    @property
    def best(self) -> list[Line]:
        """The first ranked rows."""
        return [line for line in self.loop.lines if line.row.rank][:BEST]

    @property
    def winner(self) -> Line | None:
        """The first row, where it is shown to help."""
        return next((line for line in self.best[:1] if line.row.word in ("cures", "helps")), None)

    @property
    def beside(self) -> list[Line]:
        """The controls that show where a cure would end and what learning nothing gives."""
        known = [line for line in self.loop.lines if line.cell.method.name in CONTROLS and line.row.comparison]
        return [line for line in known if line.cell.loop.pool == PLAIN_POOL]

    @property
    def ceiling(self) -> Line | None:
        """The control that trains every generation on real images."""
        return next((line for line in self.beside if line.cell.method.name == CONTROLS[0]), None)

    @cached_property
    def drawn(self) -> list[Line]:
        """The lines of the plane, in the order of the table: all, or of very many the first with the controls."""
        lines = [line for line in self.loop.lines if {"precision", "recall"} <= line.curves.keys()]
        kept = [line for line in lines if line.row.is_plain or line in self.beside]
        kept += [line for line in lines if line not in kept][: max(0, MOST_PATHS - len(kept))]
        return [line for line in lines if line in kept]

    @cached_property
    def planes(self) -> dict[str, Plane]:
        """The plane of precision and recall, for a screen and for a telephone."""
        best = self.best
        # What is drawn later lies above: the plain loop and the best last.
        lines = sorted(self.drawn, key=lambda line: (line.row.is_plain, line in best, line.row.entry.is_control))
        travellers = [
            Traveller(
                self._short_name(line),
                _kind(line),
                line.curves["precision"],
                line.curves["recall"],
                said=line in best or line in self.beside or line.row.is_plain,
            )
            for line in lines
        ]
        floor = (self.loop.floor["precision"], self.loop.floor["recall"])
        known = None if floor[0] is None or floor[1] is None else (floor[0], floor[1])
        return {
            name: draw_plane(travellers, known, REAL, *size) for name, size in (("wide", WIDE), ("narrow", NARROW))
        }

    def _short_name(self, line: Line) -> str:
        """What a line is called where there is little room: with those parameters alone that tell it apart."""
        cell = line.cell
        same = [
            each.cell for each in self.loop.lines if each.name == line.name and each.cell.loop.pool == cell.loop.pool
        ]
        params = {key: value for key, value in cell.method.params.items()
                  if any(each.method.params.get(key) != value for each in same)}  # fmt: skip
        named = line.title if line.row.is_plain else line.title.removesuffix(f", {describe_params(cell)}")
        return ", ".join(filter(None, (named, describe_parameters(params))))

    @cached_property
    def dots(self) -> dict[str, Dots]:
        """The best rows and the controls beside them on two scales: "fid" and "f1" over the loop, against plain."""
        compared = {line.place: line.row.comparison for line in (*self.best, *self.beside) if line.row.comparison}
        return {
            "fid": _dots({place: each.log_fid_area for place, each in compared.items()}),
            "f1": _dots({place: each.f1_area for place, each in compared.items()}),
        }


def first_screen(views: Sequence[TableView]) -> FirstScreen | None:
    """Return the first screen, of the loop with the most mitigations; None where there is no loop."""
    found = [FirstScreen(view, loop) for view in views for loop in view.loops]
    return max(found, key=lambda each: len(each.methods), default=None)


def _kind(line: Line) -> str:
    if line.state in ("plain", "control"):
        return line.state
    return (line.row.word or "unknown").replace(" ", "-")


def _dots(estimates: Mapping[str, Estimate]) -> Dots:
    """Lay estimates on a scale that reaches over all of them and over 0; what is infinite ends with the scale."""
    ends = [end for each in estimates.values() for end in (each.low, each.mean, each.high)]
    finite = [0.0, *filter(math.isfinite, ends)]
    low, high = min(finite), max(finite)
    room = (high - low or 1.0) * MARGIN

    def place(value: float) -> float:
        share = (value - low + room) / (high - low + 2 * room)
        return round(100 * min(max(share, 0.0), 1.0), 1)

    return Dots({key: Interval(*map(place, (e.low, e.mean, e.high))) for key, e in estimates.items()}, place(0.0))
