"""What a cell's FID does over the generations: its trend, and the area under its logarithm."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats
from scipy.integrate import trapezoid

from bench.board.seed_statistics import CONFIDENCE
from bench.cells.record import Record

SMALLEST_FID = 1e-6  # where a floor of 0 would leave its logarithm without a value


@dataclass(frozen=True)
class Trend:
    """A straight line through a cell's FID over its generations, by least squares.

    Attributes:
        slope: FID per generation.
        low: lower end of its 95% interval by Student's t over generations; minus infinity with fewer than three.
        high: upper end; infinity with fewer than three.
    """

    slope: float
    low: float
    high: float

    @property
    def is_mad(self) -> bool:
        """Whether the distance increases with 95% confidence: Model Autophagy Disorder (Alemohammad et al. 2023)."""
        return self.low > 0


def fid_trend(record: Record) -> Trend | None:
    """Return the trend of a cell's FID, None where there is one generation only."""
    fids = [generation.scores.fid for generation in record.generations]
    n = len(fids)
    if n < 2:
        return None
    line = stats.linregress(np.arange(n), fids)
    if n == 2:
        return Trend(float(line.slope), -math.inf, math.inf)
    half = float(special.stdtrit(n - 2, (1 + CONFIDENCE) / 2) * line.stderr)
    return Trend(float(line.slope), float(line.slope) - half, float(line.slope) + half)


def log_fid_area(record: Record) -> float:
    """Return the area under the curve of log FID from generation 1 to the last, divided by the number of steps.

    The trapezoidal rule. A FID below that of real images counts as that of real images: less says nothing of a
    generator. The difference of two cells' areas is the logarithm of the ratio of their FID, averaged over the loop.

    Args:
        record: of at least two generations.
    """
    lowest = max(record.score.floor.fid, SMALLEST_FID)
    logs = [math.log(max(generation.scores.fid, lowest)) for generation in record.generations]
    return float(trapezoid(logs)) / (len(logs) - 1)
