"""The collapse strip."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from bench.runs.strip import COLUMNS, GAP, MARGIN, TILE, draw_strip, strip_labels

STEP = TILE + GAP


def drawn(rows: list[torch.Tensor]) -> np.ndarray:
    """Return the strip as RGBA values, (height, width, 4)."""
    return np.asarray(Image.open(io.BytesIO(draw_strip(rows))).convert("RGBA"))


def tile(strip: np.ndarray, row: int, column: int) -> np.ndarray:
    top, left = GAP + row * STEP, MARGIN + column * STEP
    return strip[top : top + TILE, left : left + TILE]


def random_row(seed: int, channels: int = 1, size: int = 8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (COLUMNS, channels, size, size), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize(("channels", "off"), [(1, 2), (3, 0)], ids=["grey", "colour"])
def test_every_pixel_is_enlarged_without_smoothing(channels: int, off: int):
    """Colours are exact, greys the nearest of 64: half of a step of 255 / 63."""
    rows = [random_row(t, channels) for t in range(3)]
    strip = drawn(rows)
    for y, x in [(0, 0), (1, 7), (2, COLUMNS - 1)]:
        expected = rows[y][x].permute(1, 2, 0).numpy().repeat(TILE // 8, axis=0).repeat(TILE // 8, axis=1)
        assert np.abs(tile(strip, y, x)[..., :3].astype(int) - expected).max() <= off


def test_images_are_opaque_and_what_is_between_them_is_transparent():
    strip = drawn([random_row(0), random_row(1)])
    assert (tile(strip, 1, 3)[..., 3] == 255).all()
    assert (strip[:GAP, :, 3] == 0).all()
    assert (strip[:, MARGIN + TILE : MARGIN + STEP, 3] == 0).all()


def test_there_is_one_row_for_each_generation_with_words_before_it():
    strip = drawn([random_row(t) for t in range(4)])
    assert strip.shape[:2] == (4 * STEP + GAP, MARGIN + COLUMNS * STEP)
    for row in range(4):
        assert strip[GAP + row * STEP : GAP + row * STEP + TILE, :MARGIN, 3].any()


def test_the_words_differ_from_generation_to_generation():
    strip = drawn([random_row(0), random_row(0)])
    first, second = (strip[GAP + row * STEP : GAP + row * STEP + TILE, :MARGIN] for row in (0, 1))
    assert not np.array_equal(first, second)


def test_grey_images_make_the_picture_that_they_make_as_colours_in_fewer_bytes():
    rows = [random_row(t) for t in range(3)]
    colours = [row.expand(-1, 3, -1, -1) for row in rows]
    grey, coloured = drawn(rows).astype(int), drawn(colours).astype(int)
    assert np.abs(grey - coloured)[coloured[..., 3] == 255].max() <= 2
    assert np.abs(grey - coloured)[..., 3].max() <= 9  # half of a step of 255 / 15
    assert len(draw_strip(rows)) < 0.5 * len(draw_strip(colours))


def test_images_larger_than_a_tile_keep_their_pixels():
    row = random_row(0, 3, 64)
    strip = drawn([row])
    assert np.array_equal(strip[GAP : GAP + 64, MARGIN : MARGIN + 64, :3], row[0].permute(1, 2, 0).numpy())


def test_the_same_images_give_the_same_bytes():
    assert draw_strip([random_row(0)]) == draw_strip([random_row(0)])


def test_labels_of_the_columns_are_the_classes_in_their_order():
    labels = strip_labels(10)
    assert labels is not None
    assert labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]


@pytest.mark.parametrize("n_classes", [1, 3, 7])
def test_every_class_has_as_many_columns_as_any_other_give_or_take_one(n_classes: int):
    labels = strip_labels(n_classes)
    assert labels is not None
    counts = labels.bincount(minlength=n_classes)
    assert counts.sum() == COLUMNS
    assert counts.max() - counts.min() <= 1


def test_more_classes_than_columns_are_spread_over_all():
    labels = strip_labels(100)
    assert labels is not None
    assert labels.tolist() == list(range(0, 100, 5))


def test_a_task_without_labels_has_no_labels_of_columns():
    assert strip_labels(None) is None
