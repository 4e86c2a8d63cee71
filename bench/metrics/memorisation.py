"""Memorisation: whether generated images are copies of training images.

Both scores compare distances to the nearest training image, in feature space, with what is normal there.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics import Metric

from bench.metrics.accumulate import joined
from bench.metrics.manifold import Manifold
from bench.metrics.neighbours import nearest_neighbours, squared_norms


@dataclass(frozen=True)
class MemorisationScores:
    """How near a set is to the training images.

    Attributes:
        authpct: percentage of authentic points (Alaa et al. 2022; AuthPct of Stein et al. 2023): the nearest training
            point is farther away than that training point's own nearest neighbour in the training set. 0 to 100; low
            is memorisation. A point at exactly that distance is not authentic.
        median_distance: median over the set of the distance to the nearest training point, 0 and up.
    """

    authpct: float
    median_distance: float


def memorisation_scores(training: Manifold, points: Tensor) -> MemorisationScores:
    """Return how near points, (n, d), are to the training points, whose manifold has k = 1."""
    return _scores(*_nearest(training, points))


def _nearest(training: Manifold, points: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared distance, (n,), of each point to its nearest training point, and whether it is authentic.

    Both are float64, the second 0 or 1.
    """
    if training.k != 1:
        raise ValueError(f"the training manifold must have k = 1, found k = {training.k}")
    points = points.float()
    distances, nearest = nearest_neighbours(points, squared_norms(points), training.points, training.squared_norms)
    return distances, (training.squared_radii[nearest] < distances).double()


def _scores(distances: Tensor, authentic: Tensor) -> MemorisationScores:
    return MemorisationScores(authpct=float(100 * authentic.mean()), median_distance=float(distances.sqrt().median()))


class Memorisation(Metric):
    """AuthPct and the ratio of nearest-training distances, of features that come in batches or on several processes.

    The ratio is the median distance of generated points to their nearest training point, divided by the same median
    of held-out real points: about 1 for a generator that has the real distribution, towards 0 for one that copies,
    above 1 for one that misses the data. AuthPct alone does not tell the last two from a good one.

    Args:
        training: the manifold of the training features with k = 1, on the device that the batches are on.
        reference: `MemorisationScores` of held-out real points against the same training points; their median
            distance must be above 0.
    """

    full_state_update = False
    is_differentiable = False
    distances: list[Tensor]
    authentic: list[Tensor]

    def __init__(self, training: Manifold, reference: MemorisationScores) -> None:
        super().__init__()
        self._training = training
        self._reference = reference
        # Each process looks for the neighbours of its own features: there may be many training points.
        self.add_state("distances", default=[], dist_reduce_fx="cat")
        self.add_state("authentic", default=[], dist_reduce_fx="cat")

    def update(self, features: Tensor) -> None:
        """Add generated features, float (n, d)."""
        distances, authentic = _nearest(self._training, features)
        self.distances.append(distances)
        self.authentic.append(authentic)

    def compute(self) -> dict[str, Tensor]:
        """Return `authpct` and `training_distance_ratio` as float64 scalars by name."""
        scores = _scores(joined(self.distances), joined(self.authentic))
        ratio = scores.median_distance / self._reference.median_distance
        return {
            "authpct": torch.tensor(scores.authpct, dtype=torch.float64),
            "training_distance_ratio": torch.tensor(ratio, dtype=torch.float64),
        }
