"""The Frechet distance, against closed forms, torch-fidelity and torchmetrics."""

import pytest
import torch
from builders import QUIET
from torch import Tensor
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torchmetrics.image.fid import _compute_fid

from bench.cells.task import Task
from bench.data.real import RealData
from bench.features.build import task_space
from bench.metrics.frechet import FrechetDistance, GaussianMoments, frechet_distance


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def between(a: Tensor, b: Tensor) -> float:
    return frechet_distance(GaussianMoments.of(a), GaussianMoments.of(b))


def fidelity(a: Tensor, b: Tensor) -> float:
    """Return torch-fidelity's FID of these features."""
    statistics = fid_features_to_statistics(a), fid_features_to_statistics(b)
    return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]


def torchmetrics(a: Tensor, b: Tensor) -> float:
    """Return torchmetrics' FID of these features."""
    return float(_compute_fid(a.mean(0), a.T.cov(), b.mean(0), b.T.cov()))


def orthonormal(n: int, r: int, seed: int) -> Tensor:
    """Return r orthonormal columns, (n, r), each with sum 0."""
    columns = normal(n, r, seed)
    return torch.linalg.qr(columns - columns.mean(0))[0]


@pytest.fixture(scope="module")
def digits_features(digits: Task, digits_data: RealData) -> tuple[Tensor, Tensor]:
    """Features of held-out and of training digits."""
    space = task_space(digits, "smoke", "cpu", QUIET)
    return space(digits_data.reference.images), space(digits_data.training.images)


def test_diagonal_covariances_have_the_closed_form():
    mean_a, mean_b = torch.tensor([0.0, 1.0, -2.0]).double(), torch.tensor([3.0, 1.0, -1.0]).double()
    variance_a, variance_b = torch.tensor([1.0, 4.0, 0.25]).double(), torch.tensor([9.0, 1.0, 0.0]).double()
    a, b = GaussianMoments(mean_a, variance_a.diag()), GaussianMoments(mean_b, variance_b.diag())
    # |mean difference|^2 = 9 + 0 + 1, standard deviations differ by 2, 1 and 0.5
    assert frechet_distance(a, b) == pytest.approx(10 + 4 + 1 + 0.25, rel=1e-12)


def test_commuting_covariances_have_the_closed_form_in_any_basis():
    basis, _ = torch.linalg.qr(normal(6, 6, 0))
    deviation_a, deviation_b = normal(1, 6, 1).abs()[0], normal(1, 6, 2).abs()[0]
    zero = torch.zeros(6).double()
    a, b = (GaussianMoments(zero, basis @ s.square().diag() @ basis.T) for s in (deviation_a, deviation_b))
    assert frechet_distance(a, b) == pytest.approx(float((deviation_a - deviation_b).square().sum()), rel=1e-10)


def test_moments_are_the_mean_and_the_unbiased_covariance():
    moments = GaussianMoments.of(torch.tensor([[0.0, 0.0], [2.0, 4.0], [4.0, 2.0]]))
    assert moments.mean.tolist() == [2, 2]
    assert moments.covariance.tolist() == [[4, 2], [2, 4]]


@pytest.mark.parametrize(("n", "d"), [(400, 8), (300, 64)])
def test_full_rank_features_agree_with_torch_fidelity_and_torchmetrics(n: int, d: int):
    a = normal(n, d, 1) @ normal(d, d, 2)
    b = normal(n, d, 3) @ normal(d, d, 4) + 0.5
    assert between(a, b) == pytest.approx(fidelity(a, b), rel=1e-6)
    assert between(a, b) == pytest.approx(torchmetrics(a, b), rel=1e-6)


def test_rectified_features_agree_with_torch_fidelity_and_torchmetrics():
    a, b = (normal(500, 32, 1) - 0.3).clamp(min=0), (normal(500, 32, 2) + 0.2).clamp(min=0)
    assert between(a, b) == pytest.approx(fidelity(a, b), rel=1e-6)
    assert between(a, b) == pytest.approx(torchmetrics(a, b), rel=1e-6)


def test_features_of_real_digits_agree_with_torch_fidelity_and_torchmetrics(digits_features: tuple[Tensor, Tensor]):
    a, b = digits_features
    assert between(a, b) == pytest.approx(fidelity(a.double(), b.double()), rel=1e-6)
    assert between(a, b) == pytest.approx(torchmetrics(a.double(), b.double()), rel=1e-6)


@pytest.mark.parametrize(("n", "d"), [(500, 16), (20, 64)], ids=["full rank", "fewer samples than dimensions"])
def test_identical_sets_have_distance_zero(n: int, d: int):
    a = normal(n, d, 0)
    assert between(a, a.clone()) == pytest.approx(0, abs=1e-6)


def test_a_set_that_barely_has_full_rank_is_at_distance_zero_from_itself():
    a = normal(200, 50, 0) @ normal(50, 100, 1) + 1e-6 * normal(200, 100, 2)
    assert between(a, a.clone()) == pytest.approx(0, abs=1e-8)


def test_fewer_samples_than_dimensions_have_the_closed_form_where_one_set_is_twice_the_other():
    a = normal(10, 50, 0)
    moments = GaussianMoments.of(a)
    # B = 4 A, so the cross term is 2 tr (4 A^2)^(1/2) = 4 tr A.
    expected = float(moments.mean.square().sum() + moments.covariance.trace())
    assert between(a, 2 * a) == pytest.approx(expected, rel=1e-6)


def test_sets_that_spread_in_different_dimensions_have_no_cross_term():
    a, b = torch.zeros(40, 30).double(), torch.zeros(40, 30).double()
    a[:, :15], b[:, 15:] = normal(40, 15, 0), normal(40, 15, 1)
    expected = (a.mean(0) - b.mean(0)).square().sum() + a.var(0).sum() + b.var(0).sum()
    assert between(a, b) == pytest.approx(float(expected), rel=1e-6)


def test_a_collapsed_set_is_at_the_distance_of_its_point_and_the_others_variance():
    a, point = normal(200, 12, 0), normal(1, 12, 1)
    expected = (a.mean(0) - point[0]).square().sum() + a.var(0).sum()
    assert between(a, point.expand(200, 12)) == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("n", [200, 10])
def test_the_order_of_the_sets_does_not_matter(n: int):
    a, b = normal(n, 20, 0), 2 * normal(n, 20, 1) + 1
    assert between(a, b) == pytest.approx(between(b, a), rel=1e-6)


def test_float32_features_are_summed_in_float64():
    a, b = (normal(300, 10, 0) + 1000).float(), (normal(300, 10, 1) + 1000).float()
    assert between(a, b) == pytest.approx(fidelity(a.double(), b.double()), rel=1e-6)


@pytest.mark.parametrize("spread", [1, 1e-2, 1e-4], ids=lambda spread: f"deviations from {spread:g} to 1")
@pytest.mark.parametrize(
    ("n", "m", "d", "rank"),
    [(80, 90, 12, 6), (30, 25, 60, 15), (20, 200, 60, 10), (200, 20, 60, 10), (200, 150, 60, 2), (61, 60, 60, 30)],
    ids=["full", "both fewer", "first fewer", "second fewer", "both collapsed", "just enough"],
)
def test_sets_of_any_rank_have_the_closed_form(n: int, m: int, d: int, rank: int, spread: float):
    # Covariances U diag(s^2) U^T and V diag(t^2) V^T with U^T V = diag(cos): the cross term is sum s t cos.
    basis = torch.linalg.qr(normal(d, 2 * rank, 0))[0]
    cosines = torch.linspace(0, 1, rank).double()
    u = basis[:, :rank]
    v = u * cosines + basis[:, rank:] * (1 - cosines.square()).sqrt()
    s, t = torch.logspace(0, torch.tensor(spread).log10(), rank).double(), torch.linspace(2, spread, rank).double()
    a = 1 + (n - 1) ** 0.5 * orthonormal(n, rank, 1) * s @ u.T
    b = 3 + (m - 1) ** 0.5 * orthonormal(m, rank, 2) * t @ v.T
    expected = 4 * d + float((s.square() + t.square() - 2 * s * t * cosines).sum())
    assert between(a, b) == pytest.approx(expected, rel=1e-9)
    assert between(b, a) == pytest.approx(expected, rel=1e-9)


def test_a_set_without_full_rank_is_at_no_distance_from_itself_whatever_its_size():
    few = normal(30, 50, 0)
    # The same mean and covariance from more samples than dimensions: 90 rows whose squares sum to 3 times as much.
    many = few.mean(0) + torch.cat([few - few.mean(0)] * 3) * (89 / 87) ** 0.5
    assert between(few, many) == pytest.approx(0, abs=1e-6)


def hard_set(d: int, seed: int) -> Tensor:
    """Return features, (n, d) for some n, of one of the kinds that break a matrix square root."""
    random = torch.Generator().manual_seed(seed)
    n = int(torch.randint(2, 80, (), generator=random))
    rank = int(torch.randint(1, d + 1, (), generator=random))
    kinds = [
        lambda: normal(n, d, seed),
        lambda: normal(n, d, seed) * torch.logspace(0, -9, d).double(),
        lambda: normal(n, rank, seed) @ normal(rank, d, seed + 1),
        lambda: normal(1, d, seed).expand(n, d),
        lambda: normal(2, d, seed)[torch.arange(n) % 2],
        lambda: (normal(n, d, seed) - 2).clamp(min=0),
        lambda: normal(1, d, seed) + 1e-7 * normal(n, d, seed + 1),
        lambda: (normal(n, d, seed) * 1e-3 + 10).float(),
    ]
    return kinds[int(torch.randint(len(kinds), (), generator=random))]()


def test_the_distance_of_hard_sets_is_a_number_and_not_negative():
    for seed in range(0, 1200, 3):
        d = 1 + seed % 40
        found = between(hard_set(d, seed), hard_set(d, seed + 1)), between(hard_set(d, seed), hard_set(d, seed))
        assert min(found) >= 0, seed  # which no NaN is either
        assert found[1] <= 1e-6, seed


@pytest.mark.parametrize("d", [16, 150], ids=["full rank", "fewer samples than dimensions"])
def test_the_metric_of_features_in_batches_is_the_distance_of_all_of_them(d: int):
    a, b = normal(120, d, 0), 0.5 * normal(100, d, 1) + 1
    metric = FrechetDistance(GaussianMoments.of(a))
    for batch in b.split([1, 50, 49]):
        metric.update(batch)
    assert float(metric.compute()) == pytest.approx(fidelity(a, b), rel=1e-6)


def test_the_metric_forgets_when_it_is_reset():
    a, b = normal(50, 4, 0), normal(60, 4, 1)
    metric = FrechetDistance(GaussianMoments.of(a))
    metric.update(normal(70, 4, 2))
    metric.reset()
    metric.update(b)
    assert float(metric.compute()) == pytest.approx(fidelity(a, b), rel=1e-6)
