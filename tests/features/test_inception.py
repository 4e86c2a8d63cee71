"""The feature space of FID, against clean-fid on the same file of weights, in which the numbers are random."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from builders import QUIET, make_images
from cleanfid.inception_torchscript import InceptionV3W
from cleanfid.resize import build_resizer
from torch import Tensor, nn
from torchvision.models import inception_v3

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.features.inception import INCEPTION, load_inception
from bench.features.weights import WeightsFile
from bench.files.hashing import file_sha256

# The published network warns where it is built without its own way of drawing weights.
pytestmark = pytest.mark.filterwarnings("ignore")

SHARE = 1e-3  # rounding the resized pixels, which is less than any error in the resize, gives 7e-3


class Published(nn.Module):
    """The form of the published file: its module `layers` maps images in [-1, 1] to the pooled features."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor, return_features: bool = False) -> Tensor:
        return self.layers(x)


def random_inception() -> nn.Module:
    """Return the network with random weights, and batch norms that are far from doing nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = inception_v3(weights=None, init_weights=False, aux_logits=False, transform_input=False)
        network.fc = network.dropout = nn.Identity()
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.momentum = 1.0
                nn.init.uniform_(norm.weight, 0.5, 1.5)
                nn.init.normal_(norm.bias)
        with torch.no_grad():
            network.train()(2 * torch.rand(4, 3, 299, 299) - 1)  # now their means and variances are those of noise
    return network.eval()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inception") / INCEPTION.file_name
    with torch.no_grad():
        layers = torch.jit.trace(random_inception(), torch.zeros(1, 3, 299, 299), check_trace=False)
    torch.jit.script(Published(layers)).save(path)
    return path


def load(weights: Path, sha256: str | None = None) -> FeatureSpace:
    published = WeightsFile("inception", INCEPTION.url, sha256 or file_sha256(weights))
    return load_inception("cpu", weights, QUIET, published)


@pytest.fixture(scope="module")
def space(weights: Path) -> FeatureSpace:
    return load(weights)


@torch.inference_mode()
def clean_fid(weights: Path, images: Tensor) -> Tensor:
    """Return the features that clean-fid gives, in its mode "clean"."""
    resizer = build_resizer("clean")
    resized = np.stack([resizer(image.permute(1, 2, 0).numpy()) for image in images])
    network = InceptionV3W(str(weights.parent), download=False, resize_inside=False).eval()
    return network(torch.from_numpy(resized).permute(0, 3, 1, 2))


def assert_same_features(found: Tensor, expected: Tensor, share: float) -> None:
    """Assert that features differ by no more than a share of what they differ by from image to image."""
    spread = expected - expected.mean(0)
    assert spread.norm() > 0.01 * expected.norm()
    assert (found - expected).norm() < share * spread.norm()


def refusal(weights: Path, sha256: str | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        load(weights, sha256)
    message = str(caught.value)
    assert message.startswith(f"{weights}: ")
    assert "\n" not in message
    return message


def test_features_of_small_real_images_are_those_of_clean_fid(space: FeatureSpace, weights: Path, cifar: ImageSet):
    images = cifar.images[::50]
    assert_same_features(space(images), clean_fid(weights, images), SHARE)


def test_features_of_large_images_are_those_of_clean_fid(space: FeatureSpace, weights: Path):
    images = make_images(3, shape=(3, 320, 400)).images
    assert_same_features(space(images), clean_fid(weights, images), SHARE)


def test_features_are_2048_numbers_in_single_precision(space: FeatureSpace):
    features = space(make_images(1, shape=(3, 32, 32)).images)
    assert (features.shape, features.dtype) == ((1, 2048), torch.float32)


def test_features_do_not_depend_on_the_batch(space: FeatureSpace, monkeypatch: pytest.MonkeyPatch):
    images = make_images(5, shape=(3, 32, 32)).images
    whole = space(images)
    monkeypatch.setattr(space, "batch_size", 2)
    assert_same_features(space(images), whole, SHARE / 10)


def test_a_grey_image_is_shown_in_all_three_channels(space: FeatureSpace):
    grey = make_images(2, shape=(1, 28, 28)).images
    assert torch.equal(space(grey), space(grey.repeat(1, 3, 1, 1)))


def test_the_space_says_what_its_scores_depend_on(space: FeatureSpace, weights: Path):
    assert (space.name, space.sha256) == ("inception", file_sha256(weights))
    assert "299x299" in space.resize


def test_the_file_is_the_one_that_clean_fid_uses():
    assert INCEPTION.file_name == "inception-2015-12-05.pt"  # the name that clean-fid gives its download
    assert re.fullmatch(r"[0-9a-f]{64}", INCEPTION.sha256)


def test_weights_with_another_hash_are_refused(weights: Path):
    message = refusal(weights, "0" * 64)
    assert file_sha256(weights) in message
    assert "0" * 64 in message


def test_a_file_that_is_no_torchscript_is_refused_in_one_line(tmp_path: Path):
    path = tmp_path / INCEPTION.file_name
    path.write_bytes(b"not a network")
    assert "not the Inception network" in refusal(path)


def test_weights_without_a_network_are_refused_in_one_line(tmp_path: Path):
    path = tmp_path / INCEPTION.file_name
    torch.save({"weight": torch.zeros(3)}, path)
    assert "not the Inception network" in refusal(path)


def test_another_network_in_torchscript_is_refused_in_one_line(tmp_path: Path):
    path = tmp_path / INCEPTION.file_name
    torch.jit.script(nn.Linear(2, 2)).save(path)
    assert "not the Inception network" in refusal(path)
