"""Whose a row is: the papers that its method's file names, who submitted it, when and with which commit it was run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.board.method_files import MethodFile, file_that_tells
from bench.board.papers import Paper
from bench.board.tables import Entry
from bench.cells.submitted import Submitted

SHORT_COMMIT = 8


@dataclass(frozen=True)
class Origin:
    """Where a row is from.

    Attributes:
        papers: that the description of its method names; none where the file is not here.
        submitters: who has submitted its cells, each once, the earliest first; none of the maintainers' own records.
        dates: the first and the last day on which a cell of it was begun, as YYYY-MM-DD, once where they are the same;
            empty where records do not say.
        commits: of the benchmark that its cells were run with, each once.
        source: the file that says what its method is, as an option names it; None where it is not here.
    """

    papers: tuple[Paper, ...]
    submitters: tuple[Submitted, ...]
    dates: tuple[str, ...]
    commits: tuple[str, ...]
    source: str | None


@dataclass(frozen=True)
class Origins:
    """Tells where rows are from.

    Attributes:
        files: of methods, by name and hash.
        submitters: of each cell, by its id.
    """

    files: Mapping[tuple[str, str], MethodFile]
    submitters: Mapping[str, Submitted]

    def of(self, entry: Entry) -> Origin:
        """Return where an entry is from."""
        return self.of_all([entry])

    def of_all(self, entries: Iterable[Entry]) -> Origin:
        """Return where entries of one method's file are from."""
        of_file = list(entries)
        records = [record for entry in of_file for record in entry.records.values()]
        file = file_that_tells(self.files, of_file[0].cell.method)
        found = [self.submitters[record.cell_id] for record in records if record.cell_id in self.submitters]
        by_name = {(each.by, each.link): each for each in sorted(found, key=lambda each: each.date, reverse=True)}
        days = sorted(str(record.environment.date) for record in records if record.environment.date)
        commits = [record.environment.git_commit for record in records if record.environment.git_commit]
        return Origin(
            papers=file.papers if file else (),
            submitters=tuple(reversed(by_name.values())),
            dates=tuple(dict.fromkeys((days[0], days[-1]))) if days else (),
            commits=tuple(dict.fromkeys(commit[:SHORT_COMMIT] for commit in commits)),
            source=file.option if file else None,
        )
