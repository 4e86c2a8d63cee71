"""Training the feature networks."""

import math

import pytest
import torch
from builders import QUIET
from torch.nn import functional as F

from bench.data.image_set import ImageSet
from bench.data.real import RealData
from bench.features import train
from bench.features.classifier import ClassifierSpace, DigitsCNN, scale_input


@pytest.fixture
def images(digits_data: RealData) -> ImageSet:
    return digits_data.training[:200]


def trained(images: ImageSet, seed: int = 0) -> DigitsCNN:
    network = DigitsCNN(10)
    train.train(network, images, seed, QUIET)
    return network


def weights(network: DigitsCNN) -> torch.Tensor:
    return torch.nn.utils.parameters_to_vector(network.parameters())


def test_training_learns_the_digits_it_sees(images: ImageSet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(train, "STEPS", 60)
    network = trained(images).eval()
    with torch.no_grad():
        loss = F.cross_entropy(network.head(network.body(scale_input(images.images))), images.labels)
    assert loss < 0.5 * math.log(10)  # log(10) is the loss of a guess


def test_training_with_the_same_seed_gives_the_same_weights(images: ImageSet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(train, "STEPS", 4)
    assert torch.equal(weights(trained(images)), weights(trained(images)))


def test_training_with_another_seed_gives_other_weights(images: ImageSet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(train, "STEPS", 4)
    assert not torch.equal(weights(trained(images, 0)), weights(trained(images, 1)))


def test_training_leaves_the_global_random_state_alone(images: ImageSet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(train, "STEPS", 4)
    network = DigitsCNN(10)
    before = torch.get_rng_state()
    train.train(network, images, 0, QUIET)
    assert torch.equal(torch.get_rng_state(), before)


def test_accuracy_is_the_share_that_is_labelled_right(images: ImageSet):
    network = DigitsCNN(10)
    torch.nn.init.zeros_(network.head.weight)
    with torch.no_grad():
        network.head.bias.copy_(F.one_hot(torch.tensor(3), 10))  # it answers 3 whatever it is shown
    space = ClassifierSpace("digits", network, "0" * 64)
    assert train.accuracy(space, images) == int((images.labels == 3).sum()) / 200
