"""The Frechet distance between two sets of features, each taken for a Gaussian (Heusel et al. 2017)."""

from dataclasses import dataclass

import torch
from torch import Tensor


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


def frechet_distance(a: GaussianMoments, b: GaussianMoments) -> float:
    """Return |mu_a - mu_b|^2 + tr(A + B - 2 (A B)^(1/2)), in float64.

    The eigenvalues of A B are those of the symmetric R B R with R = A^(1/2), so a symmetric eigendecomposition does;
    it is exact for covariances without full rank, where a general matrix square root may not exist.

    Returns:
        The distance, at least 0 up to rounding; lower is better. It is biased upward by a finite number of samples
        (Chong & Forsyth 2020): compare only values at the same n.
    """
    values, vectors = torch.linalg.eigh(a.covariance)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ b.covariance @ root).clamp(min=0).sqrt().sum()
    trace = a.covariance.trace() + b.covariance.trace() - 2 * cross
    return float((a.mean - b.mean).square().sum() + trace)
