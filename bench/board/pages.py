"""Write the board's HTML pages. Texts of records and files are submitted: all are escaped, none is marked safe."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.board.answer import Answer
from bench.board.columns import COLUMNS, WORDS, known
from bench.board.command import rescore_command, run_command, verify_command
from bench.board.figures import FIGURES
from bench.board.first_screen import first_screen
from bench.board.formats import digits, number, p_value, score_title, signed, size, times
from bench.board.line import Line, method_page
from bench.board.method_files import MethodFile
from bench.board.results import Result
from bench.board.tables import Track, describe_params
from bench.board.trust import Trust
from bench.board.views import TableView
from bench.cells.cell import GeneratorIdentity
from bench.cells.earlier_files import EarlierFile
from bench.cells.loops import LOOP_KINDS, LOOP_SUMMARIES
from bench.cells.parameters import describe_parameters
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


@dataclass(frozen=True)
class MethodView:
    """A method's file with all that was run of it.

    Attributes:
        name: of the method.
        sha256: of its file.
        file: its text, None where it is not here.
        rows: its rows in each table.
    """

    name: str
    sha256: str
    file: MethodFile | None
    rows: list[tuple[TableView, list[Line]]]

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
        return "" if self.file is None else " ".join(self.file.description.partition("\n\n")[0].split())

    @property
    def variants(self) -> list[str]:
        """The parameters that it was run with."""
        return list(dict.fromkeys(describe_params(line.cell) for line in self.lines))

    @property
    def n_cells(self) -> int:
        """How many cells its rows are made of."""
        return len({result.short_id for line in self.lines for result in line.row.entry.results})


class Pages:
    """The pages of one board."""

    def __init__(
        self,
        views: Sequence[TableView],
        answers: Sequence[Answer],
        method_files: Mapping[tuple[str, str], MethodFile],
        generator_files: Mapping[tuple[str, str], MethodFile],
        trust: Mapping[str, Trust],
    ) -> None:
        """Prepare the templates.

        Args:
            views: the tables.
            answers: to the questions.
            method_files: by name and hash.
            generator_files: by name and hash.
            trust: of each cell, by its id.
        """
        self._views, self._answers, self._files, self._trust = views, answers, method_files, trust
        self._generator_files = generator_files
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
        )  # fmt: skip
        self._environment.tests.update(finite=math.isfinite)
        n_records = len({result.short_id for view in views for result in view.ranked.table.results})
        self._environment.globals.update(
            version=__version__, n_records=n_records, figures={figure.key: figure for figure in FIGURES}
        )

    def render(self) -> Iterator[tuple[str, str]]:
        """Yield the address and the text of every page."""
        methods = self._methods()
        yield self._page(
            "index.html", "index", views=self._views, answers=self._answers, front=first_screen(self._views),
            columns=COLUMNS, words=WORDS, choices=_choices(self._views),
        )  # fmt: skip
        yield self._page("questions.html", "questions", answers=self._answers)
        yield self._page("methods.html", "methods", views=self._views, methods={m.page: m for m in methods})
        yield self._page(
            "guide.html", "guide", loop_kinds=LOOP_KINDS, loop_summaries=LOOP_SUMMARIES, example=self._example()
        )
        yield self._page("downloads.html", "downloads")
        for view in self._views:
            yield self._page(
                f"compare/{view.key}.html",
                "compare",
                view=view,
                tracks=_strips(view),
                plain_tracks=[track for track in view.tracks if track.plain],
                chart_data=view.chart_data(),
            )
        for method in methods:
            yield self._page(f"methods/{method.page}", "method", method=method)
        yield from self._generators()
        yield from self._cells()

    def _cells(self) -> Iterator[tuple[str, str]]:
        """Yield a page for each cell, with its scores in all feature spaces, its own first."""
        found: dict[str, list[tuple[TableView, Line, Result]]] = defaultdict(list)
        for view in self._views:
            for line in view.lines:
                for result in line.row.entry.results:
                    found[result.short_id].append((view, line, result))
        for short_id, places in found.items():
            places.sort(key=lambda place: not place[2].own_space)
            tables, lines, results = zip(*places, strict=True)
            record, line = results[0].record, lines[0]
            file = self._files.get((line.cell.method.name, line.cell.method.sha256))
            earlier = line.row.entry.earlier_file
            # What is run again in place of an earlier file is the present one of this name.
            option = file.option if file else record.cell.method.name if earlier else None
            generator = self._generator_files.get((record.cell.generator.name, record.cell.generator.sha256 or ""))
            made_by = generator.option if generator else None
            yield self._page(
                f"cells/{short_id}.html",
                "cell",
                results=results,
                tables=tables,
                track_label=line.row.track.label,
                label=line.label,
                method_page=line.method_page,
                trend=line.row.trends.get(record.cell.seed),
                trust=self._trust[record.cell_id],
                score_names=[name for name, value in record.score.floor if value is not None],
                run_command=run_command(record, option, generator=made_by),
                verify_command=None if earlier else verify_command(record, option, made_by),
                entry=line.row.entry,
                rescore_command=lambda r: rescore_command(r, r.score.features),
            )

    def _example(self) -> Result | None:
        """Return a result whose strip shows a collapse: a plain loop, the first that has one."""
        lines = [line for view in self._views for line in view.lines if line.row.is_plain]
        return next((result for line in lines for result in line.row.entry.results if result.strip), None)

    def _methods(self) -> list[MethodView]:
        rows: dict[tuple[str, str], list[tuple[TableView, list[Line]]]] = defaultdict(list)
        for view in self._views:
            of_view: dict[tuple[str, str], list[Line]] = defaultdict(list)
            for line in view.lines:
                of_view[line.cell.method.name, line.cell.method.sha256].append(line)
            for key, lines in of_view.items():
                rows[key].append((view, lines))
        return [MethodView(*key, self._files.get(key), rows[key]) for key in sorted(rows)]

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

    def _page(self, address: str, template: str, **content: Any) -> tuple[str, str]:
        page = self._environment.get_template(f"{template}.html.jinja")
        return address, page.render(root="../" * address.count("/"), page_address=address, **content)


def _strips(view: TableView) -> list[TrackStrips]:
    found = {line.row.track.key: TrackStrips(line.row.track, []) for line in view.lines}
    order = [line.line for line in view.distinct_lines()]
    for line in sorted(view.lines, key=lambda line: order.index(line.line)):
        track = found[line.row.track.key]
        with_strip = next((result for result in line.row.entry.results if result.strip), None)
        if with_strip:
            track.strips.append((line, with_strip))
    return list(found.values())


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
