"""Decide the board's questions from records: supported, refuted, or undecided with what is missing.

A number is the mean over seeds with its 95% interval (Student's t). It supports the claim where the whole interval
lies on the side that the claim expects, and refutes it where the whole interval lies on the other.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from bench.board.answer import HELPS, NOT_RUN, Answer, AnswerVerdict, ItemAnswer, Missing, Scope, Verdict
from bench.board.evidence import as_ratio, measured, minus, number_of, shown, value_of
from bench.board.question_file import EvidenceSpec
from bench.board.questions import SIDES, Evidence, Question, SeriesKey, Side, series_key
from bench.board.seed_statistics import FEWEST_SEEDS, MOST_SEEDS, Estimate, seeds_to_exclude
from bench.cells.earlier_files import earlier_cells, earlier_file
from bench.cells.record import Record

Series = Mapping[SeriesKey, Sequence[Record]]
Seeds = dict[int, Record]


def by_series(records: Iterable[Record]) -> Series:
    """Return the records of cells that differ in nothing but their seed under one key: what `decide` looks up."""
    found: dict[SeriesKey, list[Record]] = defaultdict(list)
    for record in records:
        found[series_key(record.cell)].append(record)
    return dict(found)


def decide_all(questions: Iterable[Question], records: Iterable[Record]) -> list[Answer]:
    """Return the answer to each question.

    Args:
        questions: to answer.
        records: those of other tasks, tiers, feature spaces or data than a question names do not count for it; of
            several records of one cell the first counts.
    """
    series = by_series(records)
    return [decide(question, series) for question in questions]


def decide(question: Question, records: Series) -> Answer:
    """Return the answer to a question from records that `by_series` has sorted."""
    items = [_decide_item(evidence, records) for evidence in question.evidence]
    items += [
        ItemAnswer(
            label=item.label,
            decides=True,
            verdict="undecided",
            measured="",
            of="",
            against=None,
            expected="",
            margin=None,
            estimate=None,
            ratio=False,
            shown="",
            why="it cannot be measured yet",
            seeds=(),
            cells=(),
            against_cells=(),
            missing=(Missing(item.missing, None),),
        )
        for item in question.not_measurable
    ]
    scopes = tuple(_scopes(question.combine, items))
    not_run = {(scope.task, scope.tier) for scope in scopes if scope.verdict == NOT_RUN}
    if len(not_run) == len(scopes):
        not_run.clear()
    asked = [item.verdict for item in items if item.decides and (item.task, item.tier) not in not_run]
    verdict: AnswerVerdict = combined(question.combine, asked)
    if not scopes:
        verdict = "not yet testable"
    elif verdict == "refuted" and any(scope.verdict == HELPS for scope in scopes):
        verdict = HELPS
    return Answer(question, verdict, scopes, tuple(items))


def _scopes(combine: Literal["all", "any"], items: Sequence[ItemAnswer]) -> Iterator[Scope]:
    """Yield what the numbers of each task and tier say that decide, in the order of the file."""
    deciding = [item for item in items if item.decides and item.task]
    for task, tier in dict.fromkeys((item.task, item.tier) for item in deciding):
        own = [item for item in deciding if (item.task, item.tier) == (task, tier)]
        verdict: AnswerVerdict = combined(combine, [item.verdict for item in own])
        first = next((item for item in own if item.verdict == verdict), own[0])
        helping = [item.verdict for item in items if item.helps and (item.task, item.tier) == (task, tier)]
        if verdict == "refuted" and "supported" in helping and "refuted" not in helping:
            verdict = HELPS
        if not any(item.seeds for item in own):
            verdict = NOT_RUN
        effect = f"{first.label}: {', '.join(filter(None, (first.shown, first.why)))}"
        yield Scope(task, tier, len(first.seeds), verdict, effect)


def combined(combine: Literal["all", "any"], verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of several: of `all` one alone can refute, of `any` one alone can support."""
    alone: Verdict = "refuted" if combine == "all" else "supported"
    together: Verdict = "supported" if combine == "all" else "refuted"
    if alone in verdicts:
        return alone
    return together if set(verdicts) == {together} else "undecided"


def _decide_item(evidence: Evidence, records: Series) -> ItemAnswer:
    spec = evidence.spec
    found = _under_the_same_conditions([seeds_of(side, records) for side in evidence.sides])
    scored = [
        {seed: record for seed, record in seeds.items() if value_of(spec, record) is not None} for seeds in found
    ]
    common = sorted(set.intersection(*(set(seeds) for seeds in scored)))
    found_number = number_of(spec, scored) if common else None
    number = as_ratio(found_number) if found_number and spec.log else found_number
    verdict, why = _verdict(spec, number), ""
    missing: tuple[Missing, ...] = ()
    if len(common) < FEWEST_SEEDS:
        verdict, why = "undecided", f"{len(common)} of {FEWEST_SEEDS} seeds are there"
        missing = _missing(evidence.sides, found)
        if not missing:
            why += f": some of the records have no {spec.metric} to compare"
    elif found_number and verdict == "undecided":
        more = seeds_to_exclude(found_number, math.log(spec.bound) if spec.log else spec.bound)
        why = f"the interval includes {minus(f'{spec.bound:g}')}{'×' * spec.log}: it would take "
        why += f"more than {MOST_SEEDS} seeds" if more is None else f"about {more} seeds"
    texts = dict(zip(SIDES, (side.text for side in evidence.sides), strict=False))
    cells = dict(zip(SIDES, (tuple(seeds[seed].cell_id for seed in common) for seeds in scored), strict=False))
    return ItemAnswer(
        label=spec.label,
        decides=spec.decides,
        verdict=verdict,
        measured=measured(spec, evidence.cells.cell.loop.generations),
        of=evidence.cells.text,
        against=texts.get("against"),
        expected=f"{spec.side} {minus(f'{spec.bound:g}')}{'×' * spec.log}",
        margin=spec.margin,
        estimate=number,
        ratio=spec.log,
        shown="" if number is None else shown(spec, number),
        why=why,
        seeds=tuple(common),
        cells=cells["cells"],
        against_cells=cells.get("against", ()),
        missing=missing,
        helps=spec.helps,
        task=evidence.cells.cell.task,
        tier=evidence.cells.cell.tier,
        control=texts.get("control"),
        control_cells=cells.get("control", ()),
        against_control=texts.get("against_control"),
        against_control_cells=cells.get("against_control", ()),
        of_earlier_files=any(earlier_file(seeds[seed].cell.method) for seeds in scored for seed in common),
    )


def seeds_of(side: Side, records: Series) -> Seeds:
    """Return the records of one side that count, by seed: of the latest file of the method that there are any of."""
    for cell in (side.cell, *earlier_cells(side.cell)):
        found: Seeds = {}
        for record in records.get(series_key(cell), ()):
            if side.accepts(record):
                found.setdefault(record.cell.seed, record)
        if found:
            return dict(sorted(found.items()))
    return {}


def _under_the_same_conditions(sides: list[Seeds]) -> list[Seeds]:
    """Leave out the records whose score was measured with other weights or another reference than most were."""

    def conditions(record: Record) -> tuple[str, ...]:
        score = record.score
        return (score.features_sha256, score.resize, score.reference_sha256, record.data.sha256)

    counts = Counter(conditions(record) for seeds in sides for record in seeds.values())
    if len(counts) < 2:
        return sides
    most = max(sorted(counts), key=lambda found: counts[found])
    return [{seed: record for seed, record in seeds.items() if conditions(record) == most} for seeds in sides]


def _verdict(spec: EvidenceSpec, number: Estimate | None) -> Verdict:
    if number is None:
        return "undecided"
    above, below = number.low > spec.bound, number.high < spec.bound
    expected, other = (above, below) if spec.side == "above" else (below, above)
    return "supported" if expected else "refuted" if other else "undecided"


def _missing(sides: tuple[Side, ...], found: list[Seeds]) -> tuple[Missing, ...]:
    """Return the cells of each side that would make three seeds, those first that the fewest cells are missing of."""
    there = Counter(seed for seeds in found for seed in seeds)
    candidates = sorted({*there, *range(FEWEST_SEEDS)}, key=lambda seed: (-there[seed], seed))[:FEWEST_SEEDS]
    missing = []
    for side, seeds in zip(sides, found, strict=True):
        if lacking := sorted(set(candidates) - set(seeds)):
            numbers = ", ".join(str(seed) for seed in lacking)
            text = f"{side.text}: seed{'s' * (len(lacking) > 1)} {numbers}"
            missing.append(Missing(text, side.command(lacking)))
    return tuple(missing)
