"""Improved precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991).

The manifold of a set is the union of balls, one around each of its points, that reach to the point's k-th nearest
neighbour in the set. The point itself is not its own neighbour; a point on a ball's surface is inside, as in the
paper's definition.
"""

import torch
from torch import Tensor

BLOCK = 1000


def neighbour_radii(points: Tensor, k: int) -> Tensor:
    """Return each point's distance to its k-th nearest other point.

    Args:
        points: (n, d), n at least k + 1.
        k: which neighbour, at least 1.

    Returns:
        (n,), Euclidean distances.
    """
    if len(points) <= k:
        raise ValueError(f"{len(points)} points have no {k}-th neighbour")
    radii = []
    for block in points.split(BLOCK):
        # Among the k + 1 smallest distances of a point is its own 0, so the largest of them is the k-th neighbour's.
        nearest = _distances(block, points).topk(k + 1, dim=1, largest=False).values
        radii.append(nearest[:, -1])
    return torch.cat(radii)


def share_inside(points: Tensor, centres: Tensor, radii: Tensor) -> float:
    """Return the share of `points`, (n, d), that lie in a ball around one of `centres`, (m, d), with `radii`, (m,).

    Precision is share_inside(generated, reference, radii of the reference): the quality of what is generated.
    Recall is share_inside(reference, generated, radii of the generated): how much of the reference is covered.
    """
    inside = [(_distances(block, centres) <= radii).any(1) for block in points.split(BLOCK)]
    return float(torch.cat(inside).double().mean())


def _distances(a: Tensor, b: Tensor) -> Tensor:
    # Differences and not the matrix product: equal points must be at distance 0 exactly.
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
