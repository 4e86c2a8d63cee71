"""What the curves of a table are drawn from, as JSON values: what its page holds, and what waits in files of its own.

A page of a few dozen lines holds them all. Where there are more it holds those that are drawn before anybody has
chosen; the others are in parts, each of which is read when a line of it is chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.board.columns import rounded
from bench.board.line import Line, line_name
from bench.board.views import TableView

OVERTRAINING_CONTROL = "real_only"
FIRST_METHODS = 3  # of the best in the first track, drawn beside the plain loop and the control at first
MOST_CURVES = 300  # that a page holds, each a line in a loop
LINES_OF_A_PART = 50


@dataclass(frozen=True)
class ChartData:
    """What the page of a table's curves holds, and what it can ask for.

    Attributes:
        page: its data, see assets/curves.js.
        held: the names of the lines that it holds.
        parts: the names of the others, those of a file together.
    """

    page: dict[str, Any]
    held: frozenset[str]
    parts: tuple[frozenset[str], ...]


def chart_data(view: TableView) -> ChartData:
    """Return what the curves of a table are drawn from."""
    lines = view.distinct_lines
    first = _first_lines(view)
    waiting = [line.line for line in lines if line.line not in first] if len(view.lines) > MOST_CURVES else []
    parts = [frozenset(waiting[i : i + LINES_OF_A_PART]) for i in range(0, len(waiting), LINES_OF_A_PART)]
    part_of = {line: number for number, part in enumerate(parts) for line in part}
    held = frozenset(line.line for line in lines) - part_of.keys()
    drawn = curves_of(view, held)
    page = {
        "key": view.key,
        "metrics": [{**vars(metric), "decimals": view.decimals[metric.key]} for metric in view.metrics],
        "floor": view.floor,
        "lines": [
            {"line": line.line, "label": line.label, "first": line.line in first, "part": part_of.get(line.line)}
            for line in lines
        ],
        "tracks": [
            {
                "key": track.key,
                "label": track.label,
                "plain": track.plain and line_name(track.plain.cell),
                "generations": track.cell.loop.generations,
                "lines": drawn.get(track.key, []),
            }
            for track in view.tracks
        ],
    }
    return ChartData(page, held, tuple(parts))


def curves_of(view: TableView, names: frozenset[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the curves of some lines in every track, by the tracks' keys."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (each for each in view.lines if each.line in names):
        curves = {
            key: [[rounded(p.mean), rounded(p.low), rounded(p.high)] for p in curve]
            for key, curve in line.curves.items()
        }
        of_line = {"line": line.line, "seeds": len(line.row.entry.results), "curves": curves}
        found.setdefault(line.row.track.key, []).append(of_line)
    return found


def _first_lines(view: TableView) -> frozenset[str]:
    """Return the lines that are shown before anybody has chosen."""
    lines: Sequence[Line] = view.distinct_lines
    methods = [line for line in lines if line.state not in ("plain", "control")]
    usual = [line for line in lines if line.state == "plain" or line.cell.method.name == OVERTRAINING_CONTROL]
    return frozenset(line.line for line in (*usual, *methods[:FIRST_METHODS]))
