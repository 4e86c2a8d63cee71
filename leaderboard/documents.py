"""Write what the documents say of the records: `make documents`.

A page holds regions, from `<!-- from the records: WHAT -->` to `<!-- end -->`. WHAT is one of

    tables TASK       a table for each loop of a task, its methods beside the plain loop
    questions         the questions, and what the records of each task say to them
    findings PART     the findings of findings.toml, "paper" or "methods", beside the records
    threshold TASK    the sweep that threshold/TASK holds
    plan              how much of what boards.sh plans has a record
    not run           the baselines that no record is of
    FORMAT; CELLS     a part of a sentence: FORMAT with `Numbers` in braces, CELLS as in questions/*.toml

The statistics are the board's. `tests/test_documents.py` holds the pages against the records.
"""

import json
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace
from typing import Any

from planned import TABLES, planned_cells

from bench.board.answer import NOT_RUN, Answer
from bench.board.answers import by_series, decide_all, seeds_of
from bench.board.board import build_board
from bench.board.conditions import SETTINGS
from bench.board.cost import Cost
from bench.board.findings import Finding, FoundNumber, load_findings, look_up, run_of
from bench.board.known_methods import is_known
from bench.board.line import Line
from bench.board.metrics import FID, RECALL, Metric
from bench.board.papers import papers_in
from bench.board.question_file import AgainstSpec, CellsSpec
from bench.board.questions import Side, load_questions, sides
from bench.board.results import find_results
from bench.board.seed_statistics import FEWEST_SEEDS, paired_difference
from bench.board.tables import PLAIN_POOL, Entry, Track
from bench.board.trust import Trust
from bench.board.views import TableView, views
from bench.cells.cell import Cell
from bench.cells.floor import WITH_FLOOR, beside_floor, percent, share_of_floor
from bench.cells.record import Record, Scores
from bench.errors import BadInput
from bench.executors.grid import plan_cells
from bench.paths import LEADERBOARD, ROOMS, baseline_names
from bench.threshold.crossing import Threshold, in_words
from bench.threshold.sweep import SETTLED

PAGES = (ROOMS / "README.md", *sorted((ROOMS / "docs").glob("*.md")))
REGION = re.compile(r"(<!-- from the records: (.+?) -->)(.*?)(<!-- end -->)", re.DOTALL)
EARLIER = r"\*"  # a mark in Markdown
DEFAULTS = {"task": "digits", "tier": "smoke", "generator": "ddpm", "loop": "fully_synthetic", "method": "none"}


class Numbers(SimpleNamespace):
    """What a part of a sentence may name: numbers of cells that differ in nothing but their seed.

    Attributes:
        first: the scores of generation 1, means over the seeds.
        last: those of the last generation.
        floor: those of real images against real images.
        precision: from the first to the last, beside the floor, with the shares of it.
        recall: likewise.
        difference: of the last scores from the cells named by `against`, paired by seed: estimates by name.
        row: FID, precision, recall and label agreement from the first to the last, as cells of a table.
        generations: how many.
        seeds: how many, in words.
    """


class Records:
    """The committed records, as the board sorts them."""

    def __init__(self, folder: Path) -> None:
        results = find_results(folder)
        self._records = [result.record for result in results if result.own_space]
        self._series = by_series(self._records)
        self._views = views(build_board([each for each in results if each.own_space], defaultdict(Trust)))
        self._side = sides(plan_cells)

    @cached_property
    def findings(self) -> list[Finding]:
        """The findings of the literature."""
        return load_findings(LEADERBOARD / "findings.toml", plan_cells, set(map(run_of, self._records)))

    @property
    def tasks(self) -> set[str]:
        """Those with a record."""
        return {record.cell.task for record in self._records}

    def text_of(self, what: str) -> str:
        """Return what a region says.

        Raises:
            BadInput: there is no such region, or there are no records that it could be made from.
        """
        match what.split():
            case ["tables", task]:
                return _block(self._tables(task))
            case ["questions"]:
                questions = load_questions(LEADERBOARD / "questions", plan_cells)
                return _block(_questions(decide_all(questions, self._records)))
            case ["findings", "paper" | "methods" as part]:
                return _block(self._findings(part))
            case ["threshold", task]:
                return _block(_threshold(LEADERBOARD / "threshold" / task / "threshold.json"))
            case ["plan"]:
                return _block(self._plan())
            case ["not", "run"]:
                run = {record.cell.method.name for record in self._records}
                return _list([f"`{name}`" for name in baseline_names() if name not in run])
        form, semicolon, cells = what.partition(";")
        if not semicolon:
            raise BadInput(
                "choose tables TASK, questions, findings PART, threshold TASK, plan, not run, or FORMAT; CELLS"
            )
        return form.format(**vars(self._numbers(tomllib.loads(f"cells = {{ {cells} }}")["cells"])))

    def _numbers(self, given: dict[str, Any]) -> Numbers:
        seed, against = given.pop("seed", None), given.pop("against", None)
        spec = CellsSpec.model_validate(DEFAULTS | given)
        found = self._of(self._side(spec), seed)
        each_has = ((r.generations[0].scores, r.generations[-1].scores, r.score.floor) for r in found.values())
        first, last, floor = map(_mean, zip(*each_has, strict=True))
        difference = SimpleNamespace()
        if against is not None:
            update = AgainstSpec.model_validate(against).model_dump(exclude_unset=True)
            other = self._of(self._side(spec.model_copy(update=update)), seed)
            for metric in Scores.model_fields:
                value = Metric(metric, "", "").last
                if all(value(record) is not None for record in (*found.values(), *other.values())):
                    setattr(difference, metric, paired_difference(found, other, value))  # type: ignore[arg-type]
        beside = {
            name: beside_floor(*(getattr(each, name) for each in (floor, first, last)), decimals=2).replace("->", "→")
            for name in WITH_FLOOR
        }
        row = [f"{first.fid:.1f} → {last.fid:.1f}", *beside.values()]
        row += (
            [f"{first.label_agreement:.2f} → {last.label_agreement:.2f}"] if "label_agreement" in vars(last) else [""]
        )
        (generations,) = {len(record.generations) for record in found.values()}
        return Numbers(
            first=first, last=last, floor=floor, difference=difference, row=" | ".join(row), generations=generations,
            seeds=_seeds(len(found)), **beside,
        )  # fmt: skip

    def _of(self, side: Side, seed: int | None) -> dict[int, Record]:
        found = {each: record for each, record in seeds_of(side, self._series).items() if seed in (None, each)}
        if not found:
            raise BadInput(f"no record of {side.text}")
        return found

    def _tables(self, task: str) -> Iterator[str]:
        found = [(view, track) for view in self._views if view.conditions.task == task for track in view.tracks]
        if not found:
            yield "No record of it is in the repository yet."
        for view, track in found:
            yield f"### {view.title_of(track)}\n"
            yield from _table(view, track)

    def _plan(self) -> Iterator[str]:
        run = {record.cell.id for record in self._records}
        for table in TABLES:
            planned = {each.cell.id: each.cell for each in planned_cells(table)}
            lacking: dict[str, Counter[str]] = defaultdict(Counter)
            for cell in (cell for each, cell in planned.items() if each not in run):
                lacking[_loop(cell)][cell.method.option] += 1
            n = sum(methods.total() for methods in lacking.values())
            yield f"- `{table}`: {len(planned) - n} of {len(planned)} cells{'.' if n else ', all'}"
            for loop, methods in lacking.items():
                yield f"  - not run of `{loop}`: " + ", ".join(f"`{name}` {n}" for name, n in methods.items())

    def _findings(self, part: str) -> Iterator[str]:
        found = [(finding, look_up(finding, self._series)) for finding in self.findings if finding.part == part]
        words = [number.word for _, numbers in found for number in numbers]
        untested = [f for f, numbers in found if all(number.word == "not tested" for number in numbers)]
        agree, disagree, neither = (words.count(word) for word in ("agrees", "disagrees", "not shown"))
        yield f"Of {len(found)} findings {len(found) - len(untested)} are tested."
        yield f"Their numbers: {agree} agree, {disagree} disagree, {neither} not shown.\n"
        for finding, numbers in found:
            yield from _finding(finding, numbers)


def _loop(cell: Cell) -> str:
    """Return what the cells of a loop's track have in common: generator, where it is no DDPM, kind and settings."""
    return (
        cell.slug.partition(f"-{cell.method.name}-{cell.tier}-")[0].removeprefix(f"{cell.task}-").removeprefix("ddpm-")
    )


def _table(view: TableView, track: Track) -> Iterator[str]:
    """Yield what is said of a loop: its first generation, and a row for each entry, the lowest FID first."""
    lines = [
        line
        for line in view.lines
        if line.row.track is track and line.row.entry not in track.superseded and is_known(line.cell.method)
    ]
    lines.sort(key=lambda line: line.curves[FID.key][-1].mean)
    plain = next((line for line in lines if line.row.is_plain), None)
    floor = {name: view.floor[name] or 0.0 for name in WITH_FLOOR}
    if plain is not None:
        first = {key: curve[0].mean for key, curve in plain.curves.items()}
        beside = ", ".join(f"{name} {beside_floor(floor[name], first[name], decimals=2)}" for name in WITH_FLOOR)
        yield f"Generation 1: FID {first[FID.key]:.2f}, {beside}; {_seeds(len(plain.row.entry.results))}.\n"
    of = [f"{name}, of {floor[name]:.2f}" for name in WITH_FLOOR]
    yield _row(["method", "FID", *of, "FID, difference from `none`", "recall, difference", "cost", "seeds"])
    yield _row(["---"] * 8).replace(" ", "")
    for line in lines:
        yield _row(_cells(line, floor, None if plain is None else plain.row.entry))
    yield ""


def _cells(line: Line, floor: dict[str, float], plain: Entry | None) -> list[str]:
    entry = line.row.entry
    pool = "" if line.cell.loop.pool == PLAIN_POOL else f", pool {line.cell.loop.pool}"
    name = f"`{line.cell.method.option}{pool}`" + " (control)" * line.cell.method.control
    name += f" {EARLIER}" * (entry.earlier_file is not None)
    last = {key: curve[-1].mean for key, curve in line.curves.items()}
    shares = [f"{last[each]:.2f} ({percent(share_of_floor(last[each], floor[each]))})" for each in WITH_FLOOR]
    differences, cost, seeds = ["", ""], "", f"{len(entry.results)}"
    if plain is not None and entry is not plain and (common := len(entry.records.keys() & plain.records.keys())):
        differences = [_difference(entry, plain, metric) for metric in (FID, RECALL)]
        seeds += f", {common} of `none`" * (common != len(entry.results))
    if plain is not None:
        own, usual = (Cost.of(list(each.records.values())) for each in (entry, plain))
        pairs = [(getattr(own, key), getattr(usual, key)) for key in ("images_trained", "network_evaluations")]
        cost = ", ".join(f"{mine / theirs:.3g}x" if theirs else "0" for mine, theirs in pairs)
    return [name, f"{last[FID.key]:.2f}", *shares, *differences, cost, seeds]


def _difference(entry: Entry, plain: Entry, metric: Metric) -> str:
    """Return the paired difference of the last generation; without an interval where one seed gives none."""
    found = paired_difference(entry.records, plain.records, metric.last)  # type: ignore[arg-type]
    return str(found) if found.seeds > 1 else f"{found.mean:+.2f}"


def _questions(answers: Sequence[Answer]) -> Iterator[str]:
    """Yield a row for each question with its verdict, and below it one for each task that has a say, or none yet."""
    yield _row(["question", "verdict", "number that decides (95%)", "seeds"])
    yield _row(["---"] * 4).replace(" ", "")
    for place, answer in enumerate(answers, 1):
        yield _row([f"**{place}. {answer.question.title}**", f"**{answer.verdict}**", "", ""])
        for scope in answer.scopes:
            number = ["", ""] if scope.verdict == NOT_RUN else [scope.effect, f"{scope.seeds}"]
            yield _row([f"{scope.task} ({SETTINGS[scope.tier]})", scope.verdict, *number])


def _finding(finding: Finding, numbers: Sequence[FoundNumber]) -> Iterator[str]:
    """Yield a finding: its claim with the source, a row for each of its numbers, and what differs."""
    question = finding.question
    yield f"### {f'`{question.key}`' if question.key in baseline_names() else question.key}\n"
    yield f"{question.title}\n*{_linked(question.background)}*\n"
    yield _row(["where", "what would have to be", "found", "seeds", ""])
    yield _row(["---"] * 5).replace(" ", "")
    for number in numbers:
        shown, seeds, why = "", 0, ""
        if number.item is not None and (seeds := len(number.item.seeds)) >= FEWEST_SEEDS:
            shown, why = number.item.shown, f": {number.item.why}" * (number.word == "not shown")
        word = f"**{number.word}**" if number.word in ("agrees", "disagrees") else number.word
        yield _row([number.setting, number.label, shown, f"{seeds}", word + why])
    yield f"\n{question.decided}\n"


def _threshold(path: Path) -> Iterator[str]:
    """Yield what a sweep of `autophagy threshold` found: n_e / n_r of each loop, and how far its seeds tell."""
    if not path.is_file():
        yield "No sweep of it is in the repository yet."
        return
    diagram = json.loads(path.read_text(encoding="utf-8"))
    sweep, points, alone = diagram["sweep"], diagram["points"], diagram["real_only"]
    does = [_does(point["low"], point["high"]) for point in points]
    settled = [abs(point["drift"]) <= SETTLED for point in points]
    yield (
        f"{_seeds(len(sweep['seeds']))}. Of {len(points)} loops {sum(settled)} have settled after "
        f"{sweep['generations']} generations. Synthetic images do good in {does.count('good')} of them and harm in "
        f"{does.count('harm')}."
    )
    fewest, most = alone[0], alone[-1]
    enough = next(each for each in alone if each["fid"] == most["fid"])  # the curve rises nowhere
    yield f"Of real images alone, {fewest['n']} give FID {fewest['fid']:.2f} and {enough['n']} {enough['fid']:.2f}."
    if enough is not most:
        yield f"More are no better, up to {most['n']}: a loop with a lower FID is counted as so many."
    yield "\n" + _row(["n_r", "sampling bias", "n_s", "FID", "n_e / n_r (95%)", "n_s do", ""])
    yield _row(["---"] * 7).replace(" ", "")
    for point, word, is_settled in zip(points, does, settled, strict=True):
        interval = "" if point["low"] is None else f" ({point['low']:.2f} to {point['high']:.2f})"
        doubts = [f"{point['bound']} this"] * bool(point["bound"])
        doubts += [f"not settled: FID moves by {point['drift']:+.1%}"] * (not is_settled)
        sizes = (f"{point['n_real']}", f"{point['sampling_bias']:g}", f"{point['n_synthetic']}")
        yield _row([*sizes, f"{point['fid']:.2f}", f"{point['ratio']:.2f}{interval}", word, ", ".join(doubts)])
    yield ""
    yield from (f"- {in_words(Threshold(**each), sweep['n_synthetic'])}" for each in diagram["thresholds"])


def _does(low: float | None, high: float | None) -> str:
    """Return what synthetic images do where this is the interval of n_e / n_r; nothing where it is not shown."""
    if low is None or high is None or low < 1 <= high:
        return ""
    return "good" if low >= 1 else "harm"


def _linked(text: str) -> str:
    """Return a text with a link at every paper that it names by an identifier."""
    for paper in papers_in(text):
        text = re.sub(rf"(?<!\[){re.escape(paper.label)}", f"[{paper.label}]({paper.link})", text, count=1)
    return text


def _mean(scores: Sequence[Scores]) -> SimpleNamespace:
    """Return the mean of each score that all have."""
    values = {name: [getattr(each, name) for each in scores] for name in Scores.model_fields}
    return SimpleNamespace(**{name: fmean(found) for name, found in values.items() if None not in found})


def _seeds(n: int) -> str:
    return f"{n} seed{'s' * (n != 1)}"


def _list(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "none"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _block(lines: Iterator[str]) -> str:
    """Return lines as a part of a page that stands between two marks."""
    return "\n" + "\n".join(lines).rstrip() + "\n"


def written(page: str, records: Records) -> str:
    """Return a page with its regions written anew.

    Raises:
        BadInput: a region cannot be written; the message says which.
    """

    def region(match: re.Match[str]) -> str:
        start, what, _, end = match.groups()
        try:
            return f"{start}{records.text_of(what)}{end}"
        except (BadInput, ValueError, LookupError, AttributeError) as error:
            raise BadInput(f"from the records: {what}: {error}") from error

    return REGION.sub(region, page)


def main() -> None:
    """Write the regions of every page."""
    records = Records(LEADERBOARD / "results")
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        path.write_text(written(page, records), encoding="utf-8")


if __name__ == "__main__":
    main()
