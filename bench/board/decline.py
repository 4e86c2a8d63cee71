"""Model Autophagy Disorder, as Alemohammad et al. (2023) define it: quality or diversity falls with the generations.

Three directions, each said by name: FID rises, precision falls (quality), recall falls (diversity). Index, questions
and documents share this one definition: the slope of a straight line through all generations, by least squares, of
log FID, of precision and of recall. The logarithm, because FID is compared as a ratio everywhere on the board, and
because a seed whose first generation is worse would else weigh more.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bench.board.figures import log_fids
from bench.board.seed_statistics import CONFIDENCE, FEWEST_SEEDS, Estimate, estimate
from bench.cells.record import Record

MOST_LOG = 700.0  # of a float

DirectionName = Literal["FID rises", "precision falls", "recall falls"]
State = Literal["shown", "not shown", "cannot be told"]


@dataclass(frozen=True)
class Direction:
    """One way of going MAD, and whether it is shown.

    Attributes:
        name: what would happen.
        key: of the score.
        slope: change per generation, an expectation over seeds: of log FID, of precision or of recall; None where
            there is one generation.
        sign: of the slope that is a decline.
    """

    name: DirectionName
    key: Literal["fid", "precision", "recall"]
    slope: Estimate | None
    sign: int

    @property
    def state(self) -> State:
        """Whether it is shown with 95% confidence, which takes three seeds; "not shown" does not mean healthy."""
        if self.slope is None or self.slope.seeds < FEWEST_SEEDS:
            return "cannot be told"
        surely = self.slope.low > 0 if self.sign > 0 else self.slope.high < 0
        return "shown" if surely else "not shown"

    @property
    def per_generation(self) -> tuple[float, float, float] | None:
        """The mean change with the ends of its interval: of FID as a ratio, of the others as a difference."""
        if self.slope is None:
            return None
        ends = (self.slope.mean, self.slope.low, self.slope.high)
        return tuple(map(ratio, ends)) if self.key == "fid" else ends  # type: ignore[return-value]

    @property
    def is_shown(self) -> bool:
        """Whether it is shown."""
        return self.state == "shown"


@dataclass(frozen=True)
class Trend:
    """A straight line through a cell's log FID over its generations, by least squares.

    Attributes:
        slope: of log FID, per generation.
        low: lower end of its 95% interval by Student's t over generations; minus infinity with fewer than three.
        high: upper end; infinity with fewer than three.
    """

    slope: float
    low: float
    high: float

    @property
    def is_mad(self) -> bool:
        """Whether FID rises with 95% confidence in this cell alone."""
        return self.low > 0

    @property
    def per_generation(self) -> tuple[float, float, float]:
        """FID as a multiple of that of the generation before, with the ends of the interval."""
        return ratio(self.slope), ratio(self.low), ratio(self.high)


def directions(records: Sequence[Record]) -> tuple[Direction, Direction, Direction]:
    """Return the three directions for the cells of an entry, one for each seed."""
    return (
        Direction("FID rises", "fid", _mean_slope(map(log_fids, records)), 1),
        Direction("precision falls", "precision", _mean_slope(_curves(records, "precision")), -1),
        Direction("recall falls", "recall", _mean_slope(_curves(records, "recall")), -1),
    )


def ratio(log: float) -> float:
    """Return what a logarithm is the logarithm of; infinity where that is too large for a float."""
    return math.exp(log) if log < MOST_LOG else math.inf


def fid_trend(record: Record) -> Trend | None:
    """Return the trend of a cell's log FID, None where there is one generation only."""
    values = np.array(log_fids(record))
    n = len(values)
    if n < 2:
        return None
    slope = float(slopes(values[None])[0])
    if n == 2:
        return Trend(slope, -math.inf, math.inf)
    x = np.arange(n) - (n - 1) / 2
    error = math.sqrt(float(np.square(values - values.mean() - slope * x).sum()) / (n - 2) / float((x**2).sum()))
    half = float(special.stdtrit(n - 2, (1 + CONFIDENCE) / 2)) * error
    return Trend(slope, slope - half, slope + half)


def slopes(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slope of the straight line of least squares through each row, (rows, generations)."""
    x = np.arange(curves.shape[1]) - (curves.shape[1] - 1) / 2
    found: NDArray[np.float64] = curves @ x / (x @ x)
    return found


def _curves(records: Iterable[Record], key: str) -> list[list[float]]:
    return [[getattr(generation.scores, key) for generation in record.generations] for record in records]


def _mean_slope(curves: Iterable[Sequence[float]]) -> Estimate | None:
    values = np.array(list(curves))
    return estimate(slopes(values).tolist()) if values.shape[1] > 1 else None
