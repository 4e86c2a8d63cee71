"""Precision, recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) of features.

The manifold of a set is the union of balls, one around each of its points, that reach to the point's k-th nearest
neighbour in the set. The point itself is not its own neighbour, a duplicate of it is; a point on a ball's surface is
inside, as in Kynkaanniemi's definition. (The reference code of density and coverage leaves the surface out; the two
rules differ only in exact ties.)

All comparisons are exact. Squared distances come in blocks from float32 matrix products, whose rounding error is
bounded; where it could decide (a point close to a ball's surface), the distance is computed again from differences in
float64. At most BLOCK rows of distances are held at a time.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 512
# A neighbour beyond these further candidates would have to be nearer by more than rounding can explain.
SPARE_CANDIDATES = 3
# Bound on the error of a squared distance from the product, in units of eps * (|a|^2 + |b|^2) * sqrt(d).
SAFETY = 4.0


@dataclass(frozen=True)
class Manifold:
    """A set of points with the squared radii of their balls.

    Attributes:
        points: float32, (n, d).
        squared_radii: float64, (n,).
        k: which neighbour the balls reach to.
    """

    points: Tensor
    squared_radii: Tensor
    k: int

    @classmethod
    def of(cls, points: Tensor, k: int) -> "Manifold":
        """Find the k-th neighbour of each of n points, n at least k + 1."""
        if len(points) <= k:
            raise ValueError(f"{len(points)} points have no {k}-th neighbour")
        points = points.float()
        radii = [_neighbour_radii(points, start, k) for start in range(0, len(points), BLOCK)]
        return cls(points, torch.cat(radii), k)


@dataclass(frozen=True)
class ManifoldScores:
    """The four shares and counts that one pass over the distances gives.

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
    """Return precision, recall, density and coverage of `generated` against `real`, which have the same k."""
    in_real_balls = torch.zeros(len(generated.points), dtype=torch.long, device=real.points.device)
    real_ball_hit = torch.zeros(len(real.points), dtype=torch.bool, device=real.points.device)
    real_point_covered = torch.zeros_like(real_ball_hit)
    for start in range(0, len(generated.points), BLOCK):
        block = slice(start, start + BLOCK)
        points, radii = generated.points[block], generated.squared_radii[block]
        distances, error = _squared_distances(points, real.points)
        inside_real = _inside(distances, error, real.squared_radii[None, :], points, real.points)
        inside_generated = _inside(distances, error, radii[:, None], points, real.points)
        in_real_balls[block] = inside_real.sum(1)
        real_ball_hit |= inside_real.any(0)
        real_point_covered |= inside_generated.any(0)
    return ManifoldScores(
        precision=float((in_real_balls > 0).double().mean()),
        recall=float(real_point_covered.double().mean()),
        density=float(in_real_balls.double().mean() / real.k),
        coverage=float(real_ball_hit.double().mean()),
    )


def _neighbour_radii(points: Tensor, start: int, k: int) -> Tensor:
    """Return the squared distances, float64, of a block of points to their k-th nearest other points."""
    rows = torch.arange(start, min(start + BLOCK, len(points)), device=points.device)
    radii, sure = _nearest_candidates(points, rows, points, k)
    # Nothing is nearer than a duplicate. Elsewhere products in float64 leave no doubt that matters.
    unsure = ~sure & (radii > 0)
    if unsure.any():
        radii[unsure], _ = _nearest_candidates(points, rows[unsure], points.double(), k)
    return radii


def _nearest_candidates(points: Tensor, rows: Tensor, converted: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the squared distance of the points `rows` to their k-th nearest, and where that is sure.

    Candidates come from products in the precision of `converted`, the same points; their distances are exact.
    """
    distances, error = _squared_distances(converted[rows], converted)
    distances[torch.arange(len(rows), device=points.device), rows] = torch.inf  # a point is not its own neighbour
    n_candidates = min(k + SPARE_CANDIDATES, len(points) - 1)
    nearest = distances.topk(n_candidates, dim=1, largest=False)
    differences = points[rows][:, None].double() - points[nearest.indices].double()
    radii: Tensor = differences.square().sum(2).sort(dim=1).values[:, k - 1].clone()
    if n_candidates == len(points) - 1:
        return radii, torch.ones_like(radii, dtype=torch.bool)
    return radii, nearest.values[:, -1] - error.amax(1) > radii


def _squared_distances(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return squared distances, (len(a), len(b)), and the bound on their rounding error, of the same shape."""
    norms = a.square().sum(1)[:, None] + b.square().sum(1)[None, :]
    bound = norms * (SAFETY * torch.finfo(a.dtype).eps * a.shape[1] ** 0.5)
    return torch.addmm(norms, a, b.T, alpha=-2), bound


def _inside(distances: Tensor, error: Tensor, squared_radii: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return which squared distances are at most the squared radii, which broadcast to them; exactly."""
    radii = squared_radii.float()
    inside = distances <= radii
    unsure = ((distances - radii).abs() <= error).nonzero()
    for pairs in unsure.split(BLOCK * 16):
        i, j = pairs[:, 0], pairs[:, 1]
        exact = (a[i].double() - b[j].double()).square().sum(1)
        inside[i, j] = exact <= squared_radii.expand(distances.shape)[i, j]
    return inside
