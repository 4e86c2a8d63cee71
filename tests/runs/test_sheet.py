"""The sheet of samples."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from bench.board import results
from bench.data.image_set import ImageSet
from bench.runs.sheet import (
    BETWEEN,
    GAP,
    GREYS,
    MOST_PIXELS,
    MOST_SIDE,
    POINT_SQUARES,
    POINTS_SIDE,
    SQUARES,
    draw_sheet,
    nearest,
    sheet_pixels,
    side_of,
)

SIZE, CLASSES = 4, 3
STEP = MOST_SIDE * (SIZE + GAP)


def random_images(n: int, seed: int, channels: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, channels, SIZE, SIZE), generator=generator, dtype=torch.uint8)


def flat_images(values: list[int], labels: list[int] | None) -> ImageSet:
    """Images of one value each: of those between two of the file's values, the nearer one is shown."""
    images = torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, SIZE, SIZE).contiguous()
    return ImageSet(images, None if labels is None else torch.tensor(labels))


def drawn(*sets: ImageSet, n_classes: int | None = CLASSES) -> np.ndarray:
    sheet = draw_sheet(*sets, n_classes)
    assert sheet is not None
    return np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB"))


def tile(sheet: np.ndarray, row: int, square: int, place: int) -> np.ndarray:
    top = row * STEP + (SIZE + GAP) * (place // MOST_SIDE)
    left = square * STEP + (SIZE + GAP) * (place % MOST_SIDE)
    return sheet[top : top + SIZE, left : left + SIZE]


def test_a_row_for_each_class_has_generation_1_the_last_one_and_the_real_images_nearest_to_them():
    real = flat_images([0, 68, 136, 255], [0, 0, 1, 2])
    first = flat_images([17, 153, 238], [0, 1, 2])
    last = flat_images([238, 51, 0], [0, 1, 2])
    sheet = drawn(real, first, last)
    assert sheet.shape == (CLASSES * STEP, SQUARES * STEP, 3)
    shown = [[int(tile(sheet, row, square, 0).mean()) for square in range(SQUARES)] for row in range(CLASSES)]
    assert shown == [[17, 0, 238, 255], [153, 136, 51, 68], [238, 255, 0, 0]]


def test_of_each_class_the_first_samples_are_shown_in_their_order_and_no_others():
    values = [17 * (i % 16) for i in range(60)]
    first = flat_images(values, [0] * 60)
    sheet = drawn(first, first, first, n_classes=1)
    shown = [int(tile(sheet, 0, 0, place).mean()) for place in range(MOST_SIDE**2)]
    assert shown == values[: MOST_SIDE**2]


def test_what_a_class_has_too_few_samples_of_stays_empty():
    one = flat_images([255], [1])
    sheet = drawn(one, one, one)
    assert (tile(sheet, 1, 0, 0) == 255).all()
    empty = (tile(sheet, 1, 0, 1), tile(sheet, 0, 2, 0), tile(sheet, 2, 3, 0))
    assert all(abs(int(part.mean()) - BETWEEN) <= 128 / GREYS for part in empty)


def test_images_without_classes_have_one_row():
    images = flat_images([0, 255], None)
    assert drawn(images, images, images, n_classes=None).shape == (STEP, SQUARES * STEP, 3)


def test_samples_of_labelled_images_without_labels_have_no_sheet():
    with_labels, without = flat_images([0], [0]), flat_images([0], None)
    assert draw_sheet(with_labels, without, without, CLASSES) is None


def test_a_grey_value_is_off_by_less_than_half_a_step():
    images = ImageSet(random_images(MOST_SIDE**2, seed=0), torch.zeros(MOST_SIDE**2, dtype=torch.int64))
    sheet = drawn(images, images, images, n_classes=1).astype(int)
    for place in (0, 7, MOST_SIDE**2 - 1):
        difference = tile(sheet, 0, 0, place)[..., 0] - images.images[place, 0].numpy().astype(int)
        assert np.abs(difference).max() <= 255 / (GREYS - 1) / 2 + 0.5


def test_colours_stay_near_what_they_were():
    flat = torch.tensor([[250, 10, 10], [10, 250, 10]], dtype=torch.uint8)[:, :, None, None]
    images = ImageSet(flat.expand(-1, -1, SIZE, SIZE).contiguous())
    sheet = drawn(images, images, images, n_classes=None)
    assert np.abs(tile(sheet, 0, 0, 1).mean((0, 1)) - [10, 250, 10]).max() < 8


@pytest.mark.parametrize("channels", [1, 3])
def test_the_nearest_real_image_is_that_of_numpy(channels: int):
    images, real = random_images(9, 1, channels), random_images(2_500, 2, channels)
    flat, others = (part.flatten(1).numpy().astype(np.int64) for part in (images, real))
    expected = ((flat[:, None] - others[None]) ** 2).sum(2).argmin(1)
    assert nearest(images, real).tolist() == expected.tolist()


def test_of_equally_near_images_it_is_the_first():
    real = flat_images([0, 90, 10, 90, 10], None).images
    assert nearest(flat_images([100, 50, 20], None).images, real.repeat(700, 1, 1, 1)).tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    ("shape", "classes"), [((1, 8, 8), 10), ((1, 28, 28), 10), ((3, 32, 32), 100), ((3, 64, 64), None), ((100,), None)]
)
def test_a_sheet_has_no_more_pixels_than_is_allowed_unless_it_has_one_image_of_a_class(shape, classes):
    pixels = sheet_pixels(shape, classes)
    assert pixels <= MOST_PIXELS or side_of(shape[-1], classes) == 1
    assert (
        len(shape) == 1
        or pixels == SQUARES * (classes or 1) * (side_of(shape[-1], classes or 1) * (shape[-1] + 1)) ** 2
    )


def test_points_lie_along_the_axes_in_which_the_real_ones_vary_the_most():
    generator = torch.Generator().manual_seed(0)
    scales = torch.tensor([0.1, 5.0, 0.1, 3.0])
    real = torch.randn(400, 4, generator=generator) * scales
    narrow = torch.randn(400, 4, generator=generator) * scales * 0.2
    sheet = draw_sheet(ImageSet(real), ImageSet(real), ImageSet(narrow), None)
    assert sheet is not None
    opaque = np.asarray(Image.open(io.BytesIO(sheet)).convert("RGBA"))[..., 3] > 0
    assert opaque.shape == (POINTS_SIDE, POINT_SQUARES * POINTS_SIDE)
    squares = [opaque[8:-8, i * POINTS_SIDE + 8 : (i + 1) * POINTS_SIDE - 8] for i in range(POINT_SQUARES)]
    assert np.array_equal(squares[0], squares[1])
    # Spread of the drawn points in pixels: the last generation's is a fifth, and no axis is one of the flat ones.
    wide, tall = ([np.std(np.nonzero(square)[axis]) for square in squares] for axis in (1, 0))
    assert 3 < wide[0] / wide[2] < 7
    assert 3 < tall[0] / tall[2] < 7
    assert {round(max(wide[0], tall[0]) / min(wide[0], tall[0]))} <= {1, 2}


def test_the_board_knows_the_layout():
    assert (results.SQUARES, results.POINT_SQUARES) == (SQUARES, POINT_SQUARES)
