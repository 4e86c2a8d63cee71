"""The Frechet distance between two sets of features, each taken for a Gaussian (Heusel et al. 2017)."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torchmetrics import Metric

from bench.metrics.accumulate import joined

# Below this ratio of pivots an eigenvalue of the product may be rounding noise, and its square root is not small.
WELL_CONDITIONED = 1e-5


@dataclass(frozen=True)
class GaussianMoments:
    """Mean and unbiased covariance of a set of features.

    Attributes:
        mean: float64, (d,).
        covariance: float64, (d, d).
        rows: float64, (n, d), with rows^T rows the covariance, for a set of at most d features; otherwise None.
    """

    mean: Tensor
    covariance: Tensor
    rows: Tensor | None = None

    @classmethod
    def of(cls, features: Tensor) -> "GaussianMoments":
        """Return the moments of features, (n, d) with n at least 2."""
        centred = features.to(torch.float64, copy=True)
        mean = centred.mean(0)
        centred -= mean
        return cls.with_covariance(features, mean, centred.T @ centred / (len(features) - 1))

    @classmethod
    def with_covariance(cls, features: Tensor, mean: Tensor, covariance: Tensor) -> "GaussianMoments":
        """Return the moments of features whose mean and covariance were computed before."""
        n, d = features.shape
        return cls(mean, covariance, (features.double() - mean) / (n - 1) ** 0.5 if n <= d else None)

    @cached_property
    def cholesky(self) -> Tensor | None:
        """The lower triangle L with L L^T the covariance; None where this has not full rank, or nearly not."""
        if self.rows is not None:
            return None
        factor: Tensor
        factor, failed = torch.linalg.cholesky_ex(self.covariance)
        pivots = factor.diagonal()
        if int(failed) or float(pivots.min()) < WELL_CONDITIONED * float(pivots.max()):
            return None
        return factor

    @cached_property
    def factor(self) -> Tensor:
        """A matrix F, (r, d), with F^T F the covariance; where there is a choice, one that has few rows."""
        if self.rows is not None:
            return self.rows
        if self.cholesky is not None:
            return self.cholesky.T
        values, vectors = torch.linalg.eigh(self.covariance)
        # What rounding leaves of the null space does not belong to the set.
        kept = values > len(values) * torch.finfo(values.dtype).eps * values.abs().max()
        scaled: Tensor = vectors[:, kept] * values[kept].sqrt()
        return scaled.T


def frechet_distance(a: GaussianMoments, b: GaussianMoments) -> float:
    """Return |mu_a - mu_b|^2 + tr(A + B - 2 (A B)^(1/2)), in float64.

    With A = L L^T the eigenvalues of A B are those of the symmetric L^T B L, so that one Cholesky factor and one
    symmetric eigenvalue problem do. Where A or B has not full rank (fewer images than features, a collapsed
    generator), the last trace is the sum of the singular values of F_a F_b^T, with A = F_a^T F_a and B = F_b^T F_b:
    exact there too, while a general matrix square root may not exist, and small where there are few images.

    Returns:
        The distance, at least 0; lower is better. It is biased upward by a finite number of samples
        (Chong & Forsyth 2020): compare only values at the same n.
    """
    if a.cholesky is not None and b.cholesky is not None:
        product = a.cholesky.T @ b.covariance @ a.cholesky
        cross = torch.linalg.eigvalsh(product).clamp(min=0).sqrt().sum()
    else:
        cross = torch.linalg.svdvals(a.factor @ b.factor.T).sum()
    trace = a.covariance.trace() + b.covariance.trace() - 2 * cross
    # Of equal sets rounding may leave less than nothing; clamp keeps a NaN, which max would hide.
    return float(((a.mean - b.mean).square().sum() + trace).clamp(min=0))


class FrechetDistance(Metric):
    """The Frechet distance of features that come in batches, or on several processes.

    Args:
        reference: the moments of the real features, on the device that the batches are on.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = False
    features: list[Tensor]

    def __init__(self, reference: GaussianMoments) -> None:
        super().__init__()
        self._reference = reference
        # Features and not sums: few of them have a smaller factor than their covariance, and equal ones no spread.
        self.add_state("features", default=[], dist_reduce_fx="cat")

    def update(self, features: Tensor) -> None:
        """Add generated features, float (n, d)."""
        self.features.append(features)

    def compute(self) -> Tensor:
        """Return the distance, a float64 scalar; at least two features must have been added."""
        moments = GaussianMoments.of(joined(self.features))
        return torch.tensor(frechet_distance(self._reference, moments), dtype=torch.float64)
