"""The resize, against clean-fid's own."""

import numpy as np
import pytest
import torch
from builders import make_images
from cleanfid.resize import make_resizer
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.features.resize import resize

TOLERANCE = 0.005  # of 255
# Where neighbours differ by the whole range, the filter's rounding to float32 shows more.
TOLERANCE_FOR_NOISE = 0.02


def clean_fid(images: Tensor, size: int) -> Tensor:
    """Return the images as clean-fid resizes them, one at a time."""
    resizer = make_resizer("PIL", False, "bicubic", (size, size))
    resized = [resizer(image.permute(1, 2, 0).numpy()) for image in images]
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("size", [224, 299])
def test_enlarged_objects_are_those_of_clean_fid(cifar: ImageSet, size: int):
    images = cifar.images[::10]
    torch.testing.assert_close(resize(images, size), clean_fid(images, size), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("size", [224, 299])
def test_enlarged_faces_are_those_of_clean_fid(faces: Tensor, size: int):
    torch.testing.assert_close(resize(faces, size), clean_fid(faces, size), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("size", [224, 299])
@pytest.mark.parametrize("shape", [(300, 300), (512, 512), (1000, 700), (64, 512), (225, 298)])
def test_resized_noise_is_that_of_clean_fid(shape: tuple[int, int], size: int):
    noise = make_images(2, shape=(3, *shape)).images
    torch.testing.assert_close(resize(noise, size), clean_fid(noise, size), rtol=0, atol=TOLERANCE_FOR_NOISE)


def test_an_image_of_the_right_size_is_unchanged():
    images = make_images(2, shape=(3, 224, 224)).images
    assert torch.equal(resize(images, 224), images.float())


def test_a_grey_image_keeps_its_one_channel():
    grey = make_images(2, shape=(1, 28, 28)).images
    assert torch.equal(resize(grey, 224), resize(grey.expand(-1, 3, -1, -1), 224)[:, :1])


def test_an_edge_between_black_and_white_stays_in_the_range_of_pixels():
    edge = torch.zeros((1, 1, 32, 32), dtype=torch.uint8)
    edge[..., 16:] = 255
    resized = resize(edge, 224)
    assert (resized.min(), resized.max()) == (0, 255)


def test_pixels_between_two_greys_are_not_rounded():
    step = torch.tensor([[10, 11], [10, 11]], dtype=torch.uint8).reshape(1, 1, 2, 2)
    resized = resize(step, 224)
    assert bool((resized != resized.round()).any())
