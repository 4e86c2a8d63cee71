"""A method's page: its file, whose it is, and all that was run of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.board.line import Line, method_page
from bench.board.method_files import MethodFile, file_that_tells
from bench.board.people import Origin, Origins
from bench.board.results import Result
from bench.board.tables import PLAIN, describe_params
from bench.board.views import TableView
from bench.cells.earlier_files import EarlierFile
from bench.cells.retraining import Use


@dataclass(frozen=True)
class MethodView:
    """A method's file with all that was run of it.

    Attributes:
        name: of the method.
        sha256: of its file.
        file: its text, None where it is not here.
        tells: the file that says what it is: its own, or the present one where an earlier one did the same.
        rows: its rows in each table.
        origin: whose it is, and when and by whom its cells were run.
    """

    name: str
    sha256: str
    file: MethodFile | None
    tells: MethodFile | None
    rows: list[tuple[TableView, list[Line]]]
    origin: Origin

    @property
    def lines(self) -> list[Line]:
        """Its rows of all tables."""
        return [line for _, lines in self.rows for line in lines]

    @property
    def page(self) -> str:
        """Its address, below methods/."""
        return method_page(self.lines[0].cell)

    @property
    def earlier_file(self) -> EarlierFile | None:
        """What is known of the file, where it is one that a method of this name had before."""
        return self.lines[0].row.entry.earlier_file

    @property
    def control(self) -> bool:
        """Whether it is given what no method is given."""
        return self.lines[0].cell.method.control

    @property
    def summary(self) -> str:
        """The first paragraph of its description."""
        return "" if self.tells is None else " ".join(self.tells.description.partition("\n\n")[0].split())

    @property
    def variants(self) -> list[str]:
        """The parameters that it was run with."""
        return list(dict.fromkeys(describe_params(line.cell) for line in self.lines))

    @property
    def n_cells(self) -> int:
        """How many cells its rows are made of."""
        return len({result.short_id for line in self.lines for result in line.row.entry.results})

    @property
    def plain(self) -> bool:
        """Whether it is the plain loop itself."""
        return self.name == PLAIN

    @property
    def uses(self) -> tuple[Use, ...] | None:
        """What it declares to use beyond what the loop hands to everybody; None where nothing says."""
        return self.lines[0].row.uses

    @cached_property
    def sheets(self) -> list["Sheet"]:
        """Its sheets of samples: in each loop that of the first entry that has one, in its own feature space."""
        found: dict[str, Sheet] = {}
        for view, lines in self.rows:
            for line in lines:
                for result in line.row.entry.results:
                    if result.sheet and result.own_space:
                        found.setdefault(line.row.track.key, Sheet(view, line, result))
        return list(found.values())


@dataclass(frozen=True)
class Sheet:
    """A cell with a sheet of samples, and where it stands."""

    view: TableView
    line: Line
    result: Result


def method_views(
    views: Sequence[TableView], files: Mapping[tuple[str, str], MethodFile], origins: Origins
) -> list[MethodView]:
    """Return every method's file that a row was run with, by name; arguments as of `Pages`."""
    rows: dict[tuple[str, str], list[tuple[TableView, list[Line]]]] = defaultdict(list)
    for view in views:
        of_view: dict[tuple[str, str], list[Line]] = defaultdict(list)
        for line in view.lines:
            of_view[line.cell.method.name, line.cell.method.sha256].append(line)
        for key, lines in of_view.items():
            rows[key].append((view, lines))
    found = []
    for key in sorted(rows):
        entries = [line.row.entry for _, lines in rows[key] for line in lines]
        tells = file_that_tells(files, entries[0].cell.method)
        found.append(MethodView(*key, files.get(key), tells, rows[key], origins.of_all(entries)))
    return found
