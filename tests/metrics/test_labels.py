"""Label agreement and class imbalance, against scikit-learn, scipy and examples worked out by hand."""

import pytest
import torch
from scipy.spatial.distance import cityblock
from sklearn.metrics import accuracy_score
from torch import Tensor

from bench.metrics.labels import ClassImbalance, LabelAgreement


def classes(n: int, seed: int, n_classes: int = 5) -> Tensor:
    return torch.randint(n_classes, (n,), generator=torch.Generator().manual_seed(seed))


def agreement(predicted: Tensor, labels: Tensor) -> float:
    metric = LabelAgreement()
    metric.update(predicted, labels)
    return float(metric.compute())


def imbalance(predicted: Tensor, frequencies: list[float]) -> float:
    metric = ClassImbalance(torch.tensor(frequencies))
    metric.update(predicted)
    return float(metric.compute())


def test_agreement_is_the_accuracy_of_scikit_learn():
    predicted, labels = classes(137, 0), classes(137, 1)
    assert agreement(predicted, labels) == accuracy_score(labels, predicted)


@pytest.mark.parametrize(("predicted", "expected"), [([0, 1, 2], 1), ([1, 2, 0], 0), ([0, 1, 1], 2 / 3)])
def test_agreement_is_the_share_of_equal_classes(predicted: list[int], expected: float):
    assert agreement(torch.tensor(predicted), torch.tensor([0, 1, 2])) == expected


def test_agreement_of_batches_of_different_sizes_is_that_of_all_images():
    predicted, labels = classes(137, 0), classes(137, 1)
    metric = LabelAgreement()
    for batch in torch.arange(137).split([1, 100, 36]):
        metric.update(predicted[batch], labels[batch])
    assert float(metric.compute()) == accuracy_score(labels, predicted)


def test_imbalance_is_half_the_city_block_distance_of_the_shares():
    predicted, frequencies = classes(200, 0), [3.0, 1.0, 4.0, 1.0, 5.0]
    shares = predicted.bincount(minlength=5).double().numpy() / 200
    expected = cityblock(shares, [f / 14 for f in frequencies]) / 2
    assert imbalance(predicted, frequencies) == pytest.approx(expected, rel=1e-12)


def test_imbalance_of_the_frequencies_themselves_is_zero():
    assert imbalance(torch.tensor([0, 1, 1, 2, 2, 2] * 5), [10, 20, 30]) == pytest.approx(0, abs=1e-15)


def test_imbalance_of_one_class_out_of_ten_is_nine_tenths():
    assert imbalance(torch.full((50,), 3), [7] * 10) == pytest.approx(0.9, rel=1e-12)


def test_imbalance_is_never_above_one():
    # The sum of these shares is 1.0000000000000002 without a bound.
    for n in range(1, 60):
        assert imbalance(torch.arange(n) % 7, [0] * 7 + [1, 2, 4, 3, 9]) <= 1


def test_imbalance_of_classes_that_training_does_not_have_is_one():
    assert imbalance(torch.tensor([2, 2, 3]), [1, 1, 0, 0]) == pytest.approx(1, rel=1e-12)


def test_imbalance_of_batches_is_that_of_all_images():
    predicted = classes(137, 0)
    metric = ClassImbalance(torch.ones(5))
    for batch in predicted.split([1, 100, 36]):
        metric.update(batch)
    expected = cityblock(predicted.bincount(minlength=5).double().numpy() / 137, [0.2] * 5) / 2
    assert float(metric.compute()) == pytest.approx(expected, rel=1e-12)
