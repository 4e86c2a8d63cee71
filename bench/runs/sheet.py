"""The sheet of samples: what the model of generation 1 draws beside what that of the last generation draws.

A strip of a few latents cannot show that a model has lost its variety; many samples of one class can.

Of images the sheet has a row for each class, or one row where there are no labels, and four squares in a row: samples
of generation 1, the real images nearest to them, samples of the last generation, the real images nearest to them. The
samples are the first of their class that were drawn; nobody chooses among them. The number of rows follows from width
and height: it is 4 * height / width. Of points there are three squares in one row: real ones, generation 1, the last.
"""

import io
import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from bench.data.image_set import ImageSet

SQUARES = 4  # in a row, of images
POINT_SQUARES = 3
GAP = 1  # pixels to the right of each image and below it
MOST_SIDE = 3  # images along a side of a square
MOST_PIXELS = 180_000  # of a sheet: about 25 kB of grey images, 100 kB of coloured ones
GREYS, COLOURS = 16, 64  # different values in the file
BETWEEN = 110  # grey value between images
POINTS_SIDE = 220  # pixels of a square of points
POINTS_MARGIN = 6
POINTS_SHOWN = 1_000
POINT_RADIUS = 1.5
NOTHING, FRAME, POINT = range(3)  # the colours of a sheet of points: transparent, and two that any page lets be read
POINT_COLOURS = [(0, 0, 0), (128, 128, 128), (64, 132, 200)]
BLOCK = 1_024  # real images that are held against the samples at a time


def draw_sheet(real: ImageSet, first: ImageSet, last: ImageSet, n_classes: int | None) -> bytes | None:
    """Draw the sheet of a cell.

    Args:
        real: the real images, or points, that the loop trains on.
        first: samples of generation 1.
        last: samples of the last generation.
        n_classes: of the task; None where it has no labels.

    Returns:
        A PNG, or None where the samples of labelled images have no labels.
    """
    if real.are_points:
        return _png(_draw_points(real.images, first.images, last.images))
    if n_classes is not None and (first.labels is None or last.labels is None):
        return None
    return _png(_draw_images(real.images, first, last, n_classes))


def side_of(size: int, classes: int) -> int:
    """Return how many images lie along a side of a square."""
    per_image = SQUARES * classes * (size + GAP) ** 2
    return max(1, min(MOST_SIDE, math.isqrt(MOST_PIXELS // per_image)))


def sheet_pixels(image_shape: tuple[int, ...], n_classes: int | None) -> int:
    """Return how many pixels a sheet has; `image_shape` is (channels, height, width), or (d,) of points."""
    if len(image_shape) == 1:
        return POINT_SQUARES * POINTS_SIDE**2
    classes = n_classes or 1
    return SQUARES * classes * (side_of(image_shape[-1], classes) * (image_shape[-1] + GAP)) ** 2


def nearest(images: Tensor, real: Tensor) -> Tensor:
    """Return the index of the real image nearest to each image, by the squared difference of their pixels.

    Args:
        images: uint8 (n, channels, height, width).
        real: uint8 (m, channels, height, width).

    Returns:
        int64 (n,); the first of those that are equally near.
    """
    own = images.flatten(1).double()
    best = torch.full((len(own),), math.inf, dtype=torch.float64)
    index = torch.zeros(len(own), dtype=torch.int64)
    for start in range(0, len(real), BLOCK):
        # Whole numbers below 2^53: exact, whatever the order of the sums. The images' own squares change no order.
        others = real[start : start + BLOCK].flatten(1).double()
        least, place = (others.square().sum(1) - 2 * own @ others.T).min(1)
        index = torch.where(least < best, start + place, index)
        best = torch.minimum(least, best)
    return index


def _draw_images(real: Tensor, first: ImageSet, last: ImageSet, n_classes: int | None) -> Image.Image:
    channels, size = real.shape[1], real.shape[-1]
    side = side_of(size, n_classes or 1)
    step = side * (size + GAP)
    sheet = np.full(((n_classes or 1) * step, SQUARES * step, channels), BETWEEN, dtype=np.uint8)
    shown = [samples[_first_of_each(samples, n_classes, side * side)] for samples in (first, last)]
    for place, samples in enumerate(shown):
        copies = real[nearest(samples.images, real)]
        for row in range(n_classes or 1):
            chosen = torch.ones(len(samples), dtype=torch.bool) if samples.labels is None else samples.labels == row
            for square, images in ((2 * place, samples.images), (2 * place + 1, copies)):
                part = sheet[row * step : (row + 1) * step, square * step : (square + 1) * step]
                _lay(part, images[chosen], side)
    if channels == 3:
        return Image.fromarray(sheet).quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    grey = Image.fromarray(np.rint(sheet[..., 0] / 255 * (GREYS - 1)).astype(np.uint8), "P")
    grey.putpalette([round(value / (GREYS - 1) * 255) for value in range(GREYS) for _ in range(3)])
    return grey


def _first_of_each(samples: ImageSet, n_classes: int | None, n: int) -> Tensor:
    """Return the indices of the first n samples of each class."""
    if n_classes is None or samples.labels is None:
        return torch.arange(min(n, len(samples)))
    return torch.cat([(samples.labels == label).nonzero()[:n, 0] for label in range(n_classes)])


def _lay(square: NDArray[np.uint8], images: Tensor, side: int) -> None:
    """Lay images into a square, row by row; what there is too little of stays empty."""
    size = images.shape[-1]
    for i, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        top, left = (size + GAP) * (i // side), (size + GAP) * (i % side)
        square[top : top + size, left : left + size] = image


def _draw_points(real: Tensor, first: Tensor, last: Tensor) -> Image.Image:
    """Draw points along the two axes in which the real ones vary the most."""
    centre = real.double().mean(0)
    axes = torch.linalg.eigh((real.double() - centre).T.cov())[1][:, -2:]
    flat = [((points[:POINTS_SHOWN].double() - centre) @ axes).numpy() for points in (real, first, last)]
    reach = 1.05 * max(float(np.abs(points).max()) for points in flat)
    scale = (POINTS_SIDE / 2 - POINTS_MARGIN) / (reach or 1)
    sheet = Image.new("P", (POINT_SQUARES * POINTS_SIDE, POINTS_SIDE), NOTHING)
    sheet.putpalette([value for colour in POINT_COLOURS for value in colour])
    sheet.info["transparency"] = NOTHING
    draw = ImageDraw.Draw(sheet)
    for square, points in enumerate(flat):
        left = square * POINTS_SIDE
        edge = POINTS_MARGIN / 2
        draw.rectangle((left + edge, edge, left + POINTS_SIDE - edge, POINTS_SIDE - edge), outline=FRAME)
        for x, y in points * scale + POINTS_SIDE / 2:
            at = (left + x, float(y))
            draw.ellipse([c + r for r in (-POINT_RADIUS, POINT_RADIUS) for c in at], fill=POINT)
    return sheet


def _png(sheet: Image.Image) -> bytes:
    buffer = io.BytesIO()
    few = len(sheet.getcolors() or ()) <= GREYS
    sheet.save(buffer, "PNG", optimize=True, **({"bits": 4} if few else {}))
    return buffer.getvalue()
