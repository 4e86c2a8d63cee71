"""What the pages need of a table beside its numbers: its loops and rows, what they are called, and addresses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.board.board import RankedTable
from bench.board.columns import COLUMNS, Column, rounded, row_values
from bench.board.conditions import Conditions
from bench.board.curves import Curve
from bench.board.metrics import FID, PRECISION, RECALL, Metric
from bench.board.row import Row
from bench.board.tables import PLAIN_POOL, Track, describe_params
from bench.cells.cell import Cell
from bench.cells.loops import LOOP_SUMMARIES
from bench.cells.task import TierName
from bench.files.hashing import canonical_sha256

TIERS: dict[TierName, str] = {
    "smoke": "quick setting",
    "laptop": "laptop setting",
    "standard": "standard setting",
    "paper": "setting of the paper",
}
COLUMN_METRICS = (FID, PRECISION, RECALL)  # of tables; curves show all
COMPARED_METRICS = (PRECISION, RECALL)  # FID is compared over the whole loop
OVERTRAINING_CONTROL = "real_only"
FIRST_METHODS = 3  # of the best in the first track, drawn beside the plain loop and the control at first


@dataclass(frozen=True)
class Line:
    """A row of a table as the pages show it.

    Attributes:
        row: its numbers.
        curves: of each metric that its cells have.
    """

    row: Row
    curves: dict[str, Curve]

    @property
    def cell(self) -> Cell:
        """The cell of its first seed."""
        return self.row.entry.cell

    @cached_property
    def line(self) -> str:
        """The name of its curves in a page of curves: one for a method with its parameters and pool, in all tracks."""
        return line_name(self.cell)

    @property
    def label(self) -> str:
        """What the line is called in legends."""
        pool = self.cell.loop.pool
        words = [self.cell.method.name, describe_params(self.cell), "" if pool == "previous" else f"pool {pool}"]
        words += ["earlier file"] * (self.row.entry.earlier_file is not None)
        return ", ".join(filter(None, words))

    @property
    def beside_plain(self) -> str:
        """What a page of curves shows of it: its line beside the plain loop's."""
        plain = self.row.track.plain
        lines = [self.line] if plain is None else [line_name(plain.cell), self.line]
        return ",".join(dict.fromkeys(lines))

    @property
    def method_page(self) -> str:
        """The address of its method's page, below methods/."""
        return method_page(self.cell)

    @property
    def state(self) -> str:
        """Whether it is ranked, the plain loop, a control, or not ranked."""
        entry = self.row.entry
        if self.row.is_plain:
            return "plain"
        return "control" if entry.is_control else "ranked" if self.row.rank else "unranked"

    @property
    def name(self) -> str:
        """The method's name in words."""
        return self.cell.method.name.replace("_", " ")

    @property
    def title(self) -> str:
        """What the line is called in a picture: the method, its pool where that is another, and its parameters."""
        name = "plain loop" if self.row.is_plain else self.name
        pool = "" if self.cell.loop.pool == PLAIN_POOL else f"pool {self.cell.loop.pool}"
        return ", ".join(filter(None, (name, pool, describe_params(self.cell))))

    @property
    def place(self) -> str:
        """The row's own address on the index: one in each feature space."""
        features = canonical_sha256(Conditions.of(self.row.entry.results[0].record).features_sha256)
        return f"row-{self.row.entry.key}-{features[:4]}"

    @property
    def own_curves(self) -> str:
        """What a page of curves shows of it in its own loop: that loop, the line and the plain loop's."""
        return f"track-{self.row.track.key},{self.beside_plain}"

    @cached_property
    def values(self) -> dict[str, Any]:
        """What the row is sorted, filtered and found by."""
        return row_values(self.row, self.curves, self.state)


@dataclass(frozen=True)
class LoopView:
    """A loop of a table with its rows.

    Attributes:
        table: the table's name in addresses.
        floor: real images against real images.
        track: the loop.
        lines: its rows.
    """

    table: str
    floor: dict[str, float | None]
    track: Track
    lines: tuple[Line, ...]

    @property
    def key(self) -> str:
        """Its name in addresses."""
        return f"{self.table}-{self.track.key}"

    @property
    def title(self) -> str:
        """The loop in words."""
        return f"{self.track.label[:1].upper()}{self.track.label[1:]}"

    @property
    def summary(self) -> str:
        """What its generations train on."""
        return LOOP_SUMMARIES[self.track.cell.loop.kind]

    @property
    def plain(self) -> Line | None:
        """The plain loop; None where it has not been run."""
        return next((line for line in self.lines if line.row.is_plain), None)

    @property
    def n_ranked(self) -> int:
        """How many of its rows have a rank."""
        return sum(line.row.rank is not None for line in self.lines)


@dataclass(frozen=True)
class TableView:
    """A table as the pages show it."""

    ranked: RankedTable

    @property
    def conditions(self) -> Conditions:
        """What its rows share."""
        return self.ranked.conditions

    @property
    def key(self) -> str:
        """Its name in addresses."""
        return self.ranked.key

    @property
    def frozen(self) -> bool:
        """Whether the task has a newer version."""
        return self.ranked.frozen

    @property
    def title(self) -> str:
        """What the table is called."""
        c = self.conditions
        words = [f"{c.task}, {c.tier} tier"]
        words += ["fine-tuned"] * (c.protocol == "finetune") + ["other data"] * (not c.pinned)
        words += [f"version {c.task_version}"] * self.frozen
        return ", ".join(words)

    @property
    def heading(self) -> str:
        """The same for somebody who is new here."""
        c = self.conditions
        words = [self.ranked.task_title, TIERS[c.tier]]
        words += ["fine-tuned"] * (c.protocol == "finetune") + ["other data"] * (not c.pinned)
        words += [f"version {c.task_version}"] * self.frozen
        return ", ".join(words)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those that its results have."""
        return self.ranked.table.metrics

    @property
    def floor(self) -> dict[str, float | None]:
        """Real images against real images."""
        return self.ranked.table.floor

    @property
    def decimals(self) -> dict[str, int]:
        """How many decimals each metric is shown with."""
        return self.ranked.decimals

    @property
    def n_cells(self) -> int:
        """How many cells its rows are made of."""
        return len(self.ranked.table.results)

    @property
    def n_earlier(self) -> int:
        """How many of its rows are of files that their methods had before."""
        return sum(line.row.entry.earlier_file is not None for line in self.lines)

    @property
    def column_metrics(self) -> tuple[Metric, ...]:
        """Those with a column for their value."""
        return COLUMN_METRICS

    @property
    def compared_metrics(self) -> tuple[Metric, ...]:
        """Those with a column for their difference from the plain loop."""
        return COMPARED_METRICS

    @cached_property
    def lines(self) -> list[Line]:
        """Its rows."""
        return [Line(*each) for each in zip(self.ranked.rows, self.ranked.curves, strict=True)]

    @cached_property
    def loops(self) -> list[LoopView]:
        """Its loops with their rows."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            found.setdefault(line.row.track.key, []).append(line)
        return [LoopView(self.key, self.floor, track, tuple(found[track.key])) for track in self.tracks]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of its rows."""
        return COLUMNS

    def chart_data(self) -> dict[str, Any]:
        """Return what its curves are drawn from, as JSON values."""
        tracks: dict[str, dict[str, Any]] = {}
        for line in self.lines:
            track = line.row.track
            found = tracks.setdefault(
                track.key,
                {
                    "key": track.key,
                    "label": track.label,
                    "plain": track.plain and line_name(track.plain.cell),
                    "lines": [],
                },
            )
            curves = {
                key: [[rounded(p.mean), rounded(p.low), rounded(p.high)] for p in curve]
                for key, curve in line.curves.items()
            }
            found["lines"].append({"line": line.line, "seeds": len(line.row.entry.results), "curves": curves})
        return {
            "metrics": [{**vars(metric), "decimals": self.decimals[metric.key]} for metric in self.metrics],
            "floor": self.floor,
            "lines": [{"line": line.line, "label": line.label, "first": first} for line, first in self._first_lines()],
            "tracks": list(tracks.values()),
        }

    def distinct_lines(self) -> list[Line]:
        """Return one row of each method with its parameters and pool: the plain loop, then controls, then by rank."""
        order = {"plain": 0, "control": 1}
        found: dict[str, Line] = {}
        for line in sorted(self.lines, key=lambda line: order.get(line.state, 2)):
            found.setdefault(line.line, line)
        return list(found.values())

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Its loops."""
        return self.ranked.table.tracks

    @cached_property
    def by_line_and_track(self) -> dict[tuple[str, str], Line]:
        """The rows by the names of their line and their track."""
        return {(line.line, line.row.track.key): line for line in self.lines}

    def _first_lines(self) -> list[tuple[Line, bool]]:
        """Return the distinct lines, and of each whether it is shown before anybody has chosen."""
        lines = self.distinct_lines()
        methods = [line for line in lines if line.state not in ("plain", "control")]
        usual = [line for line in lines if line.state == "plain" or line.cell.method.name == OVERTRAINING_CONTROL]
        return [(line, line in usual or line in methods[:FIRST_METHODS]) for line in lines]


def views(tables: Sequence[RankedTable]) -> list[TableView]:
    """Return the tables as the pages show them."""
    return [TableView(table) for table in tables]


def line_name(cell: Cell) -> str:
    """Return the name of a line in addresses."""
    method = cell.method
    return f"{_word(method.name)}-{canonical_sha256([method.model_dump(mode='json'), cell.loop.pool])[:6]}"


def method_page(cell: Cell) -> str:
    """Return the address of a method's page, below methods/: one for each file that had this name."""
    return f"{_word(cell.method.name)}-{cell.method.sha256[:8]}.html"


def _word(name: str) -> str:
    """Return a name as a part of an address, whatever it holds."""
    return re.sub("[^a-z0-9_]+", "-", name.lower())[:60]
