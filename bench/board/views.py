"""What the pages need of a table beside its numbers: its loops and rows, what they are called, and addresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from bench.board.board import RankedTable
from bench.board.columns import COLUMNS, Column
from bench.board.conditions import SETTINGS, Conditions
from bench.board.line import Line
from bench.board.metrics import FID, PRECISION, RECALL, Metric
from bench.board.tables import Track
from bench.cells.floor import percent
from bench.cells.loops import LOOP_SUMMARIES

COLUMN_METRICS = (FID, PRECISION, RECALL)  # of tables; curves show all
COMPARED_METRICS = (PRECISION, RECALL)  # FID is compared over the whole loop
LITTLE_RECALL = 0.1  # as a share of real images'


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

    @cached_property
    def little_to_lose(self) -> str | None:
        """The share of real images' recall in generation 1 of the plain loop, where there is hardly any to lose."""
        floor = self.floor[RECALL.key]
        if self.plain is None or not floor:
            return None
        records = self.plain.row.entry.records.values()
        share = fmean(record.generations[0].scores.recall for record in records) / floor
        return percent(share) if share < LITTLE_RECALL else None

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
        """What the table is called, for somebody who is new here."""
        return ", ".join([self.ranked.task_title, SETTINGS[self.conditions.tier], *self._apart])

    def title_of(self, track: Track) -> str:
        """Return what one of its loops is called in the words of the command line: task, tier, loop and generator."""
        words = [self.conditions.task, f"{self.conditions.tier} tier", *self._apart]
        return f"{', '.join(words)}: {', '.join(dict.fromkeys((*track.label.split(', '), track.generator)))}"

    @property
    def _apart(self) -> list[str]:
        c = self.conditions
        words = ["fine-tuned"] * (c.protocol == "finetune") + ["other data"] * (not c.pinned)
        return words + [f"version {c.task_version}"] * self.frozen

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

    @cached_property
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

    @cached_property
    def distinct_lines(self) -> list[Line]:
        """One row of each method with its parameters and pool: the plain loop, then controls, then by rank."""
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


def views(tables: Sequence[RankedTable]) -> list[TableView]:
    """Return the tables as the pages show them."""
    return [TableView(table) for table in tables]
