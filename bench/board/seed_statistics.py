"""What seeds say together: means with their intervals, and differences paired by seed.

Two intervals are in use, and docs/scoring.md says why. The percentile bootstrap over seeds shows where the mean lies
and how far the seeds spread; with three seeds it reaches from the lowest to the highest and covers the expectation
less often than 95%. Whatever is decided (ranks, verdicts, the trend) is decided by Student's t over seeds, which keeps
its level with few of them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

T = TypeVar("T")

CONFIDENCE = 0.95
SIGNIFICANT = 0.05
RESAMPLES = 999
FEWEST_SEEDS = 3  # to be ranked, and to decide anything
MOST_SEEDS = 100  # that anybody is told to run


@dataclass(frozen=True)
class Estimate:
    """An expectation over seeds: the mean with its 95% confidence interval by Student's t.

    Attributes:
        mean: over the seeds.
        low: lower end of the interval; minus infinity with a single seed.
        high: upper end; infinity with a single seed.
        p: two-sided p-value of the expectation being 0; 1 with a single seed.
        seeds: how many there were.
    """

    mean: float
    low: float
    high: float
    p: float
    seeds: int

    def __str__(self) -> str:
        return f"{self.mean:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of one value per seed with its interval and the one-sample t-test against 0.

    Raises:
        ValueError: there are no values.
    """
    if not len(values):
        raise ValueError("there are no seeds to take a mean over")
    n = len(values)
    mean = sum(values) / n
    if n == 1:
        return Estimate(mean, -math.inf, math.inf, 1.0, n)
    if min(values) == max(values):
        # The t statistic is 0/0 or infinite.
        mean = values[0]
        return Estimate(mean, mean, mean, float(mean == 0), n)
    # As scipy.stats.ttest_1samp, which takes thirty times longer: a board has tens of thousands of estimates.
    error = _standard_error(values, mean)
    p = 2 * special.stdtr(n - 1, -abs(mean) / error) if error else float(mean == 0)  # squares can be 0 by rounding
    half = float(special.stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * error
    return Estimate(mean, mean - half, mean + half, float(p), n)


def seeds_to_exclude(found: Estimate, value: float) -> int | None:
    """Return how many seeds it takes until the 95% interval leaves out a value, if mean and spread stay as they are.

    A mean that is the expectation by luck alone would wander: with that many seeds the interval leaves the value out
    about every second time.

    Args:
        found: an estimate of two seeds or more whose interval includes the value.
        value: to be left out.

    Returns:
        more seeds than there are, at most MOST_SEEDS; None where it takes more.
    """
    t = special.stdtrit(found.seeds - 1, (1 + CONFIDENCE) / 2)
    deviation = (found.high - found.low) / 2 / t * math.sqrt(found.seeds)
    for seeds in range(found.seeds + 1, MOST_SEEDS + 1):
        if special.stdtrit(seeds - 1, (1 + CONFIDENCE) / 2) * deviation / math.sqrt(seeds) < abs(found.mean - value):
            return seeds
    return None


def _standard_error(values: Sequence[float], mean: float) -> float:
    """Return the standard error of a mean of two values or more."""
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def one_sided(values: Sequence[float]) -> tuple[float, float]:
    """Return what the expectation over seeds is above, and what it is below, each with 95% confidence (Student's t).

    For claims that go one way: "not worse by more than this". Infinite with a single seed.
    """
    if len(values) == 1:
        return -math.inf, math.inf
    mean = sum(values) / len(values)
    half = float(special.stdtrit(len(values) - 1, CONFIDENCE)) * _standard_error(values, mean)
    return mean - half, mean + half


def paired_difference(method: Mapping[int, T], other: Mapping[int, T], value: Callable[[T], float]) -> Estimate:
    """Return the mean of value(method) - value(other) over the seeds that both have records of.

    Args:
        method: records by seed, or whatever has the number.
        other: those of the method that it is compared with, by seed.
        value: gives the number that is compared.

    Raises:
        ValueError: they have no seed in common.
    """
    seeds = sorted(method.keys() & other.keys())
    if not seeds:
        raise ValueError("the two methods have no seed in common")
    return estimate([value(method[seed]) - value(other[seed]) for seed in seeds])


def bootstrap_intervals(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 95% percentile bootstrap intervals of means over seeds (Efron 1979).

    The resamples are drawn with a fixed seed, the same for every row.

    Args:
        values: float64, (rows, seeds).

    Returns:
        float64, (rows, 2): the lower and the upper end; both the value itself where there is one seed.
    """
    if values.shape[1] == 1 or not len(values):
        return np.repeat(values[:, :1], 2, axis=1)
    found = stats.bootstrap(
        (values,),
        np.mean,
        axis=-1,
        n_resamples=RESAMPLES,
        batch=max(1, 10_000_000 // max(1, values.size)),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return np.stack([found.low, found.high], axis=1)
