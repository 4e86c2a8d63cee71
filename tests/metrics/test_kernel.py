"""The kernel distance, against torch-fidelity, the definition and its spread over repeated draws."""

import pytest
import torch
from builders import QUIET
from torch import Tensor
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kernel_mmd, kid_features_to_metric

from bench.cells.task import Task
from bench.data.real import RealData
from bench.features.build import task_space
from bench.metrics import kernel
from bench.metrics.kernel import KernelDistance, KernelSet, kernel_distance

CUBIC = {
    "kid_kernel": "poly",
    "kid_kernel_poly_degree": 3,
    "kid_kernel_poly_gamma": None,
    "kid_kernel_poly_coef0": 1.0,
}


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def between(a: Tensor, b: Tensor) -> tuple[float, float]:
    """Return the distance and its standard error."""
    return kernel_distance(KernelSet.of(a), KernelSet.of(b))


def fidelity(a: Tensor, b: Tensor) -> float:
    """Return torch-fidelity's KID of two sets of one size, all of each being the one subset, in float64."""
    return float(kernel_mmd(a.double().numpy(), b.double().numpy(), **CUBIC))


def by_definition(a: Tensor, b: Tensor) -> float:
    def mean_kernel(x: Tensor, y: Tensor, pairs: int) -> float:
        values = (x.double() @ y.double().T / x.shape[1] + 1) ** 3
        return float((values.sum() - (values.trace() if x is y else 0)) / pairs)

    n, m = len(a), len(b)
    return mean_kernel(a, a, n * (n - 1)) + mean_kernel(b, b, m * (m - 1)) - 2 * mean_kernel(a, b, n * m)


PAIRS = {
    "same": (normal(300, 32, 0), normal(300, 32, 1)),
    "shifted": (normal(300, 32, 0), normal(300, 32, 1) + 0.5),
    "rectified": (normal(200, 256, 0).clamp(min=0), 1.2 * normal(200, 256, 1).clamp(min=0)),
    "two each": (normal(2, 4, 0), normal(2, 4, 1)),
}


@pytest.mark.parametrize(("a", "b"), PAIRS.values(), ids=PAIRS)
def test_sets_of_one_size_are_at_the_distance_that_torch_fidelity_finds(a: Tensor, b: Tensor):
    assert between(a, b)[0] == pytest.approx(fidelity(a, b), rel=1e-6, abs=1e-8)


def test_features_of_real_digits_are_at_the_distance_that_torch_fidelity_finds(digits: Task, digits_data: RealData):
    space = task_space(digits, "smoke", "cpu", QUIET)
    a, b = (space(images.images)[:500] for images in (digits_data.reference, digits_data.training))
    assert between(a, b)[0] == pytest.approx(fidelity(a, b), rel=1e-6)


def test_torch_fidelitys_mean_over_random_subsets_tends_to_the_distance_of_all_pairs():
    a, b = normal(400, 16, 0), normal(300, 16, 1) + 0.3
    subsets = {"kid_subsets": 2000, "kid_subset_size": 50, "verbose": False, "rng_seed": 0}
    expected = kid_features_to_metric(a.double(), b.double(), **CUBIC, **subsets)[KEY_METRIC_KID_MEAN]
    assert between(a, b)[0] == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(("n", "m"), [(200, 50), (3, 100)])
def test_sets_of_different_sizes_have_the_distance_of_the_definition(n: int, m: int):
    a, b = normal(n, 8, 0), normal(m, 8, 1) + 0.5
    assert between(a, b)[0] == pytest.approx(by_definition(a, b), rel=1e-6)


def test_the_order_of_the_sets_does_not_matter():
    a, b = normal(200, 8, 0), normal(150, 8, 1) + 0.5
    assert between(a, b) == pytest.approx(between(b, a), rel=1e-6)


def test_the_distance_of_equal_distributions_is_zero_on_average():
    found = torch.tensor([between(normal(60, 8, i), normal(40, 8, 10_000 + i))[0] for i in range(400)])
    assert found.min() < 0
    assert abs(found.mean()) < 3 * found.std() / len(found) ** 0.5


@pytest.mark.parametrize(("n", "m", "shift"), [(200, 200, 0.5), (200, 60, 1.0), (60, 200, 1.0)])
def test_the_standard_error_is_the_spread_over_repeated_draws(n: int, m: int, shift: float):
    draws = [between(normal(n, 8, i), 0.8 * normal(m, 8, 10_000 + i) + shift) for i in range(200)]
    distances, errors = torch.tensor(draws).T
    assert 1 / 1.3 < float(errors.mean() / distances.std()) < 1.3


@pytest.mark.parametrize("block", [1, 7, 100, 1000])
def test_the_size_of_a_block_does_not_matter(monkeypatch: pytest.MonkeyPatch, block: int):
    a, b = normal(150, 8, 0), normal(100, 8, 1) + 0.5
    monkeypatch.setattr(kernel, "BLOCK", block)
    assert between(a, b)[0] == pytest.approx(by_definition(a, b), rel=1e-6)


def test_the_metric_of_features_in_batches_is_the_distance_of_all_of_them():
    a, b = PAIRS["shifted"]
    metric = KernelDistance(KernelSet.of(a))
    for batch in b.split([1, 200, 99]):
        metric.update(batch)
    distance, error = metric.compute()
    assert float(distance) == pytest.approx(fidelity(a, b), rel=1e-6)
    assert float(error) == pytest.approx(between(a, b)[1], rel=1e-6)
