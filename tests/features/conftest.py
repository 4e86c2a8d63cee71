"""Real colour images of two sizes, and the cache folder of a test."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bench.data.image_set import ImageSet

DATA = Path(__file__).parents[2].parent / "shared" / "data"
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def read_pictures(archive: str, names: list[str]) -> Tensor:
    """Return pictures of a zip archive beside the repository, uint8 (n, 3, height, width)."""
    path = DATA / archive
    if not path.is_file():
        pytest.skip(f"{archive} is not beside the repository, in shared/data")
    with zipfile.ZipFile(path) as opened:
        pictures = [np.array(Image.open(io.BytesIO(opened.read(name))).convert("RGB")) for name in names]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


@pytest.fixture(scope="session")
def cifar() -> ImageSet:
    """20 real 32x32 images of each class of CIFAR-10, one class after the other."""
    images = read_pictures("cifar10.zip", [f"test/{name}/{i:04d}.jpg" for name in CIFAR_CLASSES for i in range(20)])
    return ImageSet(images, torch.arange(10).repeat_interleave(20))


@pytest.fixture(scope="session")
def faces() -> Tensor:
    """Real 64x64 images of four faces."""
    return read_pictures("faces64.zip", [f"{i:05d}.jpg" for i in range(4)])


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder of this test alone; it does not exist yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("AUTOPHAGY_CACHE", str(folder))
    return folder
