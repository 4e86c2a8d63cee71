"""The kernel distance of two sets of features: KID, where the features are Inception's (Binkowski et al. 2018)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics import Metric

from bench.metrics.accumulate import joined
from bench.metrics.neighbours import BLOCK


@dataclass(frozen=True)
class KernelSet:
    """A set of points with the sums of the kernel over the set.

    Attributes:
        points: float32, (n, d).
        sums: float64, (n,): for each point, the sum of its kernel with every other point of the set.
    """

    points: Tensor
    sums: Tensor

    @classmethod
    def of(cls, points: Tensor) -> "KernelSet":
        """Sum the kernel over all pairs of n points, n at least 2; each pair is computed once."""
        points = points.float()
        sums = torch.zeros(len(points), dtype=torch.float64, device=points.device)
        for rows in _blocks(points):
            for columns in _blocks(points):
                if columns.start < rows.start:
                    continue
                kernel = cubic_kernel(points[rows], points[columns])
                if columns == rows:
                    kernel.diagonal().zero_()
                else:
                    sums[columns] += kernel.sum(0)
                sums[rows] += kernel.sum(1)
        return cls(points, sums)


def cubic_kernel(a: Tensor, b: Tensor) -> Tensor:
    """Return (a . b / d + 1)^3 of all pairs, float64 (n, m), of a, (n, d), and b, (m, d)."""
    products = a.double() @ b.double().T / a.shape[1] + 1
    return products * products * products


def kernel_distance(real: KernelSet, generated: KernelSet) -> tuple[float, float]:
    """Return the unbiased estimate of the squared maximum mean discrepancy with the cubic kernel, and its error.

    With k(x, y) = (x . y / d + 1)^3 it is mean k(x, x') + mean k(y, y') - 2 mean k(x, y), the first two over pairs of
    different points. All pairs are used, so the value is what the customary mean over random subsets estimates, with
    less variance and without a choice of subsets; for sets of one subset's size it is that subset's value.

    Returns:
        The estimate, 0 for equal distributions and negative by chance, lower is better; and its standard error over
        draws of both sets, from the variance of the estimate's projections on single points (Sutherland et al. 2017;
        first order: close to equal distributions it is only an order of magnitude).
    """
    x, y = real.points, generated.points
    n, m = len(x), len(y)
    x_sums = torch.zeros(n, dtype=torch.float64, device=x.device)
    y_sums = torch.zeros(m, dtype=torch.float64, device=x.device)
    for rows in _blocks(y):
        for columns in _blocks(x):
            kernel = cubic_kernel(y[rows], x[columns])
            y_sums[rows] += kernel.sum(1)
            x_sums[columns] += kernel.sum(0)
    distance = real.sums.sum() / (n * (n - 1)) + generated.sums.sum() / (m * (m - 1)) - 2 * y_sums.sum() / (n * m)
    x_part = real.sums / (n - 1) - x_sums / m
    y_part = generated.sums / (m - 1) - y_sums / n
    error = 2 * (x_part.var() / n + y_part.var() / m).sqrt()
    return float(distance), float(error)


def _blocks(points: Tensor) -> list[slice]:
    """Return slices of BLOCK points; the kernel is a small difference of large sums, so all of it is in float64."""
    return [slice(start, min(start + BLOCK, len(points))) for start in range(0, len(points), BLOCK)]


class KernelDistance(Metric):
    """The kernel distance of features that come in batches, or on several processes.

    Args:
        real: the real features and their kernel sums, on the device that the batches are on.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = False
    features: list[Tensor]

    def __init__(self, real: KernelSet) -> None:
        super().__init__()
        self._real = real
        self.add_state("features", default=[], dist_reduce_fx="cat")

    def update(self, features: Tensor) -> None:
        """Add generated features, float (n, d)."""
        self.features.append(features)

    def compute(self) -> tuple[Tensor, Tensor]:
        """Return the distance and its standard error, float64 scalars."""
        distance, error = kernel_distance(self._real, KernelSet.of(joined(self.features)))
        return torch.tensor(distance, dtype=torch.float64), torch.tensor(error, dtype=torch.float64)
