"""Render sections as one HTML page. Names in records are submitted text: all of it is escaped, none is marked safe."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench import __version__
from bench.board.command import rescore_command, run_command
from bench.board.sections import METRICS, Section, Series, method_params
from bench.loops import LOOP_KINDS, LOOP_SUMMARIES
from bench.paths import LEADERBOARD

SITE = LEADERBOARD / "site"
COLOURS = 7  # in the stylesheet
SHOWN_FIRST = ("none", "real_only")
MOST_LINES = 9  # that are told apart in one chart
DASHES = ("none", "7 4", "10 3 2 3")  # SVG dash arrays, none of them like the dotted floor


def render(sections: list[Section]) -> str:
    """Return the page's HTML; the same sections give the same text."""
    environment = Environment(
        loader=FileSystemLoader(SITE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "separators": (",", ":"), "allow_nan": False}
    environment.filters.update(number=_number, run_command=run_command, rescore_command=rescore_command)
    environment.filters.update(method_params=method_params)
    return environment.get_template("index.html.jinja").render(
        sections=sections,
        chart_data=[_chart_data(section) for section in sections],
        styles={section.anchor: line_styles(section) for section in sections},
        shown={section.anchor: shown_at_first(section) for section in sections},
        floor_name="real images against real images",
        loop_summaries=LOOP_SUMMARIES,
        version=__version__,
    )


def shown_at_first(section: Section) -> list[bool]:
    """Return of each series whether the charts show it before anybody presses a name.

    All of a few; of many the plain loops and what training again does by itself, or the first where there are none.
    """
    many = len(section.series) > MOST_LINES
    shown = [not many or s.results[0].record.cell.method.name in SHOWN_FIRST for s in section.series]
    return shown if any(shown) else [place < MOST_LINES for place in range(len(shown))]


@dataclass(frozen=True)
class LineStyle:
    """How a series is drawn wherever it appears: its colour's number in the stylesheet, and its SVG dash array."""

    colour: int
    dash: str


def line_styles(section: Section) -> list[LineStyle]:
    """Return the style of each series.

    Where there are several loops, each has its colour, the same in all sections, and what varies within a loop is told
    apart by dashes. One loop alone, or more variants than dashes: every series has a colour, then dashes.
    """
    kinds = [series.results[0].record.cell.loop.kind for series in section.series]
    variants = Counter(kinds)
    if len(variants) > 1 and max(variants.values()) <= len(DASHES):
        ranks = [kinds[:place].count(kind) for place, kind in enumerate(kinds)]
        return [LineStyle(LOOP_KINDS.index(kind) + 1, DASHES[rank]) for kind, rank in zip(kinds, ranks, strict=True)]
    return [LineStyle(place % COLOURS + 1, DASHES[place // COLOURS % len(DASHES)]) for place in range(len(kinds))]


def _chart_data(section: Section) -> dict[str, Any]:
    """Return what the curves are drawn from, as JSON values."""
    return {
        "id": section.anchor,
        "metrics": [{**vars(m), "decimals": section.decimals(m)} for m in section.metrics],
        "floor": {key: spread and spread.mean for key, spread in section.floor.items()},
        "series": [
            _series_data(series) | vars(style)
            for series, style in zip(section.series, line_styles(section), strict=True)
        ],
    }


def _series_data(series: Series) -> dict[str, Any]:
    points = [
        {"generation": generation, **{m.key: (spread := point[m.key]) and vars(spread) for m in METRICS}}
        for generation, point in enumerate(series.points, start=1)
    ]
    return {"label": series.label, "seeds": [r.record.cell.seed for r in series.results], "points": points}


def _number(value: float | None, decimals: int = 0) -> str:
    """Return a number with its thousands apart, a dash where there is none."""
    return "\N{EN DASH}" if value is None else f"{value:,.{decimals}f}"
