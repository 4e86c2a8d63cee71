"""Ranks of the entries of a track, from paired tests of both figures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bench.board.figures import FIGURES
from bench.board.seed_statistics import FEWEST_SEEDS, SIGNIFICANT
from bench.board.tables import Entry


def ranks_of(entries: Sequence[Entry]) -> list[tuple[int, int]]:
    """Return the lowest and the highest rank of each entry that ties leave; the lowest is its rank.

    One entry is above another where it is better with 95% confidence in one figure and worse in none.
    """
    seeds = sorted({seed for entry in entries for seed in entry.records})
    better = np.zeros((len(entries), len(entries)), dtype=bool)
    worse = np.zeros_like(better)
    for figure in FIGURES:
        areas = np.full((len(entries), len(seeds)), np.nan)
        for place, entry in enumerate(entries):
            for seed, value in entry.areas[figure.key].items():
                areas[place, seeds.index(seed)] = value * figure.sign
        for place in range(len(entries)):
            shown = _shown(areas - areas[place], figure.least)
            better[:, place] |= shown > 0
            worse[:, place] |= shown < 0
    above = better & ~worse
    lowest, highest = 1 + above.sum(0), len(entries) - above.sum(1)
    return list(zip(lowest.tolist(), highest.tolist(), strict=True))


def _shown(differences: NDArray[np.float64], least: float) -> NDArray[np.int8]:
    """Return the sign of each row's mean where a t-test over seeds shows it, and it is not too small; else 0.

    NaN stands for a seed that is not there.
    """
    there = ~np.isnan(differences)
    n = there.sum(1)
    mean = np.where(there, differences, 0).sum(1) / np.maximum(n, 1)
    squares = np.where(there, differences - mean[:, None], 0) ** 2
    error = np.sqrt(squares.sum(1) / np.maximum(n - 1, 1) / np.maximum(n, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.stdtr(np.maximum(n - 1, 1), -np.abs(mean / error))
    shown = (n >= FEWEST_SEEDS) & (p < SIGNIFICANT) & (np.abs(mean) >= least)
    found: NDArray[np.int8] = np.where(shown, np.sign(mean), 0).astype(np.int8)
    return found
