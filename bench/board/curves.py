"""The curves of entries over generations: means over seeds with their bootstrap intervals."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.board.metrics import METRICS
from bench.board.seed_statistics import bootstrap_intervals
from bench.board.tables import Entry


@dataclass(frozen=True)
class Point:
    """A metric in one generation, over seeds.

    Attributes:
        mean: over seeds.
        low: lower end of its 95% bootstrap interval.
        high: upper end.
    """

    mean: float
    low: float
    high: float


Curve = tuple[Point, ...]  # one for each generation


def draw_curves(entries: Sequence[Entry]) -> list[dict[str, Curve]]:
    """Return the curves of each entry by metric, of the metrics that all its cells have."""
    values: dict[tuple[int, str], np.ndarray] = {}
    for place, entry in enumerate(entries):
        for metric in METRICS:
            by_seed = [[metric.of(g.scores) for g in record.generations] for record in entry.records.values()]
            if not any(value is None for curve in by_seed for value in curve):
                values[place, metric.key] = np.array(by_seed, dtype=np.float64).T
    # One call of the bootstrap for all curves with the same number of seeds: thousands of calls would take minutes.
    by_seeds = defaultdict(list)
    for key, array in values.items():
        by_seeds[array.shape[1]].append(key)
    curves: list[dict[str, Curve]] = [{} for _ in entries]
    for keys in by_seeds.values():
        stacked = np.concatenate([values[key] for key in keys])
        rows = np.column_stack([stacked.mean(1), bootstrap_intervals(stacked)]).tolist()
        start = 0
        for place, metric_key in keys:
            end = start + len(values[place, metric_key])
            curves[place][metric_key] = tuple(Point(*row) for row in rows[start:end])
            start = end
    return curves
