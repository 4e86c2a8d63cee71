"""Memorisation, against the definition of AuthPct, the theory of mutual neighbours and examples worked out by hand."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from bench.metrics.manifold import Manifold
from bench.metrics.memorisation import Memorisation, MemorisationScores, memorisation_scores

# Neighbours of these stand 1, 1, 8 and 2 away.
LINE = torch.tensor([[0.0], [1.0], [9.0], [11.0]])


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def uniform(n: int, d: int, seed: int) -> Tensor:
    return torch.rand(n, d, generator=torch.Generator().manual_seed(seed))


def scores(training: Tensor, points: Tensor) -> MemorisationScores:
    return memorisation_scores(Manifold.of(training, 1), points)


def authpct_by_definition(training: Tensor, points: Tensor) -> float:
    """Return what the code of Stein et al. (2023), dgm-eval, computes."""
    real_distances = cdist(training.double().numpy(), training.double().numpy())
    np.fill_diagonal(real_distances, np.inf)
    distances = cdist(training.double().numpy(), points.double().numpy())
    authentic = real_distances.min(0)[distances.argmin(0)] < distances.min(0)
    return float(100 * authentic.mean())


@pytest.mark.parametrize(
    ("training", "points"),
    [
        (normal(300, 8, 0), normal(200, 8, 1)),
        (normal(100, 2, 0), 3 * normal(300, 2, 1)),
        (normal(200, 16, 0), normal(200, 16, 0) + 0.5 * normal(200, 16, 1)),
        (normal(200, 4, 0) + 1e3, normal(200, 4, 1) + 1e3),
        (normal(2, 4, 0), normal(50, 4, 1)),
        (torch.cat([normal(50, 4, 0)] * 2), normal(50, 4, 1)),
    ],
    ids=["same", "wider", "noisy copies", "far from the origin", "two training points", "duplicates"],
)
def test_authpct_is_what_the_definition_gives(training: Tensor, points: Tensor):
    assert scores(training, points).authpct == authpct_by_definition(training, points)


def test_the_median_distance_is_that_of_all_distances():
    training, points = normal(300, 8, 0), normal(201, 8, 1)
    expected = np.median(cdist(training.double().numpy(), points.double().numpy()).min(0))
    assert scores(training, points).median_distance == pytest.approx(expected, rel=1e-12)


def test_copies_of_training_points_are_not_authentic_and_at_distance_zero():
    training = normal(200, 8, 0)
    assert scores(training, training[:50]) == MemorisationScores(authpct=0, median_distance=0)


def test_points_far_from_all_training_points_are_authentic():
    training = normal(200, 8, 0)
    assert scores(training, training + 100).authpct == 100


@pytest.mark.parametrize(
    ("d", "mutual"),
    [(1, 2 / 3), (2, 6 * math.pi / (8 * math.pi + 3 * math.sqrt(3))), (3, 16 / 27)],
)
def test_held_out_points_are_authentic_as_often_as_theory_says(d: int, mutual: float):
    # A new point is not authentic where it and its nearest are each other's nearest (Clark & Evans 1955).
    assert scores(uniform(3000, d, 0), uniform(3000, d, 1)).authpct == pytest.approx(100 * (1 - mutual), abs=3.5)


@pytest.mark.parametrize(("point", "authentic"), [(-0.5, 0), (-2.0, 1), (2.5, 1), (8.0, 0), (12.0, 0), (13.5, 1)])
def test_a_point_is_authentic_beyond_the_neighbour_of_its_nearest(point: float, authentic: int):
    assert scores(LINE, torch.tensor([[point]])).authpct == 100 * authentic


@pytest.mark.parametrize("point", [-1.0, 13.0])
def test_a_point_exactly_as_far_as_the_neighbour_of_its_nearest_is_not_authentic(point: float):
    assert scores(LINE, torch.tensor([[point]])).authpct == 0


def test_the_ratio_divides_by_the_median_of_the_reference():
    training = Manifold.of(LINE, 1)
    metric = Memorisation(training, memorisation_scores(training, torch.tensor([[13.0], [-1.0], [-2.0]])))
    metric.update(torch.tensor([[-3.0], [16.0], [0.0]]))
    # The reference is 2, 1 and 2 away, these points 3, 5 and 0.
    assert metric.compute()["training_distance_ratio"] == 3 / 2


def test_the_ratio_of_the_reference_itself_is_one():
    training, reference = Manifold.of(normal(200, 8, 0), 1), normal(100, 8, 1)
    metric = Memorisation(training, memorisation_scores(training, reference))
    metric.update(reference)
    assert metric.compute()["training_distance_ratio"] == 1


def test_the_metric_of_features_in_batches_is_that_of_all_of_them():
    training, points = normal(200, 8, 0), normal(100, 8, 1)
    metric = Memorisation(Manifold.of(training, 1), MemorisationScores(authpct=0, median_distance=2))
    for batch in points.split([1, 60, 39]):
        metric.update(batch)
    found = metric.compute()
    assert float(found["authpct"]) == authpct_by_definition(training, points)
    assert float(found["training_distance_ratio"]) == scores(training, points).median_distance / 2


def test_a_training_manifold_of_another_k_is_refused():
    with pytest.raises(ValueError, match="k = 1, found k = 2"):
        memorisation_scores(Manifold.of(LINE, 2), LINE)
