"""What the page of a cell shows: its scores in all feature spaces, beside the plain loop, and how to run it again."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.board.cell_curves import cell_curves
from bench.board.command import rescore_command, run_command, verify_command
from bench.board.formats import digits
from bench.board.line import Line
from bench.board.method_files import MethodFile
from bench.board.metrics import METRICS
from bench.board.results import Result
from bench.board.trust import Trust
from bench.board.views import TableView
from bench.cells.floor import percent, shares_of_floor
from bench.cells.record import Record

MOST_ROWS = 12  # of a table of generations; of more every tenth is shown first

Files = Mapping[tuple[str, str], MethodFile]


def cell_pages(
    views: Sequence[TableView], files: Files, generator_files: Files, trust: Mapping[str, Trust]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the address of each cell's page and what its template shows.

    Args:
        views: the tables.
        files: of methods, by name and hash.
        generator_files: likewise.
        trust: of each cell, by its id.
    """
    found: dict[str, list[tuple[TableView, Line, Result]]] = defaultdict(list)
    for view in views:
        for line in view.lines:
            for result in line.row.entry.results:
                found[result.short_id].append((view, line, result))
    for short_id, places in found.items():
        # Its own feature space first.
        places.sort(key=lambda place: not place[2].own_space)
        tables, lines, results = zip(*places, strict=True)
        record, line = results[0].record, lines[0]
        file = files.get((line.cell.method.name, line.cell.method.sha256))
        earlier = line.row.entry.earlier_file
        # What is run again in place of an earlier file is the present one of this name.
        option = file.option if file else record.cell.method.name if earlier else None
        generator = generator_files.get((record.cell.generator.name, record.cell.generator.sha256 or ""))
        made_by = generator.option if generator else None
        yield (
            f"cells/{short_id}.html",
            {
                "results": results,
                "tables": tables,
                "track_label": line.row.track.label,
                "label": line.title + ", earlier file" * (earlier is not None),
                "place": line.place,
                "method_page": line.method_page,
                "trend": line.row.trends.get(record.cell.seed),
                "trust": trust[record.cell_id],
                "score_names": [name for name, value in record.score.floor if value is not None],
                "run_command": run_command(record, option, generator=made_by),
                "verify_command": None if earlier else verify_command(record, option, made_by),
                "entry": line.row.entry,
                "rescore_command": lambda r: rescore_command(r, r.score.features),
                "neighbours": [other for other in line.row.entry.results if other.short_id != short_id],
                **_beside(line, results[0]),
            },
        )


def score_rows(record: Record, names: Sequence[str]) -> list[list[tuple[str, str]]]:
    """Return the scores of each generation as they are shown, with the share of the floor of those read beside it."""
    found = []
    for generation in record.generations:
        shares = shares_of_floor(generation.scores, record.score.floor)
        said = {name: percent(share) for name, share in shares.items() if share is not None}
        found.append([(digits(getattr(generation.scores, name)), said.get(name, "")) for name in names])
    return found


def _beside(line: Line, result: Result) -> dict[str, Any]:
    """Return the curves of a cell and the plain loop's with the same seed, both at the end, and real images."""
    record, plain = result.record, line.row.track.plain
    others = () if plain is None or line.row.is_plain else plain.results
    other = next((each for each in others if each.record.cell.seed == record.cell.seed), None)
    found = [
        (metric.title, metric.last(record), metric.last(other.record), metric.of(record.score.floor))
        for metric in METRICS
        if other
    ]
    return {
        "plain": other,
        "curves": cell_curves(record, other.record if other else None),
        "beside": [each for each in found if None not in each[:3]],
    }
