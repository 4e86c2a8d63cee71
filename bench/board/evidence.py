"""The number that an item of a question's evidence is: computed from records, and as text."""

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


def number_of(spec: EvidenceSpec, sides: list[dict[int, Record]]) -> Estimate:
    """Return the number over the seeds that all sides have: a difference, or a ratio where `log` is set."""

    def value(record: Record) -> float:
        found = value_of(spec, record)
        assert found is not None  # those without were left out
        return found

    if len(sides) == 1:
        found = estimate([value(record) for record in sides[0].values()])
    else:
        found = paired_difference(sides[0], sides[1], value)
    if not spec.log:
        return found
    return replace(found, mean=ratio(found.mean), low=ratio(found.low), high=ratio(found.high))


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
