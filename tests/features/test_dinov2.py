"""The feature space of DINOv2, against a forward pass in plain torch with the same weights, which are random."""

import sys
from pathlib import Path

import pytest
import torch
from builders import QUIET, make_images
from torch import Tensor
from torch.nn import functional as F

from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.features.dinov2 import DINOV2, load_dinov2
from bench.features.resize import resize
from bench.features.weights import WeightsFile
from bench.files.hashing import file_sha256

WIDTH, BLOCKS, HEADS = 768, 12, 12


def random_weights() -> dict[str, Tensor]:
    """Return weights under the names and in the shapes of the published file."""
    random = torch.Generator().manual_seed(0)
    shapes = {
        "cls_token": (1, 1, WIDTH),
        "pos_embed": (1, 1 + 37 * 37, WIDTH),
        "mask_token": (1, WIDTH),
        "patch_embed.proj.weight": (WIDTH, 3, 14, 14),
        "patch_embed.proj.bias": (WIDTH,),
        "norm.weight": (WIDTH,),
        "norm.bias": (WIDTH,),
    }
    for i in range(BLOCKS):
        for name, width in (
            ("norm1", 1),
            ("attn.qkv", 3),
            ("attn.proj", 1),
            ("norm2", 1),
            ("mlp.fc1", 4),
            ("mlp.fc2", 1),
        ):
            columns = () if "norm" in name else (4 * WIDTH,) if name == "mlp.fc2" else (WIDTH,)
            shapes[f"blocks.{i}.{name}.weight"] = (width * WIDTH, *columns)
            shapes[f"blocks.{i}.{name}.bias"] = (width * WIDTH,)
        shapes |= {f"blocks.{i}.ls1.gamma": (WIDTH,), f"blocks.{i}.ls2.gamma": (WIDTH,)}
    values = {name: torch.randn(shape, generator=random) for name, shape in shapes.items()}
    # Matrices keep the size of what they map, norms and layer scales stay near 1, and what is added is small.
    for name, value in values.items():
        if name.endswith("weight") and value.ndim > 1:
            value.mul_(value[0].numel() ** -0.5)
        elif name.endswith("gamma") or ("norm" in name and name.endswith("weight")):
            value.mul_(0.1).add_(1)
        else:
            value.mul_(0.2)
    return values


@torch.inference_mode()
def vision_transformer(weights: dict[str, Tensor], images: Tensor) -> Tensor:
    """Return the class token after the last norm, of uint8 images (n, 3, height, width).

    The architecture is that of Dosovitskiy et al. 2021, before which each branch is normed and after which it is
    scaled (Touvron et al. 2021); the position embedding is resized as the code that Oquab et al. 2023 published does.
    """

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        variance = centred.square().mean(-1, keepdim=True)
        return centred / (variance + 1e-6).sqrt() * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def attention(x: Tensor, name: str) -> Tensor:
        n, tokens, _ = x.shape
        query, key, value = linear(x, f"{name}.qkv").view(n, tokens, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(2, 3) / (WIDTH / HEADS) ** 0.5
        return linear((scores.softmax(-1) @ value).transpose(1, 2).reshape(n, tokens, WIDTH), f"{name}.proj")

    def perceptron(x: Tensor, name: str) -> Tensor:
        hidden = linear(x, f"{name}.fc1")
        return linear(hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5)), f"{name}.fc2")

    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    values = (resize(images, 224) / 255 - mean) / deviation
    patches = F.unfold(values, 14, stride=14).transpose(1, 2)
    x = patches @ weights["patch_embed.proj.weight"].flatten(1).T + weights["patch_embed.proj.bias"]
    grid = weights["pos_embed"][:, 1:].transpose(1, 2).reshape(1, WIDTH, 37, 37)
    grid = F.interpolate(grid, scale_factor=16.1 / 37, mode="bicubic")
    x = x + grid.reshape(1, WIDTH, 256).transpose(1, 2)
    first = weights["cls_token"] + weights["pos_embed"][:, :1]
    x = torch.cat([first.expand(len(x), -1, -1), x], 1)
    for i in range(BLOCKS):
        block = f"blocks.{i}"
        x = x + weights[f"{block}.ls1.gamma"] * attention(norm(x, f"{block}.norm1"), f"{block}.attn")
        x = x + weights[f"{block}.ls2.gamma"] * perceptron(norm(x, f"{block}.norm2"), f"{block}.mlp")
    return norm(x, "norm")[:, 0]


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return random_weights()


@pytest.fixture(scope="module")
def file(weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dinov2") / DINOV2.file_name
    torch.save(weights, path)
    return path


def load(path: Path, sha256: str | None = None) -> FeatureSpace:
    return load_dinov2("cpu", path, QUIET, WeightsFile("dinov2", DINOV2.url, sha256 or file_sha256(path)))


@pytest.fixture(scope="module")
def space(file: Path) -> FeatureSpace:
    return load(file)


def refusal(path: Path, sha256: str | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        load(path, sha256)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_features_are_those_of_a_vision_transformer_with_the_same_weights(
    space: FeatureSpace, weights: dict[str, Tensor]
):
    images = torch.cat([make_images(1, shape=(3, 32, 32)).images, torch.full((1, 3, 32, 32), 200, dtype=torch.uint8)])
    features, expected = space(images), vision_transformer(weights, images)
    assert (features.shape, features.dtype) == ((2, WIDTH), torch.float32)
    assert (expected[0] - expected[1]).abs().mean() > 0.1
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-5)


def test_a_grey_image_is_shown_in_all_three_channels(space: FeatureSpace):
    grey = make_images(1, shape=(1, 28, 28)).images
    assert torch.equal(space(grey), space(grey.repeat(1, 3, 1, 1)))


def test_the_space_says_what_its_scores_depend_on(space: FeatureSpace, file: Path):
    assert (space.name, space.sha256) == ("dinov2", file_sha256(file))
    assert "224x224" in space.resize


def test_without_timm_the_extra_is_named(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    assert "pip install 'autophagy-bench[dinov2]'" in refusal(file)


def test_weights_with_another_hash_are_refused(file: Path):
    message = refusal(file, "0" * 64)
    assert message.startswith(f"{file}: ")
    assert "0" * 64 in message


@pytest.mark.parametrize("content", [{}, {"pos_embed": torch.zeros(1, 10, WIDTH)}], ids=["empty", "one"])
def test_weights_of_another_network_are_refused_in_one_line(tmp_path: Path, content: object):
    path = tmp_path / DINOV2.file_name
    torch.save(content, path)
    assert refusal(path).startswith(f"{path}: not the weights of DINOv2 ViT-B/14")


def test_a_file_that_is_no_weights_is_refused_in_one_line(tmp_path: Path):
    path = tmp_path / DINOV2.file_name
    path.write_bytes(b"not weights")
    assert refusal(path).startswith(f"{path}: not the weights of DINOv2 ViT-B/14")
