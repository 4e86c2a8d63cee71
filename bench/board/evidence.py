"""The number that an item of a question's evidence is: computed from records, and as text."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bench.board.decline import ratio, slopes
from bench.board.figures import area, log_fids
from bench.board.question_file import EvidenceSpec
from bench.board.seed_statistics import Estimate, estimate, paired_difference
from bench.cells.record import Record

_METRIC_WORDS = {"fid": "FID", "kid": "KID", "authpct": "AuthPct"}


def value_of(spec: EvidenceSpec, record: Record) -> float | None:
    """Return the statistic of one record, its logarithm where `log` is set; None where a generation has no value."""
    scores: list[float | None] = [getattr(result.scores, spec.metric) for result in record.generations]
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        return None
    # As everywhere on the board: a FID below that of real images counts as that of real images.
    values = np.array(log_fids(record) if spec.log else known)
    generations = np.arange(1, len(values) + 1)
    match spec.statistic:
        case "last":
            return float(values[-1])
        case "change":
            return float(values[-1] - values[0])
        case "area":
            return area(values.tolist())
        case "trend":
            return float(slopes(values[None])[0])
        case "late trend":
            return float(slopes(values[None, generations > len(values) / 2])[0])


def number_of(spec: EvidenceSpec, sides: Sequence[dict[int, Record]]) -> Estimate:
    """Return the number over the seeds that all sides have: a difference, of logarithms where `log` is set.

    Args:
        spec: what is computed.
        sides: in the order of `Evidence.sides`, the records of each by seed; those without a value are left out.
    """

    def value(records: tuple[Record, ...]) -> float:
        first, *control = (found for record in records if (found := value_of(spec, record)) is not None)
        return first - sum(control)

    # With controls (cells - control) - (against - against_control).
    own, others = _by_seed(sides[::2]), _by_seed(sides[1::2])
    return paired_difference(own, others, value) if others else estimate([value(each) for each in own.values()])


def as_ratio(number: Estimate) -> Estimate:
    """Return the ratio that a difference of logarithms is."""
    return replace(number, mean=ratio(number.mean), low=ratio(number.low), high=ratio(number.high))


def _by_seed(sides: Sequence[dict[int, Record]]) -> dict[int, tuple[Record, ...]]:
    """Return the records of several sides together, of the seeds that all of them have."""
    common = set.intersection(*map(set, sides)) if sides else set()
    return {seed: tuple(side[seed] for side in sides) for seed in sorted(common)}


def measured(spec: EvidenceSpec, generations: int) -> str:
    """Return in words what the number of an item is."""
    metric = _METRIC_WORDS.get(spec.metric, spec.metric.replace("_", " "))
    words = {
        "last": f"{metric} of generation {generations}",
        "change": f"change of {metric} from generation 1 to {generations}",
        "area": f"mean {metric} over generations 1 to {generations}",
        "trend": f"trend of {metric} per generation",
        "late trend": f"trend of {metric} per generation, from generation {generations // 2 + 1} on",
    }[spec.statistic]
    if spec.log:
        words += ", as a ratio"
    if spec.control is not None:
        return words + (
            " to that of the control, and this ratio as a ratio to the same of the others"
            if spec.log
            else ", difference from the control, and how that differs from the same of the others"
        )
    return words + (" to that of the others" if spec.log else ", difference from the others") * bool(spec.against)


def shown(spec: EvidenceSpec, number: Estimate) -> str:
    """Return a number with its interval as text: a ratio as "x1.50 (1.20 to 1.90)", a difference with its sign."""
    fine = spec.statistic in ("trend", "late trend") or spec.metric not in ("fid", "training_distance_ratio")
    decimals = 3 if fine else 2
    level = spec.against is None and spec.statistic in ("last", "area")
    sign = "" if spec.log or level else "+"
    mean, low, high = (f"{value:{sign}.{decimals}f}" for value in (number.mean, number.low, number.high))
    return minus(f"{mean}{'×' * spec.log} ({low} to {high})")


def minus(text: str) -> str:
    """Return a number's text with a true minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")
