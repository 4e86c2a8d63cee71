"""The Frechet distance, against closed forms and torch-fidelity."""

import pytest
import torch
from torch import Tensor
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from bench.metrics.frechet import GaussianMoments, frechet_distance


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def between(a: Tensor, b: Tensor) -> float:
    return frechet_distance(GaussianMoments.of(a), GaussianMoments.of(b))


def fidelity(a: Tensor, b: Tensor) -> float:
    """Return torch-fidelity's FID of these features."""
    statistics = fid_features_to_statistics(a), fid_features_to_statistics(b)
    return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]


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
def test_full_rank_features_agree_with_torch_fidelity(n: int, d: int):
    a = normal(n, d, 1) @ normal(d, d, 2)
    b = normal(n, d, 3) @ normal(d, d, 4) + 0.5
    assert between(a, b) == pytest.approx(fidelity(a, b), rel=1e-6)


def test_rectified_features_agree_with_torch_fidelity():
    a, b = (normal(500, 32, 1) - 0.3).clamp(min=0), (normal(500, 32, 2) + 0.2).clamp(min=0)
    assert between(a, b) == pytest.approx(fidelity(a, b), rel=1e-6)


@pytest.mark.parametrize(("n", "d"), [(500, 16), (20, 64)], ids=["full rank", "fewer samples than dimensions"])
def test_identical_sets_have_distance_zero(n: int, d: int):
    a = normal(n, d, 0)
    assert between(a, a.clone()) == pytest.approx(0, abs=1e-6)


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
