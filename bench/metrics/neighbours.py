"""Exact nearest neighbours in feature space, in bounded memory.

Squared distances come in blocks from float32 matrix products, whose rounding error is bounded; where that error could
decide, the distance is computed again from differences in float64. At most BLOCK rows of distances are held at a time.
"""

import torch
from torch import Tensor

BLOCK = 512
# Pairs of points whose differences are held in float64 at a time.
EXACT_PAIRS = 2048
# A neighbour beyond these further candidates would have to be nearer by more than rounding can explain.
SPARE_CANDIDATES = 3
# Bound on the error of a squared distance from the product, in units of eps * (|a|^2 + |b|^2) * sqrt(d).
SAFETY = 4.0


def squared_norms(points: Tensor) -> Tensor:
    """Return |p|^2, (n,), of points, (n, d)."""
    return points.square().sum(1)


def squared_distances(a: Tensor, a_norms: Tensor, b: Tensor, b_norms: Tensor) -> tuple[Tensor, Tensor]:
    """Return squared distances, (n, m), and for each row the bound on their rounding error, (n, 1).

    Args:
        a: (n, d), in the precision that the products are wanted in.
        a_norms: (n,), squared norms of a.
        b: (m, d).
        b_norms: (m,), squared norms of b.
    """
    distances = (a @ b.T).mul_(-2).add_(a_norms[:, None]).add_(b_norms)
    return distances, _error_bound(a, a_norms, b_norms)[:, None]


def exact_squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared distances, float64 (...), of a to b, both (..., d), from their differences."""
    return (a.double() - b.double()).square_().sum(-1)


def kth_neighbours(points: Tensor, norms: Tensor, k: int) -> Tensor:
    """Return the squared distance, float64 (n,), of each point to its k-th nearest other point.

    A point is not its own neighbour, a duplicate of it is. The distance of a pair is computed once for both.

    Args:
        points: float32, (n, d), n at least k + 1.
        norms: float32, (n,), their squared norms.
        k: which neighbour.
    """
    n = len(points)
    n_candidates = min(k + SPARE_CANDIDATES, n - 1)
    values = torch.full((n, n_candidates), torch.inf, device=points.device)
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
        distances, _ = squared_distances(points[rows], norms[rows], points[start:], norms[start:])
        distances.diagonal().fill_(torch.inf)
        offer(rows, start, distances)
        if start + BLOCK < n:
            offer(later, start, distances[:, BLOCK:].T.contiguous())

    own = torch.arange(n, device=points.device)
    farthest = values[:, -1] - _error_bound(points, norms, norms)
    exact, _ = _settle(points, points, own, indices, farthest, k)
    radii: Tensor = exact.kthvalue(k, dim=1).values
    return radii


def nearest_neighbours(points: Tensor, norms: Tensor, others: Tensor, other_norms: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared distance, float64 (n,), of each point to the nearest of `others`, and its index, int64 (n,).

    Of up to four equally near ones the index is that of the first, of more that of any.

    Args:
        points: float32, (n, d).
        norms: float32, (n,), their squared norms.
        others: float32, (m, d).
        other_norms: float32, (m,), their squared norms.
    """
    n_candidates = min(1 + SPARE_CANDIDATES, len(others))
    distances, indices = [], []
    for start in range(0, len(points), BLOCK):
        rows = slice(start, start + BLOCK)
        found, error = squared_distances(points[rows], norms[rows], others, other_norms)
        candidates = found.topk(n_candidates, dim=1, largest=False)
        farthest = candidates.values[:, -1] - error[:, 0]
        exact, which = _settle(points[rows], others, None, candidates.indices, farthest, 1)
        distances.append(exact.amin(1))
        # Of equally near candidates the first.
        indices.append(which.where(exact == exact.amin(1, keepdim=True), len(others)).amin(1))
    return torch.cat(distances), torch.cat(indices)


def _error_bound(points: Tensor, a_norms: Tensor, b_norms: Tensor) -> Tensor:
    """Return the bound on the error of the squared distances of each a to all b."""
    scale: float = SAFETY * torch.finfo(points.dtype).eps * points.shape[1] ** 0.5
    return (a_norms + b_norms.max()) * scale


def _settle(
    points: Tensor, others: Tensor, own: Tensor | None, indices: Tensor, farthest: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    """Return exact squared distances, float64 (n, c), to c candidates that hold the k nearest, and their indices.

    Args:
        points: float32, (n, d).
        others: float32, (m, d), among which the candidates are.
        own: int64, (n,), the index of each point in others, which is not its neighbour; None where it is not there.
        indices: int64, (n, c), the candidates.
        farthest: (n,), a distance that everything that is no candidate exceeds.
        k: how many neighbours there must be.
    """
    exact = _to_candidates(points, others, indices)
    if indices.shape[1] == len(others) - (own is not None):
        return exact, indices
    kth = exact.kthvalue(k, dim=1).values
    # Nothing is nearer than a duplicate. Elsewhere products in float64 leave no doubt that matters.
    unsure = ((farthest <= kth) & (kth > 0)).nonzero()[:, 0]
    if not len(unsure):
        return exact, indices
    indices = indices.clone()
    for rows in unsure.split(BLOCK):
        converted = points[rows].double()
        norms = squared_norms(converted)
        distances = torch.cat([_double_distances(converted, norms, part.double()) for part in others.split(BLOCK)], 1)
        if own is not None:
            distances.scatter_(1, own[rows, None], torch.inf)
        indices[rows] = distances.topk(indices.shape[1], dim=1, largest=False).indices
        exact[rows] = _to_candidates(points[rows], others, indices[rows])
    return exact, indices


def _double_distances(a: Tensor, a_norms: Tensor, b: Tensor) -> Tensor:
    return squared_distances(a, a_norms, b, squared_norms(b))[0]


def _to_candidates(points: Tensor, others: Tensor, indices: Tensor) -> Tensor:
    """Return the exact squared distances, float64 (n, c), of points, (n, d), to others[indices], indices (n, c)."""
    exact = torch.empty(indices.shape, dtype=torch.float64, device=points.device)
    for rows in torch.arange(len(points), device=points.device).split(max(1, EXACT_PAIRS // indices.shape[1])):
        exact[rows] = exact_squared_distances(points[rows][:, None], others[indices[rows]])
    return exact
