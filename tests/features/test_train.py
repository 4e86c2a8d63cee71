"""Training the feature networks."""

import math
from pathlib import Path

import pytest
import torch
from builders import QUIET
from torch.nn import functional as F

from bench import paths
from bench.cells.task import Task, load_task
from bench.data.image_set import ImageSet
from bench.data.real import RealData
from bench.errors import BadInput
from bench.features import train
from bench.features.build import task_space
from bench.features.classifier import ClassifierSpace, DigitsCNN, scale_input
from bench.files.hashing import file_sha256


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


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task of the digits without a feature space of its own, whose network is trained for a few steps."""
    monkeypatch.setattr(train, "STEPS", 30)
    text = (paths.TASKS / "digits.toml").read_text(encoding="utf-8")
    start, end = text.index("[features]"), text.index("[score]")
    text = text[:start] + text[end : text.index("# One GPU.")]
    path = tmp_path / "own.toml"
    path.write_text(text.replace('"digits"', '"own"').replace("n_score = 500", 'n_score = 500\nfeatures = "identity"'))
    return path


def test_a_task_gets_a_feature_space_of_its_own_from_one_command(own: Path, digits_data: RealData):
    trained = train.train_features(load_task(str(own)), None, QUIET)
    task = load_task(str(own))
    assert task.features == trained.section
    assert trained.weights == own.parent / "features" / "own.safetensors"
    assert file_sha256(trained.weights) == trained.section.sha256
    space = task_space(task, "smoke", "cpu", QUIET)
    right = space.classify(space(digits_data.reference.images)) == digits_data.reference.labels
    assert trained.section.accuracy == round(float(right.double().mean()), 4) > 0.3


def test_the_bits_are_the_same_on_a_machine(own: Path):
    first, second = (train.train_features(load_task(str(own)), None, QUIET) for _ in range(2))
    assert first == second


def test_the_size_is_that_of_the_tiers(own: Path):
    own.write_text(own.read_text().replace("[tiers.smoke]", "[tiers.smoke]\nsize = 4").replace("[16, 32]", "[16]"))
    own.write_text(own.read_text().replace("channels = [32, 64]", "channels = [32]"))
    train.train_features(load_task(str(own)), None, QUIET)
    task = load_task(str(own))
    assert task_space(task, "smoke", "cpu", QUIET).image_shape == (1, 4, 4)


def test_a_network_that_the_file_names_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(train, "STEPS", 2)
    path = tmp_path / "digits.toml"
    path.write_text((paths.TASKS / "digits.toml").read_text(encoding="utf-8"), encoding="utf-8")
    train.train_features(load_task(str(path)), None, QUIET)
    assert load_task(str(path)).features.network == "digits_cnn"
    assert (tmp_path / "features" / "digits.safetensors").is_file()


def refused(task: Task, given: Path | None = None) -> str:
    before = task.path.read_text()
    with pytest.raises(BadInput) as caught:
        train.train_features(task, given, QUIET)
    assert task.path.read_text() == before
    return str(caught.value)


def test_a_task_without_classes_has_no_network_to_train(own: Path):
    own.write_text(own.read_text().replace("classes = ", "# "))
    assert refused(load_task(str(own))) == (
        f"{own}: data.classes has 0: a feature network learns to tell 2 or more apart"
    )


def test_tiers_of_different_sizes_are_refused(own: Path):
    text = own.read_text()
    tier = text[text.index("[tiers.smoke]") :].replace("smoke", "paper")
    tier = (
        tier.replace("[tiers.paper]", "[tiers.paper]\nsize = 4")
        .replace("[16, 32]", "[16]")
        .replace("[32, 64]", "[32]")
    )
    own.write_text(text + tier)
    assert "tiers have images of 4 and 8 pixels: a feature network is for one size" in refused(load_task(str(own)))


def test_a_file_that_cannot_be_edited_is_refused_before_the_training(own: Path, monkeypatch: pytest.MonkeyPatch):
    own.write_text(own.read_text().replace("[tiers.smoke]\n", '["tiers".smoke]\n'))
    monkeypatch.setattr(train, "train", None)
    assert "cannot be edited: its sections are not written as" in refused(load_task(str(own)))


def test_other_images_than_the_tasks_are_refused(own: Path):
    own.write_text(own.read_text().replace('training_sha256 = "5', 'training_sha256 = "6'))
    assert "these are not the images that the task pins" in refused(load_task(str(own)))
