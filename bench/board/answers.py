"""Decide the board's questions from records: supported, refuted, or undecided with what is missing.

A number is the mean over seeds with its 95% interval (Student's t). It supports the claim where the whole interval
lies on the side that the claim expects, and refutes it where the whole interval lies on the other.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bench.board.evidence import measured, minus, number_of, shown, value_of
from bench.board.question_file import EvidenceSpec
from bench.board.questions import Evidence, Question, SeriesKey, Side, series_key
from bench.board.seed_statistics import FEWEST_SEEDS, Estimate
from bench.cells.earlier_files import earlier_cells, earlier_file
from bench.cells.record import Record

Verdict = Literal["supported", "refuted", "undecided"]
Series = Mapping[SeriesKey, Sequence[Record]]
Seeds = dict[int, Record]


@dataclass(frozen=True)
class Missing:
    """Something that would have to be there.

    Attributes:
        text: what it is, in words.
        command: the command line that makes it; None where there is none.
    """

    text: str
    command: str | None


@dataclass(frozen=True)
class ItemAnswer:
    """What one item of the evidence says.

    Attributes:
        label: what it shows, in words.
        decides: whether it enters the verdict.
        verdict: of this item alone.
        measured: what the number is, in words.
        of: the cells, in words.
        against: the cells that they are compared with, in words; None for none.
        expected: what the claim expects, in words.
        margin: why the value expected is what it is; None where it is "no difference".
        estimate: the number, a ratio where `ratio` is true; None where there is none.
        ratio: whether the number is a ratio, 1 where nothing differs.
        shown: the number with its interval, as a page shows it; empty where there is none.
        why: why it is undecided; empty where it is decided.
        seeds: that the number is computed from.
        cells: the ids of the cells, in the order of the seeds.
        against_cells: the ids of those that they are compared with; empty for none.
        missing: what is not there.
        of_earlier_files: whether any of the cells were run with a file that their method had before.
    """

    label: str
    decides: bool
    verdict: Verdict
    measured: str
    of: str
    against: str | None
    expected: str
    margin: str | None
    estimate: Estimate | None
    ratio: bool
    shown: str
    why: str
    seeds: tuple[int, ...]
    cells: tuple[str, ...]
    against_cells: tuple[str, ...]
    missing: tuple[Missing, ...]
    of_earlier_files: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the item as JSON values; an end of an interval that one seed does not give is null."""
        number = None
        if self.estimate is not None:
            ends = {name: getattr(self.estimate, name) for name in ("mean", "low", "high")}
            number = {name: value if math.isfinite(value) else None for name, value in ends.items()}
        return asdict(self) | {"estimate": number}


@dataclass(frozen=True)
class Answer:
    """A question with its verdict."""

    question: Question
    verdict: Verdict
    items: tuple[ItemAnswer, ...]

    @property
    def missing(self) -> list[Missing]:
        """What is not there for any of the items, each once."""
        return list(dict.fromkeys(missing for item in self.items for missing in item.missing))

    def to_json(self) -> dict[str, Any]:
        """Return question and answer as JSON values."""
        question = self.question
        return {
            "key": question.key,
            "title": question.title,
            "background": question.background,
            "decided": question.decided,
            "combine": question.combine,
            "verdict": self.verdict,
            "items": [item.to_json() for item in self.items],
        }


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
    return Answer(question, combined(question.combine, [i.verdict for i in items if i.decides]), tuple(items))


def combined(combine: Literal["all", "any"], verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of several: of `all` one alone can refute, of `any` one alone can support."""
    alone: Verdict = "refuted" if combine == "all" else "supported"
    together: Verdict = "supported" if combine == "all" else "refuted"
    if alone in verdicts:
        return alone
    return together if set(verdicts) == {together} else "undecided"


def _decide_item(evidence: Evidence, records: Series) -> ItemAnswer:
    spec = evidence.spec
    found = _under_the_same_conditions([_seeds(side, records) for side in evidence.sides])
    scored = [
        {seed: record for seed, record in seeds.items() if value_of(spec, record) is not None} for seeds in found
    ]
    common = sorted(set.intersection(*(set(seeds) for seeds in scored)))
    number = number_of(spec, scored) if common else None
    verdict, why = _verdict(spec, number), ""
    missing: tuple[Missing, ...] = ()
    if len(common) < FEWEST_SEEDS:
        verdict, why = "undecided", f"{len(common)} of {FEWEST_SEEDS} seeds are there"
        missing = _missing(evidence.sides, found)
        if not missing:
            why += f": some of the records have no {spec.metric} to compare"
    elif verdict == "undecided":
        why = f"the interval includes {'×' * spec.log}{minus(f'{spec.bound:g}')}"
    return ItemAnswer(
        label=spec.label,
        decides=spec.decides,
        verdict=verdict,
        measured=measured(spec, evidence.cells.cell.loop.generations),
        of=evidence.cells.text,
        against=None if evidence.against is None else evidence.against.text,
        expected=f"{spec.side} {'×' * spec.log}{minus(f'{spec.bound:g}')}",
        margin=spec.margin,
        estimate=number,
        ratio=spec.log,
        shown="" if number is None else shown(spec, number),
        why=why,
        seeds=tuple(common),
        cells=tuple(scored[0][seed].cell_id for seed in common),
        against_cells=tuple(seeds[seed].cell_id for seeds in scored[1:] for seed in common),
        missing=missing,
        of_earlier_files=any(earlier_file(seeds[seed].cell.method) for seeds in scored for seed in common),
    )


def _seeds(side: Side, records: Series) -> Seeds:
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
