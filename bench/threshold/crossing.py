"""Up to which number of synthetic images n_e / n_r is at least 1, and how well the seeds say so."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Threshold:
    """How many synthetic images are admissible.

    Attributes:
        n_real: real images in each generation.
        sampling_bias: of what enters the pools.
        largest_admissible: the largest n_synthetic of the sweep with n_e / n_r >= 1; None where there is none.
        crossing: where n_e / n_r falls below 1 after that, interpolated in log n_synthetic; None where it does not.
        interval: 95% bootstrap interval over seeds of the crossing, of which an end is 0 where no number of the sweep
            would be admissible, and None where the largest still would be; None for a single seed.
    """

    n_real: int
    sampling_bias: float
    largest_admissible: int | None
    crossing: float | None
    interval: tuple[float | None, float | None] | None


def find_threshold(
    n_real: int, sampling_bias: float, n_synthetic: Numbers, ratios: Numbers, drawn: Numbers | None
) -> Threshold:
    """Return the threshold of loops with these real images and this bias.

    Args:
        n_real: real images in each generation.
        sampling_bias: of what enters the pools.
        n_synthetic: of each loop, rising, (loops,).
        ratios: n_e / n_r of each loop.
        drawn: n_e / n_r from seeds drawn with replacement, (loops, draws); None for a single seed.
    """
    admissible = n_synthetic[ratios >= 1]
    crossing = crossing_point(n_synthetic, ratios)
    interval = None
    if drawn is not None:
        again = [crossing_point(n_synthetic, each) for each in drawn.T]
        # Ends that are values themselves: there is nothing between a number and infinity.
        low, high = (float(end) for end in np.quantile(again, (0.025, 0.975), method="inverted_cdf"))
        interval = (low if np.isfinite(low) else None, high if np.isfinite(high) else None)
    return Threshold(
        n_real=n_real,
        sampling_bias=sampling_bias,
        largest_admissible=int(admissible[-1]) if len(admissible) else None,
        crossing=crossing if 0 < crossing < float("inf") else None,
        interval=interval,
    )


def crossing_point(n_synthetic: Numbers, ratios: Numbers) -> float:
    """Return up to which number of synthetic images n_e / n_r is at least 1.

    Args:
        n_synthetic: rising.
        ratios: n_e / n_r at each.

    Returns:
        Where it falls below 1 for good, interpolated between their logarithms; 0 where it is below 1 throughout, and
        infinity where it is not at the largest number.
    """
    admissible = np.flatnonzero(ratios >= 1)
    if not len(admissible):
        return 0.0
    last = admissible[-1]
    if last == len(ratios) - 1:
        return float("inf")
    (above, below), (start, end) = np.log(ratios[last : last + 2]), np.log(n_synthetic[last : last + 2])
    return float(np.exp(start + (end - start) * above / (above - below)))


def in_words(threshold: Threshold, n_synthetic: Sequence[int]) -> str:
    """Return up to which of the numbers of synthetic images they are admissible, with the interval of the limit."""
    largest, crossing = threshold.largest_admissible, threshold.crossing
    if largest is None:
        said = "no n_synthetic of the sweep is admissible"
    elif crossing is None:
        said = f"admissible up to n_synthetic {largest}, the largest of the sweep"
    else:
        said = f"admissible up to n_synthetic {largest}, the limit is near {crossing:.0f}"
    if threshold.interval is not None:
        low, high = (
            f"above {max(n_synthetic)}" if end is None else f"{end:.0f}" if end else f"below {min(n_synthetic)}"
            for end in threshold.interval
        )
        said += f" (95%: {low})" if low == high else f" (95%: {low} to {high})"
    return f"n_real {threshold.n_real}, sampling bias {threshold.sampling_bias:g}: {said}"
