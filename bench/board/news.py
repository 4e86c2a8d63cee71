"""What changed lately: the days on which the records were made, and the rows that they brought."""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bench.board.line import Line
from bench.board.results import Result
from bench.board.views import TableView

MOST_NEW_ROWS = 12  # of a table that a day names


@dataclass(frozen=True)
class NewRows:
    """Rows of a table of which a day brought records."""

    view: TableView
    lines: list[Line]


@dataclass(frozen=True)
class Day:
    """A day.

    Attributes:
        date: in UTC, as YYYY-MM-DD; None for records that do not say on which day they were made.
        n_cells: how many cells were run on it.
        groups: the rows by their tables.
    """

    date: str | None
    n_cells: int
    groups: list[NewRows]

    @property
    def key(self) -> str:
        """Its name in addresses."""
        return self.date or "before"


def date_of(result: Result) -> datetime.date | None:
    """Return the day on which a cell was begun; None where its record does not say."""
    return result.record.environment.date


def newest_date(views: Sequence[TableView]) -> str | None:
    """Return the day of the newest record: the site's own date, so that the same records give the same bytes."""
    dates = [date for view in views for result in view.ranked.table.results if (date := date_of(result))]
    return str(max(dates)) if dates else None


def days(views: Sequence[TableView]) -> list[Day]:
    """Return the days on which cells were run, the newest first, those of unknown days last.

    Scores in further feature spaces are of the same run, and count once.
    """
    rows: dict[datetime.date, list[NewRows]] = defaultdict(list)
    cells: dict[datetime.date, set[str]] = defaultdict(set)
    for view in views:
        of_view: dict[datetime.date, list[Line]] = defaultdict(list)
        for line in view.lines:
            own = [result for result in line.row.entry.results if result.own_space]
            for date in {date_of(result) or datetime.date.min for result in own}:
                of_view[date].append(line)
            for result in own:
                cells[date_of(result) or datetime.date.min].add(result.short_id)
        for date, lines in of_view.items():
            rows[date].append(NewRows(view, lines))
    return [
        Day(None if date == datetime.date.min else str(date), len(cells[date]), rows[date])
        for date in sorted(rows, reverse=True)
    ]
