"""Precision, recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) of features.

The manifold of a set is the union of balls, one around each of its points, that reach to the point's k-th nearest
neighbour in the set. The point itself is not its own neighbour, a duplicate of it is; a point on a ball's surface is
inside, as in Kynkaanniemi's definition. (The reference code of density and coverage leaves the surface out; the two
rules differ only in exact ties.)

All comparisons are exact. Squared distances come in blocks from float32 matrix products, whose rounding error is
bounded; where it could decide (a point close to a ball's surface), the distance is computed again from differences in
float64. At most BLOCK rows of distances are held at a time, and those inside one set are computed once for each pair.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 512
# Pairs of points whose differences are held in float64 at a time.
EXACT_PAIRS = 2048
# A neighbour beyond these further candidates would have to be nearer by more than rounding can explain.
SPARE_CANDIDATES = 3
# Bound on the error of a squared distance from the product, in units of eps * (|a|^2 + |b|^2) * sqrt(d).
SAFETY = 4.0


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
        norms = points.square().sum(1)
        radii, sure = _neighbour_radii(points, points, norms, k)
        # Nothing is nearer than a duplicate. Elsewhere products in float64 leave no doubt that matters.
        if bool((~sure & (radii > 0)).any()):
            converted = points.double()
            radii, _ = _neighbour_radii(points, converted, converted.square().sum(1), k)
        return cls(points, norms, radii, k)


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
    """Return precision, recall, density and coverage of `generated` against `real`, which have the same k."""
    in_real_balls = torch.zeros(len(generated.points), dtype=torch.int32, device=real.points.device)
    real_ball_hit = torch.zeros(len(real.points), dtype=torch.bool, device=real.points.device)
    real_point_covered = torch.zeros_like(real_ball_hit)
    for start in range(0, len(generated.points), BLOCK):
        block = slice(start, start + BLOCK)
        points, norms = generated.points[block], generated.squared_norms[block]
        distances, error = _squared_distances(points, norms, real.points, real.squared_norms)
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


def _neighbour_radii(points: Tensor, converted: Tensor, norms: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the squared distance, float64, of each point to its k-th nearest other point, and where that is sure.

    Candidates come from products of `converted`, the same points in the precision wanted, with their squared norms;
    the distances of candidates are exact.
    """
    n = len(points)
    n_candidates = min(k + SPARE_CANDIDATES, n - 1)
    values = torch.full((n, n_candidates), torch.inf, dtype=converted.dtype, device=points.device)
    indices = torch.zeros((n, n_candidates), dtype=torch.long, device=points.device)

    def offer(rows: slice, columns_from: int, distances: Tensor) -> None:
        """Merge the nearest of distances, (rows, columns), into the candidates of these rows."""
        found = distances.topk(min(n_candidates, distances.shape[1]), dim=1, largest=False)
        merged = torch.cat([values[rows], found.values], 1).topk(n_candidates, dim=1, largest=False)
        both = torch.cat([indices[rows], found.indices + columns_from], 1)
        values[rows], indices[rows] = merged.values, both.gather(1, merged.indices)

    # Each block against itself and all later points: those points learn their distances to the block as well.
    for start in range(0, n, BLOCK):
        rows, later = slice(start, start + BLOCK), slice(start + BLOCK, n)
        distances, _ = _squared_distances(converted[rows], norms[rows], converted[start:], norms[start:])
        distances.diagonal().fill_(torch.inf)  # a point is not its own neighbour
        offer(rows, start, distances)
        if start + BLOCK < n:
            offer(later, start, distances[:, BLOCK:].T.contiguous())

    radii = torch.empty(n, dtype=torch.float64, device=points.device)
    for rows in torch.arange(n, device=points.device).split(max(1, EXACT_PAIRS // n_candidates)):
        differences = points[rows][:, None].double() - points[indices[rows]].double()
        radii[rows] = differences.square_().sum(2).kthvalue(k, dim=1).values
    error = _error_bound(converted, norms, norms)
    return radii, (values[:, -1] - error > radii) | (n_candidates == n - 1)


def _squared_distances(a: Tensor, a_norms: Tensor, b: Tensor, b_norms: Tensor) -> tuple[Tensor, Tensor]:
    """Return squared distances, (len(a), len(b)), and for each row the bound on their rounding error, (len(a), 1)."""
    distances = (a @ b.T).mul_(-2).add_(a_norms[:, None]).add_(b_norms)
    return distances, _error_bound(a, a_norms, b_norms)[:, None]


def _error_bound(points: Tensor, a_norms: Tensor, b_norms: Tensor) -> Tensor:
    scale: float = SAFETY * torch.finfo(points.dtype).eps * points.shape[1] ** 0.5
    return (a_norms + b_norms.max()) * scale


def _inside(distances: Tensor, error: Tensor, squared_radii: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return which squared distances are at most the squared radii, which broadcast to them; exactly."""
    radii = squared_radii.float()
    inside = distances <= radii - error
    unsure = (inside ^ (distances <= radii + error)).nonzero()
    for pairs in unsure.split(EXACT_PAIRS):
        i, j = pairs[:, 0], pairs[:, 1]
        exact = (a[i].double() - b[j].double()).square_().sum(1)
        inside[i, j] = exact <= squared_radii.expand(distances.shape)[i, j]
    return inside
