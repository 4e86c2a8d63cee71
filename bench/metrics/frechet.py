"""The Frechet distance between two sets of features, each taken for a Gaussian (Heusel et al. 2017)."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

# Below this ratio of pivots an eigenvalue of the product may be rounding noise, and its square root is not small.
WELL_CONDITIONED = 1e-5


@dataclass(frozen=True)
class GaussianMoments:
    """Mean, float64 (d,), and unbiased covariance, float64 (d, d), of a set of features."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "GaussianMoments":
        """Return the moments of features, (n, d) with n at least 2."""
        features = features.double()
        mean = features.mean(0)
        centred = features - mean
        return cls(mean, centred.T @ centred / (len(features) - 1))

    @cached_property
    def cholesky(self) -> Tensor | None:
        """The lower triangle L with L L^T the covariance; None where this has not full rank, or nearly not."""
        factor: Tensor
        factor, failed = torch.linalg.cholesky_ex(self.covariance)
        pivots = factor.diagonal()
        if int(failed) or float(pivots.min()) < WELL_CONDITIONED * float(pivots.max()):
            return None
        return factor

    @cached_property
    def root(self) -> Tensor:
        """The symmetric square root of the covariance; what rounding leaves of its null space is set to zero."""
        values, vectors = torch.linalg.eigh(self.covariance)
        rounding = len(values) * torch.finfo(values.dtype).eps * values.abs().max()
        kept = torch.where(values > rounding, values, 0.0)
        root: Tensor = vectors * kept.sqrt() @ vectors.T
        return root


def frechet_distance(a: GaussianMoments, b: GaussianMoments) -> float:
    """Return |mu_a - mu_b|^2 + tr(A + B - 2 (A B)^(1/2)), in float64.

    With A = L L^T the eigenvalues of A B are those of the symmetric L^T B L, so that one Cholesky factor and one
    symmetric eigenvalue problem do. Where A or B has not full rank (fewer images than features, a collapsed
    generator), the last trace is the sum of the singular values of A^(1/2) B^(1/2), which is exact there too, while a
    general matrix square root may not exist.

    Returns:
        The distance, at least 0 up to rounding; lower is better. It is biased upward by a finite number of samples
        (Chong & Forsyth 2020): compare only values at the same n.
    """
    if a.cholesky is not None and b.cholesky is not None:
        product = a.cholesky.T @ b.covariance @ a.cholesky
        cross = torch.linalg.eigvalsh(product).clamp(min=0).sqrt().sum()
    else:
        cross = torch.linalg.svdvals(a.root @ b.root).sum()
    trace = a.covariance.trace() + b.covariance.trace() - 2 * cross
    return float((a.mean - b.mean).square().sum() + trace)
