"""Precision and recall, against prdc, torch-fidelity and examples worked out by hand."""

import pytest
import torch
from prdc import compute_prdc
from torch import Tensor
from torch_fidelity.metric_prc import calculate_precision_recall_full

from bench.metrics import precision_recall
from bench.metrics.precision_recall import neighbour_radii, share_inside

# Four neighbours that stand 1 apart in part, and one pair that stands 2 apart.
LINE = torch.tensor([[0.0], [1.0], [2.0], [10.0], [12.0]])


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def both(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    """Return precision and recall."""
    precision = share_inside(fake, real, neighbour_radii(real, k))
    return precision, share_inside(real, fake, neighbour_radii(fake, k))


PAIRS = [
    (normal(200, 8, 0), normal(200, 8, 1)),
    (normal(300, 5, 2), 0.3 * normal(100, 5, 3)),
    (normal(100, 16, 4), 1.5 * normal(250, 16, 5) + 0.5),
]


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(("real", "fake"), PAIRS, ids=["same", "narrow", "wide and shifted"])
def test_precision_and_recall_equal_those_of_prdc(real: Tensor, fake: Tensor, k: int):
    expected = compute_prdc(real.numpy(), fake.numpy(), nearest_k=k)
    assert both(real, fake, k) == (expected["precision"], expected["recall"])


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(("real", "fake"), PAIRS, ids=["same", "narrow", "wide and shifted"])
def test_precision_and_recall_equal_those_of_torch_fidelity(real: Tensor, fake: Tensor, k: int):
    # torch-fidelity takes the generated features first.
    assert both(real, fake, k) == pytest.approx(calculate_precision_recall_full(fake, real, k), abs=1e-6)


def test_a_set_that_repeats_one_real_image_is_precise_and_covers_nothing():
    real = normal(200, 8, 0)
    precision, recall = both(real, real[17:18].expand(200, 8), 5)
    assert precision > 0.99
    assert recall < 0.01


def test_a_set_far_from_the_real_one_is_neither_precise_nor_covers_anything():
    real = normal(200, 8, 0)
    assert both(real, real + 100, 5) == (0, 0)


def test_the_real_set_itself_is_precise_and_covers_everything():
    real = normal(200, 8, 0)
    assert both(real, real.clone(), 5) == (1, 1)


@pytest.mark.parametrize(("k", "radii"), [(1, [1, 1, 1, 2, 2]), (2, [2, 1, 2, 8, 10]), (4, [12, 11, 10, 10, 12])])
def test_a_radius_is_the_distance_to_the_kth_nearest_other_point(k: int, radii: list[float]):
    assert neighbour_radii(LINE, k).tolist() == radii


def test_equal_points_are_neighbours_at_distance_zero():
    assert neighbour_radii(torch.tensor([[0.5], [0.5], [5.0]]), 1).tolist() == [0, 0, 4.5]


def test_share_inside_counts_the_points_in_any_ball():
    # The balls cover [-1, 3] and [8, 14].
    points = torch.tensor([[-0.5], [2.5], [5.0], [13.0], [14.5]])
    assert share_inside(points, LINE, neighbour_radii(LINE, 1)) == 3 / 5


@pytest.mark.parametrize(("point", "inside"), [(3.0, 1), (3.001, 0), (8.0, 1), (7.999, 0), (-1.0, 1), (14.0, 1)])
def test_a_point_exactly_on_a_balls_surface_is_inside(point: float, inside: float):
    assert share_inside(torch.tensor([[point]]), LINE, neighbour_radii(LINE, 1)) == inside


def test_a_point_in_two_balls_counts_once():
    assert share_inside(torch.tensor([[0.5], [6.0]]), LINE, neighbour_radii(LINE, 1)) == 1 / 2


@pytest.mark.parametrize("block", [1, 7, 100, 1000])
def test_the_size_of_a_block_does_not_matter(monkeypatch: pytest.MonkeyPatch, block: int):
    real, fake = PAIRS[1]
    expected = compute_prdc(real.numpy(), fake.numpy(), nearest_k=5)
    monkeypatch.setattr(precision_recall, "BLOCK", block)
    assert both(real, fake, 5) == (expected["precision"], expected["recall"])


def test_distances_of_points_far_from_the_origin_keep_their_precision():
    points = (normal(60, 8, 0) * 0.1 + 1e3).float()
    exact = (points.double()[:, None] - points.double()).square().sum(2).sqrt().sort(1).values[:, 3]
    assert torch.allclose(neighbour_radii(points, 3).double(), exact, rtol=1e-5)


def test_a_set_without_a_kth_neighbour_is_refused():
    with pytest.raises(ValueError, match="5 points have no 5-th neighbour"):
        neighbour_radii(LINE, 5)
