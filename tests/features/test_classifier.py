"""The feature spaces of the tasks' own classifiers."""

from pathlib import Path

import pytest
import torch
from builders import QUIET
from safetensors.torch import save_file

from bench.cells.task import Task, load_task
from bench.data.real import RealData
from bench.errors import BadInput
from bench.features import classifier
from bench.features.base import ClassifyingSpace, FeatureSpace
from bench.features.build import task_space
from bench.features.classifier import ClassifierSpace
from bench.files.hashing import file_sha256


@pytest.fixture(scope="module")
def space(digits: Task) -> ClassifyingSpace:
    return task_space(digits, "smoke", "cpu", QUIET)


def share_right(space: ClassifyingSpace, data: RealData) -> float:
    """Return the share of the reference images that the classifier labels right."""
    right = space.classify(space(data.reference.images)) == data.reference.labels
    return int(right.sum()) / len(data.reference)


def load(weights: Path, sha256: str | None = None, architecture: str = "digits_cnn") -> ClassifierSpace:
    return ClassifierSpace.load("digits", architecture, 10, (1, 8, 8), weights, sha256 or file_sha256(weights), "cpu")


def refusal(weights: Path, sha256: str | None = None, architecture: str = "digits_cnn") -> str:
    with pytest.raises(BadInput) as caught:
        load(weights, sha256, architecture)
    message = str(caught.value)
    assert message.startswith(f"{weights}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("name", "dim", "shape"),
    [("digits", 64, (1, 8, 8)), ("mnist", 84, (1, 28, 28)), ("fashion_mnist", 84, (1, 28, 28))],
)
def test_the_space_of_a_shipped_task_gives_its_features(name: str, dim: int, shape: tuple[int, ...]):
    features = task_space(load_task(name), "smoke", "cpu", QUIET)(torch.zeros(3, *shape, dtype=torch.uint8))
    assert features.shape == (3, dim)
    assert features.dtype == torch.float32


def test_accuracy_on_the_held_out_digits_is_the_one_in_the_task_file(
    digits: Task, digits_data: RealData, space: FeatureSpace
):
    accuracy = share_right(space, digits_data)
    assert round(accuracy, 4) == digits.features.accuracy
    assert accuracy > 0.97


def test_accuracy_on_the_held_out_mnist_is_the_one_in_the_task_file(mnist_data: RealData):
    task = load_task("mnist")
    accuracy = share_right(task_space(task, "smoke", "cpu", QUIET), mnist_data)
    assert round(accuracy, 4) == task.features.accuracy
    assert accuracy > 0.985


@pytest.mark.parametrize("batch", [1, 7, 499])
def test_features_do_not_depend_on_the_batch(
    digits_data: RealData, space: FeatureSpace, monkeypatch: pytest.MonkeyPatch, batch: int
):
    images = digits_data.reference.images
    whole = space(images)
    monkeypatch.setattr(space, "batch_size", batch)
    assert torch.allclose(space(images), whole, rtol=1e-5, atol=1e-6)


def test_a_task_is_scored_in_a_space_that_knows_its_classes(digits: Task, space: FeatureSpace):
    assert isinstance(space, ClassifyingSpace)
    assert space.n_classes == len(digits.data.classes)


def test_features_are_not_negative(digits_data: RealData, space: FeatureSpace):
    assert space(digits_data.reference.images).min() == 0


def test_features_of_an_image_do_not_depend_on_those_beside_it(digits_data: RealData, space: FeatureSpace):
    images = digits_data.reference.images[:20]
    assert torch.allclose(space(images.flip(0)).flip(0), space(images), rtol=1e-5, atol=1e-6)


def test_input_is_scaled_to_minus_one_to_one():
    assert classifier.scale_input(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1, 1]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 8), (1, 8, 9)])
def test_images_of_another_shape_are_refused(space: FeatureSpace, shape: tuple[int, ...]):
    with pytest.raises(BadInput) as caught:
        space(torch.zeros(2, *shape, dtype=torch.uint8))
    assert "(1, 8, 8)" in str(caught.value)
    assert str(shape) in str(caught.value)


def test_weights_with_another_hash_are_refused(digits: Task):
    weights = digits.path.parent / digits.features.weights
    message = refusal(weights, "0" * 64)
    assert digits.features.sha256 in message
    assert "0" * 64 in message


def test_missing_weights_are_refused(tmp_path: Path):
    assert "No such file" in refusal(tmp_path / "digits.safetensors", "0" * 64)


def test_weights_that_are_not_safetensors_are_refused(tmp_path: Path):
    weights = tmp_path / "digits.safetensors"
    weights.write_bytes(b"not weights")
    assert "not the weights of a digits_cnn network" in refusal(weights)


def test_weights_of_another_network_are_refused_in_one_line(digits: Task):
    weights = digits.path.parent / digits.features.weights
    assert "not the weights of a lenet network" in refusal(weights, architecture="lenet")


def test_weights_without_the_last_layer_are_refused_in_one_line(digits: Task, tmp_path: Path):
    weights = tmp_path / "digits.safetensors"
    network = classifier.DigitsCNN(10)
    save_file({name: value for name, value in network.state_dict().items() if "head" not in name}, weights)
    assert "not the weights of a digits_cnn network" in refusal(weights)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (3, 17, 17), (1, 28, 28), (3, 64, 64), (3, 5, 5)])
def test_the_general_network_is_for_any_size_and_colour(shape: tuple[int, int, int], tmp_path: Path):
    weights = tmp_path / "mine.safetensors"
    save_file(classifier.CNN(3, shape).state_dict(), weights)
    found = ClassifierSpace.load("mine", "cnn", 3, shape, weights, file_sha256(weights), "cpu")
    features = found(torch.zeros(2, *shape, dtype=torch.uint8))
    assert features.shape == (2, 128)
    assert found.classify(features).shape == (2,)
    with pytest.raises(BadInput, match=r"is for images of \(channels, height, width\)"):
        found(torch.zeros(2, 3, 9, 9, dtype=torch.uint8))
