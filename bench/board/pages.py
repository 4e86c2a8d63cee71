"""Write the board's HTML pages. Texts of records and files are submitted: all are escaped, none is marked safe."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.board import cell_curves, price_chart
from bench.board.answer import Answer
from bench.board.cell_page import MOST_ROWS, cell_pages, score_rows
from bench.board.chart_data import chart_data, curves_of
from bench.board.columns import COLUMNS, WORDS, known
from bench.board.conditions import SETTINGS
from bench.board.download_columns import DOWNLOADS
from bench.board.figures import FIGURES
from bench.board.first_rows import FirstRows
from bench.board.first_screen import first_screen
from bench.board.formats import digits, number, p_value, score_title, seconds, signed, size, times
from bench.board.line import Line
from bench.board.method_files import MethodFile, file_that_tells
from bench.board.method_view import method_views
from bench.board.news import MOST_NEW_ROWS, days, newest_date
from bench.board.people import Origins
from bench.board.price import price_tracks
from bench.board.price_chart import charts
from bench.board.prose import breakable, inline, prose
from bench.board.results import Result
from bench.board.site_settings import SiteSettings
from bench.board.tables import Track, describe_params
from bench.board.trust import Trust
from bench.board.views import TableView
from bench.cells.cell import GeneratorIdentity
from bench.cells.loops import LOOP_KINDS, LOOP_SUMMARIES
from bench.cells.parameters import describe_parameters
from bench.cells.submitted import Submitted
from bench.cells.task_files import KnownTasks
from bench.paths import LEADERBOARD
from bench.public import __version__

SITE = LEADERBOARD / "site"


@dataclass(frozen=True)
class TrackStrips:
    """A track with the collapse strips that there are of it: of each entry the one of the lowest seed that has one."""

    track: Track
    strips: list[tuple[Line, Result]]

    @property
    def key(self) -> str:
        """The track's name in addresses."""
        return self.track.key

    @property
    def label(self) -> str:
        """The loop in words."""
        return self.track.label


class Pages:
    """The pages of one board."""

    def __init__(
        self,
        views: Sequence[TableView],
        answers: Sequence[Answer],
        method_files: Mapping[tuple[str, str], MethodFile],
        generator_files: Mapping[tuple[str, str], MethodFile],
        trust: Mapping[str, Trust],
        submitters: Mapping[str, Submitted],
        tasks: KnownTasks,
        settings: SiteSettings,
    ) -> None:
        """Prepare the templates.

        Args:
            views: the tables.
            answers: to the questions.
            method_files: by name and hash.
            generator_files: by name and hash.
            trust: of each cell, by its id.
            submitters: of each cell, by its id.
            tasks: those whose classes are known.
            settings: of the site.
        """
        self._views, self._answers, self._files, self._trust = views, answers, method_files, trust
        self._generator_files, self._tasks = generator_files, tasks
        self._origins = Origins(method_files, submitters)
        self._environment = Environment(
            loader=FileSystemLoader(SITE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.policies["json.dumps_kwargs"] = {
            "sort_keys": True, "separators": (",", ":"), "allow_nan": False,
        }  # fmt: skip
        self._environment.filters.update(
            number=number, signed=signed, times=times, bytes=size, digits=digits, params=describe_params,
            score_title=score_title, generator_page=_generator_page, known=known, p_value=p_value,
            prose=prose, inline=inline, breakable=breakable, things=self._things, classes=self._classes,
            seconds=seconds, origin=self._origins.of, why_empty=self._why_empty,
            score_rows=score_rows, setting=SETTINGS.get,
        )  # fmt: skip
        self._environment.tests.update(finite=math.isfinite)
        n_records = len({result.short_id for view in views for result in view.ranked.table.results})
        self._environment.globals.update(
            version=__version__,
            n_records=n_records,
            newest=newest_date(views),
            repository=settings.repository,
            curve_size=(cell_curves.WIDTH, cell_curves.HEIGHT),
            curve_edges=(cell_curves.LEFT, cell_curves.RIGHT),
            most_rows=MOST_ROWS,
            figures={figure.key: figure for figure in FIGURES},
        )

    def render(self) -> Iterator[tuple[str, str]]:
        """Yield the address and the text of every page."""
        methods = method_views(self._views, self._files, self._origins)
        first = FirstRows(self._views)
        yield self._page(
            "index.html", "index", views=self._views, answers=self._answers, front=first_screen(self._views),
            columns=COLUMNS, words=WORDS, choices=_choices(self._views), first=first,
        )  # fmt: skip
        for rest in first.waiting():
            _, rows = self._page("index.html", "rows", view=rest.view, lines=rest.lines)
            yield rest.address, f"addRows({_script(rest.loop.key)}, {_script(rows)});\n"
        yield self._page("questions.html", "questions", answers=self._answers)
        yield self._page("methods.html", "methods", views=self._views, methods={m.page: m for m in methods})
        yield self._page(
            "guide.html",
            "guide",
            loop_kinds=LOOP_KINDS,
            loop_summaries=LOOP_SUMMARIES,
            example=self._example(),
            sampled=self._sampled(),
        )
        yield self._page("downloads.html", "downloads", files=DOWNLOADS)
        yield self._page(
            "price.html", "price", priced=[(each, charts(each)) for each in price_tracks(self._views)],
            size=(price_chart.WIDTH, price_chart.HEIGHT),
            edges=(price_chart.LEFT, price_chart.RIGHT, price_chart.TOP, price_chart.BOTTOM),
        )  # fmt: skip
        yield self._page("submit.html", "submit")
        yield self._page("news.html", "news", days=days(self._views), most=MOST_NEW_ROWS)
        for view in self._views:
            yield from self._curves(view)
        for method in methods:
            yield self._page(f"methods/{method.page}", "method", method=method)
        yield from self._generators()
        for address, content in cell_pages(self._views, self._files, self._generator_files, self._trust):
            yield self._page(address, "cell", **content)

    def _curves(self, view: TableView) -> Iterator[tuple[str, str]]:
        """Yield the page of a table's curves, and the files of the lines that it does not hold."""
        data, strips, address = chart_data(view), _strips(view), f"compare/{view.key}.html"
        yield self._page(
            address, "compare", view=view, tracks=strips, held=data.held, chart_data=data.page,
            plain_tracks=[track for track in view.tracks if track.plain],
        )  # fmt: skip
        for part, names in enumerate(data.parts):
            curves, tracks = curves_of(view, names), {}
            for track in strips:
                shown = {
                    what: self._page(address, what, view=view, track=track, held=names)[1]
                    for what in ("standings", "strips")
                }
                tracks[track.key] = {"lines": curves.get(track.key, []), **shown}
            yield f"curves/{view.key}-{part}.js", f"addLines({part}, {_script(tracks)});\n"

    def _example(self) -> Result | None:
        """Return a result whose strip shows a collapse: a plain loop, the first that has one."""
        lines = [line for view in self._views for line in view.lines if line.row.is_plain]
        return next((result for line in lines for result in line.row.entry.results if result.strip), None)

    def _sampled(self) -> tuple[TableView, Result, str] | None:
        """Return a plain loop whose samples can be shown, with its table and its name: the first that has a sheet."""
        for view in self._views:
            for line in view.lines:
                for result in line.row.entry.results if line.row.is_plain else ():
                    if result.sheet:
                        return view, result, f"{line.title}, {line.row.track.label}"
        return None

    def _generators(self) -> Iterator[tuple[str, str]]:
        """Yield a page for each file of a generator that a cell was run with."""
        found: dict[tuple[str, str], list[tuple[TableView, list[Track]]]] = defaultdict(list)
        for view in self._views:
            of_view: dict[tuple[str, str], list[Track]] = defaultdict(list)
            for track in view.tracks:
                if (sha256 := track.cell.generator.sha256) is not None:
                    of_view[track.cell.generator.name, sha256].append(track)
            for key, tracks in of_view.items():
                found[key].append((view, tracks))
        for key in sorted(found):
            generators = [track.cell.generator for _, tracks in found[key] for track in tracks]
            yield self._page(
                f"generators/{_generator_page(generators[0])}",
                "generator",
                generator=generators[0],
                file=self._generator_files.get(key),
                variants=list(dict.fromkeys(describe_parameters(each.params) for each in generators)),
                found=found[key],
            )

    def _things(self, view: TableView) -> str:
        """Return what the data of a table are: points, or images."""
        task = self._tasks.find(view.conditions.task)
        return "points" if task is not None and task.data.dimensions is not None else "images"

    def _classes(self, view: TableView) -> tuple[str, ...]:
        """Return what the classes of a table's task are called; nothing where its file is not here."""
        task = self._tasks.find(view.conditions.task)
        return task.data.classes if task is not None else ()

    def _why_empty(self, line: Line, track: Track) -> str:
        """Return why there is no row of a line in a loop: it is not for it, or nobody has run it."""
        file = file_that_tells(self._files, line.cell.method)
        meant = file is None or file.is_for(track.cell.loop.kind, track.cell.generator.name)
        return "not run" if meant else "not applicable"

    def _page(self, address: str, template: str, **content: Any) -> tuple[str, str]:
        page = self._environment.get_template(f"{template}.html.jinja")
        return address, page.render(root="../" * address.count("/"), page_address=address, **content)


def _strips(view: TableView) -> list[TrackStrips]:
    found = {line.row.track.key: TrackStrips(line.row.track, []) for line in view.lines}
    order = {line.line: place for place, line in enumerate(view.distinct_lines)}
    for line in sorted(view.lines, key=lambda line: order[line.line]):
        track = found[line.row.track.key]
        with_strip = next((result for result in line.row.entry.results if result.strip), None)
        if with_strip:
            track.strips.append((line, with_strip))
    return list(found.values())


def _script(value: Any) -> str:
    """Return a value as a script writes it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _choices(views: Sequence[TableView]) -> dict[str, list[str]]:
    """Return what the rows of the index can be filtered by."""
    values = [line.values for view in views for line in view.lines]
    found = {name: [each[name] for each in values] for name in ("loop", "generator", "trust")}
    found["marks"] = [mark for each in values for mark in each["marks"].split("; ") if mark]
    found["uses"] = [use for each in values for use in each["uses"].split("; ")]
    return {name: list(dict.fromkeys(texts)) for name, texts in found.items()}


def _generator_page(generator: GeneratorIdentity) -> str:
    """Return the address of the page of a generator from a file, below generators/: one for each file."""
    return f"{generator.name}-{(generator.sha256 or '')[:8]}.html"
