"""Precision, recall, density and coverage, against prdc, torch-fidelity and examples worked out by hand."""

import pytest
import torch
from prdc import compute_prdc
from torch import Tensor
from torch_fidelity.metric_prc import calculate_precision_recall_full

from bench.metrics import manifold, neighbours
from bench.metrics.manifold import PRDC, Manifold, ManifoldScores, manifold_scores

# Four neighbours that stand 1 apart in part, and one pair that stands 2 apart.
LINE = torch.tensor([[0.0], [1.0], [2.0], [10.0], [12.0]])


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def scores(real: Tensor, fake: Tensor, k: int) -> ManifoldScores:
    return manifold_scores(Manifold.of(real, k), Manifold.of(fake, k))


def both(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    """Return precision and recall."""
    found = scores(real, fake, k)
    return found.precision, found.recall


def radii(points: Tensor, k: int) -> list[float]:
    return Manifold.of(points, k).squared_radii.sqrt().tolist()


def without_balls(points: Tensor) -> Manifold:
    return Manifold(points, points.square().sum(1), torch.zeros(len(points), dtype=torch.float64), 1)


def precision_on_line(points: Tensor) -> float:
    """Return the precision of points against LINE with k = 1, whose balls cover [-1, 3] and [8, 14]."""
    return manifold_scores(Manifold.of(LINE, 1), without_balls(points)).precision


PAIRS = [
    (normal(200, 8, 0), normal(200, 8, 1)),
    (normal(300, 5, 2), 0.3 * normal(100, 5, 3)),
    (normal(100, 16, 4), 1.5 * normal(250, 16, 5) + 0.5),
]


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(("real", "fake"), PAIRS, ids=["same", "narrow", "wide and shifted"])
def test_all_four_equal_those_of_prdc(real: Tensor, fake: Tensor, k: int):
    expected = compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=k)
    assert vars(scores(real, fake, k)) == pytest.approx(expected, abs=1e-12)


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


def test_precision_and_recall_change_places_where_the_sets_do():
    real = normal(200, 8, 0)
    precision, recall = both(real[17:18].expand(200, 8), real, 5)
    assert precision < 0.01
    assert recall > 0.99


def test_a_set_far_from_the_real_one_is_neither_precise_nor_covers_anything():
    real = normal(200, 8, 0)
    assert both(real, real + 100, 5) == (0, 0)


def test_the_real_set_itself_is_precise_and_covers_everything():
    real = normal(200, 8, 0)
    assert both(real, real.clone(), 5) == (1, 1)


@pytest.mark.parametrize(("k", "expected"), [(1, [1, 1, 1, 2, 2]), (2, [2, 1, 2, 8, 10]), (4, [12, 11, 10, 10, 12])])
def test_a_radius_is_the_distance_to_the_kth_nearest_other_point(k: int, expected: list[float]):
    assert radii(LINE, k) == expected


def test_equal_points_are_neighbours_at_distance_zero():
    assert radii(torch.tensor([[0.5], [0.5], [5.0]]), 1) == [0, 0, 4.5]


def test_precision_counts_the_points_in_any_ball():
    assert precision_on_line(torch.tensor([[-0.5], [2.5], [5.0], [13.0], [14.5]])) == 3 / 5


@pytest.mark.parametrize(("point", "inside"), [(3.0, 1), (3.001, 0), (8.0, 1), (7.999, 0), (-1.0, 1), (14.0, 1)])
def test_a_point_exactly_on_a_balls_surface_is_inside(point: float, inside: float):
    assert precision_on_line(torch.tensor([[point]])) == inside


def test_a_point_in_two_balls_counts_once():
    assert precision_on_line(torch.tensor([[0.5], [6.0]])) == 1 / 2


def test_density_counts_every_ball_and_coverage_every_ball_that_is_hit():
    # 0.5 lies in the balls around 0 and 1, which reach 1 far; 11 in those around 10 and 12, which reach 2 far.
    found = manifold_scores(Manifold.of(LINE, 1), without_balls(torch.tensor([[0.5], [11.0]])))
    assert found.density == (2 + 2) / 2
    assert found.coverage == 4 / 5


@pytest.mark.parametrize("block", [1, 3, 7, 100, 1000])
def test_the_size_of_a_block_does_not_matter(monkeypatch: pytest.MonkeyPatch, block: int):
    real, fake = PAIRS[1]
    expected = compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=5)
    for module in (manifold, neighbours):
        monkeypatch.setattr(module, "BLOCK", block)
    assert vars(scores(real, fake, 5)) == pytest.approx(expected, abs=1e-12)


def test_radii_of_points_far_from_the_origin_are_exact():
    # In float32 products these distances drown in the rounding of the norms.
    points = normal(300, 8, 0) * 0.1 + 1e3
    exact = (points.double()[:, None] - points.double()).square().sum(2).sort(1).values[:, 3]
    assert torch.equal(Manifold.of(points, 3).squared_radii, exact)


def test_scores_of_points_far_from_the_origin_equal_those_of_prdc():
    real, fake = normal(300, 8, 0) * 0.1 + 1e3, normal(300, 8, 1) * 0.1 + 1e3
    expected = compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=5)
    assert vars(scores(real, fake, 5)) == pytest.approx(expected, abs=1e-12)


def test_a_set_with_many_duplicates_equals_prdc():
    real = normal(200, 8, 0)
    fake = torch.cat([normal(20, 8, 1)] * 5)
    expected = compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=3)
    assert vars(scores(real, fake, 3)) == pytest.approx(expected, abs=1e-12)


def test_a_set_without_a_kth_neighbour_is_refused():
    with pytest.raises(ValueError, match="5 points have no 5-th neighbour"):
        Manifold.of(LINE, 5)


def test_points_of_a_lattice_with_many_exact_ties_score_what_the_definitions_say():
    real, fake = (torch.randint(0, 4, (n, 3), generator=torch.Generator().manual_seed(n)).float() for n in (60, 50))
    k = 3
    between = torch.cdist(fake.double(), real.double())
    real_radii, fake_radii = (torch.cdist(x, x).sort(1).values[:, k] for x in (real.double(), fake.double()))
    inside_real, inside_fake = between <= real_radii, between <= fake_radii[:, None]
    expected = {
        "precision": inside_real.any(1).double().mean(),
        "recall": inside_fake.any(0).double().mean(),
        "density": inside_real.double().sum() / (k * len(fake)),
        "coverage": inside_real.any(0).double().mean(),
    }
    assert vars(scores(real, fake, k)) == pytest.approx({name: float(value) for name, value in expected.items()})


def test_the_metric_of_features_in_batches_equals_prdc():
    real, fake = PAIRS[2]
    metric = PRDC(Manifold.of(real, 5))
    for batch in fake.split([1, 100, 149]):
        metric.update(batch)
    expected = compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=5)
    assert {name: float(value) for name, value in metric.compute().items()} == pytest.approx(expected, abs=1e-12)
