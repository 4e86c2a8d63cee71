"""Precision, recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) of features.

The manifold of a set is the union of balls, one around each of its points, that reach to the point's k-th nearest
neighbour in the set. The point itself is not its own neighbour, a duplicate of it is; a point on a ball's surface is
inside, as in Kynkaanniemi's definition. (The reference code of density and coverage leaves the surface out; the two
rules differ only in exact ties.) All comparisons are exact.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics import Metric

from bench.metrics.accumulate import joined
from bench.metrics.neighbours import (
    BLOCK,
    EXACT_PAIRS,
    exact_squared_distances,
    kth_neighbours,
    squared_distances,
    squared_norms,
)


@dataclass(frozen=True)
class Manifold:
    """A set of points with the squared radii of their balls.

    Attributes:
        points: float32, (n, d).
        squared_norms: float32, (n,), of the points.
        squared_radii: float64, (n,), of the balls.
        k: which neighbour the balls reach to.
    """

    points: Tensor
    squared_norms: Tensor
    squared_radii: Tensor
    k: int

    @classmethod
    def of(cls, points: Tensor, k: int) -> "Manifold":
        """Find the k-th neighbour of each of n points, n at least k + 1."""
        if len(points) <= k:
            raise ValueError(f"{len(points)} points have no {k}-th neighbour")
        points = points.float()
        return cls.with_radii(points, kth_neighbours(points, squared_norms(points), k), k)

    @classmethod
    def with_radii(cls, points: Tensor, squared_radii: Tensor, k: int) -> "Manifold":
        """Return the manifold of points, float32 (n, d), whose squared radii were computed before."""
        return cls(points, squared_norms(points), squared_radii, k)


@dataclass(frozen=True)
class ManifoldScores:
    """The four scores that one pass over the distances gives.

    Attributes:
        precision: share of generated points in at least one real ball, 0 to 1, higher is better: quality.
        recall: share of real points in at least one generated ball, 0 to 1, higher is better: diversity.
        density: real balls that a generated point lies in, on average, divided by k; 0 and up, about 1 for equal
            distributions: quality that outliers among the real points do not inflate.
        coverage: share of real balls with at least one generated point in them, 0 to 1, higher is better: diversity.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_scores(real: Manifold, generated: Manifold) -> ManifoldScores:
    """Return precision, recall, density and coverage of `generated` against `real`, which have the same k.

    One pass over the distances of all pairs, BLOCK rows of them at a time.
    """
    in_real_balls = torch.zeros(len(generated.points), dtype=torch.int32, device=real.points.device)
    real_ball_hit = torch.zeros(len(real.points), dtype=torch.bool, device=real.points.device)
    real_point_covered = torch.zeros_like(real_ball_hit)
    for start in range(0, len(generated.points), BLOCK):
        block = slice(start, start + BLOCK)
        points, norms = generated.points[block], generated.squared_norms[block]
        distances, error = squared_distances(points, norms, real.points, real.squared_norms)
        inside_real = _inside(distances, error, real.squared_radii[None, :], points, real.points)
        inside_generated = _inside(distances, error, generated.squared_radii[block, None], points, real.points)
        in_real_balls[block] = inside_real.view(torch.uint8).sum(1, dtype=torch.int32)
        real_ball_hit |= inside_real.any(0)
        real_point_covered |= inside_generated.any(0)
    return ManifoldScores(
        precision=float((in_real_balls > 0).double().mean()),
        recall=float(real_point_covered.double().mean()),
        density=float(in_real_balls.double().mean() / real.k),
        coverage=float(real_ball_hit.double().mean()),
    )


class PRDC(Metric):
    """Precision, recall, density and coverage of features that come in batches, or on several processes.

    Args:
        real: the manifold of the real features, on the device that the batches are on.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = True
    features: list[Tensor]

    def __init__(self, real: Manifold) -> None:
        super().__init__()
        self._real = real
        self.add_state("features", default=[], dist_reduce_fx="cat")

    def update(self, features: Tensor) -> None:
        """Add generated features, float (n, d)."""
        self.features.append(features)

    def compute(self) -> dict[str, Tensor]:
        """Return `ManifoldScores` as float64 scalars by name."""
        scores = manifold_scores(self._real, Manifold.of(joined(self.features), self._real.k))
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in vars(scores).items()}


def _inside(distances: Tensor, error: Tensor, squared_radii: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return which squared distances are at most the squared radii, which broadcast to them; exactly."""
    radii = squared_radii.float()
    inside = distances <= radii - error
    unsure = (inside ^ (distances <= radii + error)).nonzero()
    for pairs in unsure.split(EXACT_PAIRS):
        i, j = pairs[:, 0], pairs[:, 1]
        inside[i, j] = exact_squared_distances(a[i], b[j]) <= squared_radii.expand(distances.shape)[i, j]
    return inside
