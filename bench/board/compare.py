"""What the board says of any results, beside any method: runs and result files of several folders laid together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.board.board import build_board
from bench.board.downloads import line_row
from bench.board.line import Line
from bench.board.results import Result, find_results
from bench.board.rows import Rows
from bench.board.tables import PLAIN, PLAIN_POOL, Entry, Track
from bench.board.trust import Trust, read_trust
from bench.board.views import TableView, views
from bench.cells.cell import MethodIdentity
from bench.cells.parameters import describe_parameters
from bench.errors import BadInput, choose
from bench.files.validation import shown
from bench.paths import LEADERBOARD


@dataclass(frozen=True)
class ComparedTrack:
    """One self-consuming loop of one generator, under one table's conditions.

    Attributes:
        view: the table that it is of.
        track: the loop.
        reference: what the entries are compared with.
        lines: the entries with their numbers, in the order of the board, the reference last.
    """

    view: TableView
    track: Track
    reference: Entry
    lines: tuple[Line, ...]

    @property
    def title(self) -> str:
        """What the track is called."""
        return self.view.title_of(self.track)


@dataclass(frozen=True)
class Comparisons:
    """The tracks of some results.

    Attributes:
        tracks: those in which the reference has been run.
        notes: what was left out, and why.
    """

    tracks: tuple[ComparedTrack, ...]
    notes: tuple[str, ...]

    def rows(self) -> Rows:
        """Return one row for each entry: what it is beside, and the columns of the board's results.csv."""
        return Rows(
            {"track": compared.title, "reference": compared.reference.cell.method.option}
            | line_row(compared.view, line)
            for compared in self.tracks
            for line in compared.lines
        )


def compare_folders(folders: Sequence[Path], to: str = PLAIN) -> Comparisons:
    """Compare all results of some folders with those of one method, seed by seed, as the board does with `none`.

    Args:
        folders: runs folders, or folders of result files. Where two have a record of the same cell, that of the
            first counts.
        to: the method that the others are compared with: its name, and after colons parameters that it was run with.

    Raises:
        BadInput: a folder without a record, a record that is damaged, or a method that was not run or that is not
            one entry of a track.
    """
    name, given = _parsed(to)
    results, notes = lay_together(folders)
    compared, there = [], set()
    for view in views(build_board(results, _trust(folders, results), lambda track: _entry(track, to, name, given))):
        for track in view.tracks:
            lines = [line for line in view.lines if line.row.track is track]
            if (reference := lines[0].row.reference) is None:
                there |= {line.cell.method.option for line in lines}
                notes.append(f"{view.title_of(track)}: left out, {to} was not run in it")
                continue
            lines.sort(key=lambda line: line.row.entry is reference)
            compared.append(ComparedTrack(view, track, reference, tuple(lines)))
    if not compared:
        raise BadInput(f"--to {shown(to)}: no such method among the results: {choose(sorted(there), to)}")
    return Comparisons(tuple(compared), tuple(notes))


def lay_together(folders: Sequence[Path]) -> tuple[list[Result], list[str]]:
    """Return the results of some folders, each cell's once, and what was left out.

    Raises:
        BadInput: a folder without a record, or a record that is damaged.
    """
    kept: list[Result] = []
    seen: set[str] = set()
    notes = []
    for folder in folders:
        found = find_results(folder)
        if not found:
            raise BadInput(
                f"{folder}: no cell in it is finished: see autophagy status --runs {folder}"
                if (folder / "cells").is_dir()
                else f"{folder}: there is no record in it: give runs folders, or folders of result files"
            )
        cells = {result.record.cell_id for result in found}
        if twice := len(cells & seen):
            notes.append(f"{folder}: {twice} of its cells are in an earlier folder too, whose records count")
        kept += [result for result in found if result.record.cell_id not in seen]
        seen |= cells
    return kept, notes


def _trust(folders: Sequence[Path], results: Sequence[Result]) -> dict[str, Trust]:
    """Return how far each cell can be trusted, by the leaderboard that its record lies in, else by the package's."""
    trust: dict[str, Trust] = {}
    for folder in folders:
        leaderboard = folder.parent if (folder.parent / "questions").is_dir() else LEADERBOARD
        trust |= read_trust(
            leaderboard, [each.record for each in results if each.own_space and each.path.is_relative_to(folder)]
        )
    return trust


def _parsed(text: str) -> tuple[str, dict[str, str]]:
    """Return the name of a method and the parameters that are given with it."""
    name, _, parameters = text.partition(":")
    given: dict[str, str] = {}
    for part in filter(None, parameters.split(":")):
        key, equals, value = part.partition("=")
        if not equals or key in given:
            raise BadInput(f"--to {shown(text)}: write NAME:key=value, each key once, with colons between them")
        given[key] = value
    return Path(name).stem if name.endswith(".py") else name, given


def _entry(track: Track, to: str, name: str, given: dict[str, str]) -> Entry | None:
    """Return the entry of a method in a track, None where it was not run.

    Raises:
        BadInput: it is more than one entry.
    """
    found = [
        entry
        for entry in track.entries
        if entry not in track.superseded and entry.cell.method.name == name and _has(entry.cell.method, given)
    ]
    found = [entry for entry in found if entry.cell.loop.pool == PLAIN_POOL] or found
    if len(found) < 2:
        return found[0] if found else None
    if len(options := sorted({entry.cell.method.option for entry in found})) > 1:
        raise BadInput(f"--to {to}: was run with other parameters too: {choose(options)}")
    if len(pools := sorted({entry.cell.loop.pool for entry in found})) > 1:
        raise BadInput(f"--to {to}: was run with the pools {', '.join(pools)}: give folders that have one of them")
    files = ", ".join(sorted({entry.cell.method.sha256[:8] for entry in found}))
    raise BadInput(f"--to {to}: was run from files that differ (sha256 {files}): give folders that have one of them")


def _has(method: MethodIdentity, given: dict[str, str]) -> bool:
    """Return whether a method was run with these parameters."""
    return all(key in method.params and _same(method.params[key], value) for key, value in given.items())


def _same(value: object, text: str) -> bool:
    if describe_parameters({"": value}) == f"={text}":
        return True
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and value == float(text)
    except ValueError:
        return False
