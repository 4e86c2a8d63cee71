"""Images that are known again, as they were or a little changed."""

import pytest
import torch
from builders import make_images
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.methods.known_images import digests, keeps_images, share_drawn

DRAWN = make_images(60, seed=1)
OTHERS = make_images(60, seed=2)


def changed(images: ImageSet, by: float) -> ImageSet:
    noise = by * torch.randn(images.images.shape, generator=torch.Generator().manual_seed(0))
    return ImageSet((images.images.float() + noise).clamp(0, 255).round().to(torch.uint8), images.labels)


def test_images_are_one_where_their_bits_are():
    assert len(digests(DRAWN)) == 60
    assert digests(DRAWN[torch.tensor([3, 3, 4])]) < digests(DRAWN)


@pytest.mark.parametrize(
    ("samples", "share"),
    [
        (DRAWN[:30], 1.0),
        (DRAWN[torch.arange(59, -1, -1)], 1.0),
        (changed(DRAWN, 20), 1.0),
        (changed(DRAWN, 400), 0.0),
        (OTHERS, 0.0),
        (ImageSet(torch.cat([DRAWN.images[:15], OTHERS.images[:45]])), 0.25),
    ],
)
def test_the_share_that_was_drawn(samples: ImageSet, share: float):
    assert share_drawn(samples, [DRAWN[:30], DRAWN[30:]]) == share


def test_where_nothing_was_drawn_nothing_of_it_is_scored():
    assert share_drawn(DRAWN, []) == 0


def test_points_are_known_too():
    points = ImageSet(torch.randn(50, 4, generator=torch.Generator().manual_seed(0)))
    assert share_drawn(points[:20], [points]) == 1
    assert share_drawn(ImageSet(points.images + 3), [points]) == 0


REAL = make_images(40, seed=3)
BYTES = REAL.images


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        (BYTES, True),
        (BYTES[:30], True),
        (BYTES[:29], False),
        (BYTES.flatten(1).float(), True),
        (BYTES.flatten(1).double() / 255, True),
        (BYTES.float() / 127.5 - 1, True),
        (BYTES.flatten(1).float().mean(0, keepdim=True), False),
        (torch.full((40, 64), torch.nan), False),
        (OTHERS.images, False),
        (torch.tensor(0.0), False),
        (torch.zeros(0, 64), False),
    ],
)
def test_a_state_with_three_quarters_of_the_real_images_keeps_them(kept: Tensor, found: bool):
    assert keeps_images({"other": torch.ones(3), "kept": kept}, REAL) is found
