"""What a cell is worth over its whole loop: two figures that a verdict needs both of, and their curves.

FID falls where images become better or more varied, and can fall while nearly all variety is lost: it does not see
what images have in common. Precision and recall (Kynkaanniemi et al. 2019) see quality and diversity apart, and F1,
their harmonic mean, falls where either does. A collapsed model that copies a few good images has a low FID and a low
F1; noise has neither.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.cells.record import Record, Scores

SMALLEST_FID = 1e-6  # where a floor of 0 would leave its logarithm without a value

FigureKey = Literal["fid", "f1"]


@dataclass(frozen=True)
class Figure:
    """A number of a cell, over all its generations.

    Attributes:
        key: its name in downloads.
        title: its name on the page.
        sign: 1 where more is better, -1 where less is.
        least: the smallest difference that anything is said of; what is less matters to nobody, however sure it is.
        area: gives it for a record of at least two generations.
    """

    key: FigureKey
    title: str
    sign: int
    least: float
    area: Callable[[Record], float]


def f1(scores: Scores) -> float:
    """Return the harmonic mean of precision and recall, 0 to 1; 0 where both are 0."""
    return harmonic_mean(scores.precision, scores.recall)


def harmonic_mean(one: float, other: float) -> float:
    """Return the harmonic mean of two shares; 0 where both are 0."""
    return 2 * one * other / (one + other) if one + other else 0.0


def log_fids(record: Record) -> list[float]:
    """Return the logarithm of FID in each generation.

    A FID below that of real images counts as that of real images: less says nothing of a generator.
    """
    lowest = max(record.score.floor.fid, SMALLEST_FID)
    return [math.log(max(generation.scores.fid, lowest)) for generation in record.generations]


def log_fid_area(record: Record) -> float:
    """Return the area under log FID from generation 1 to the last, divided by the number of steps.

    The difference of two cells' areas is the logarithm of the ratio of their FID, averaged over the loop.
    """
    return area(log_fids(record))


def f1_area(record: Record) -> float:
    """Return the area under F1 from generation 1 to the last, divided by the number of steps: 0 to 1."""
    return area([f1(generation.scores) for generation in record.generations])


def area(values: Sequence[float]) -> float:
    """Return the area under a curve by the trapezoidal rule, divided by its number of steps."""
    return (sum(values) - (values[0] + values[-1]) / 2) / (len(values) - 1)


FID_FIGURE = Figure("fid", "FID", -1, math.log(1.02), log_fid_area)  # 2%
F1_FIGURE = Figure("f1", "F1", 1, 0.01, f1_area)
FIGURES = (FID_FIGURE, F1_FIGURE)
