"""Differences between two methods, paired by seed: what a seed does to both is left out of the comparison."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t

from bench.record import Record

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """A mean difference over seeds with its 95% confidence interval.

    Attributes:
        mean: over the seeds.
        low: lower end of the interval, by Student's t over the seeds; minus infinity with a single seed.
        high: upper end; infinity with a single seed.
        seeds: how many there were.
    """

    mean: float
    low: float
    high: float
    seeds: int

    def __str__(self) -> str:
        return f"{self.mean:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def paired_difference(
    method: Mapping[int, Record], other: Mapping[int, Record], value: Callable[[Record], float]
) -> Difference:
    """Return the mean of value(method) - value(other) over the seeds that both have records of.

    Args:
        method: records by seed.
        other: records of the method that it is compared with, by seed.
        value: gives the number of a record that is compared.

    Raises:
        ValueError: they have no seed in common.
    """
    seeds = sorted(method.keys() & other.keys())
    if not seeds:
        raise ValueError("the two methods have no seed in common")
    differences = [value(method[seed]) - value(other[seed]) for seed in seeds]
    mean, n = float(np.mean(differences)), len(seeds)
    if n == 1:
        return Difference(mean, -math.inf, math.inf, n)
    half = float(student_t.ppf((1 + CONFIDENCE) / 2, n - 1) * np.std(differences, ddof=1) / n**0.5)
    return Difference(mean, mean - half, mean + half, n)
