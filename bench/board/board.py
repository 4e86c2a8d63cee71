"""Everything that the board says, computed from records; pages and downloads only write it down."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from bench.board.conditions import Conditions
from bench.board.curves import Curve, draw_curves
from bench.board.metrics import Metric
from bench.board.ranking import rank_track
from bench.board.results import Result
from bench.board.robustness import Look, robustness
from bench.board.row import Row
from bench.board.tables import PLAIN_POOL, Entry, Table, Track, build_tables
from bench.board.trust import Trust
from bench.cells.task_files import KnownTasks


@dataclass(frozen=True)
class RankedTable:
    """A table with its rows, those of a track next to each other and ranked.

    Attributes:
        table: what is compared.
        rows: of every entry.
        curves: of every row, by metric, of those that its cells have.
        frozen: whether the task has a newer version.
        looks: other looks at the order of each track, by the tracks' keys.
        task_title: what the task is called by its file; its name where that is not here.
    """

    table: Table
    rows: tuple[Row, ...]
    curves: tuple[dict[str, Curve], ...]
    frozen: bool
    looks: Mapping[str, tuple[Look, ...]]
    task_title: str

    @property
    def conditions(self) -> Conditions:
        """What the rows share."""
        return self.table.conditions

    @property
    def key(self) -> str:
        """The table's name in addresses."""
        return self.conditions.key

    @cached_property
    def decimals(self) -> dict[str, int]:
        """How many decimals a metric is shown with: one number for a column, two digits of its smallest value."""
        return {metric.key: self._decimals(metric) for metric in self.table.metrics}

    def _decimals(self, metric: Metric) -> int:
        if metric.bounded:
            return 2
        means = [point.mean for curves in self.curves for point in curves.get(metric.key, ())]
        smallest = min((value for value in means if value), default=1.0)
        return min(6, max(2, 1 - math.floor(math.log10(smallest))))


def build_board(
    results: Sequence[Result],
    trust: Mapping[str, Trust],
    reference: Callable[[Track], Entry | None] = lambda track: track.plain,
    tasks: KnownTasks | None = None,
) -> list[RankedTable]:
    """Return the tables of the board with their rows.

    Args:
        results: the records in each of their feature spaces.
        trust: of each cell, by its id.
        reference: gives what the entries of a track are compared with, None where it has not been run.
        tasks: those whose versions are known; by default those of the package.
    """
    tasks = tasks or KnownTasks()
    tables = build_tables(results)
    fine_tuned = _fine_tuned_plain_loops(tables)
    rows = [
        [
            row
            for track in table.tracks
            for row in rank_track(track, trust, reference(track), fine_tuned.get(_whatever_protocol(table, track)))
        ]
        for table in tables
    ]
    known = [tasks.find(table.conditions.task) for table in tables]
    curves = iter(draw_curves([row.entry for table_rows in rows for row in table_rows]))
    return [
        RankedTable(
            table,
            rows=tuple(table_rows),
            curves=tuple(itertools.islice(curves, len(table_rows))),
            # A task of somebody's own, of which no file is here, has no newer version here.
            frozen=task is not None and task.version > table.conditions.task_version,
            looks=looks,
            task_title=task.title if task else table.conditions.task,
        )
        for table, table_rows, looks, task in zip(tables, rows, robustness(tables), known, strict=True)
    ]


def _fine_tuned_plain_loops(tables: Sequence[Table]) -> dict[Any, Entry]:
    """Return the plain loops with the protocol `finetune`, by what else sets their tracks apart."""
    return {
        _whatever_protocol(table, track): track.plain
        for table in tables
        if table.conditions.protocol == "finetune"
        for track in table.tracks
        if track.plain
    }


def _whatever_protocol(table: Table, track: Track) -> Any:
    cell = track.cell
    loop = cell.loop.model_copy(update={"pool": PLAIN_POOL, "protocol": "scratch"})
    return replace(table.conditions, protocol="scratch"), cell.generator.option, cell.generator, loop
