"""Toys that are made from a seed, nothing is read: colour images, for methods that are not for small or grey ones."""

import hashlib

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.cells.data_shape import DataShape
from bench.data.image_set import ImageSet
from bench.features.base import FeatureSpace
from bench.seeds import derive_generator

COLOUR = "colour"
COLOUR_SHAPE = (3, 32, 32)
COLOUR_CLASSES = 4
BATCH = 1000


def colour_patterns(n: int, *, seed: int) -> ImageSet:
    """Return n images of waves: the class says their direction, their phase and colours are random, and so is noise.

    Args:
        n: how many; the classes take turns.
        seed: other seeds give other images of the same distribution.
    """
    random = derive_generator("colour patterns", seed)
    labels = torch.arange(n) % COLOUR_CLASSES
    channels, height, width = COLOUR_SHAPE
    angle = labels * torch.pi / COLOUR_CLASSES
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    along = angle.cos()[:, None, None] * columns + angle.sin()[:, None, None] * rows
    phase = torch.rand(n, 1, 1, generator=random) * 2 * torch.pi
    waves = (along * 2 * torch.pi / 8 + phase).sin()[:, None]
    colours = torch.rand(n, channels, 1, 1, generator=random)
    noise = torch.randn(n, *COLOUR_SHAPE, generator=random)
    images = 255 * colours * (waves + 1) / 2 + 10 * noise
    return ImageSet(images.round().clamp(0, 255).to(torch.uint8), labels)


def slopes(n: int, data: DataShape) -> ImageSet:
    """Return n images, or points, of any shape: noise around a slope whose direction is the label's."""
    random = torch.Generator().manual_seed(0)
    shape = (n, *data.image_shape)
    labels = None if data.n_classes is None else torch.arange(n) % data.n_classes
    if data.are_points:
        return ImageSet(torch.randn(shape, generator=random), labels)
    slope = torch.linspace(0, 150, shape[-1]) * (torch.arange(n) % 2).reshape(-1, 1, 1, 1)
    return ImageSet((slope + 100 * torch.rand(shape, generator=random)).to(torch.uint8), labels)


class PooledSpace(FeatureSpace):
    """The means of the cells of a grid, so that the features are few: of each channel `cells` times `cells`."""

    def __init__(self, cells: int) -> None:
        name = f"pooled-{cells}"
        super().__init__(name, hashlib.sha256(name.encode()).hexdigest(), "none", "cpu", BATCH)
        self._cells = cells

    def embed(self, batch: Tensor) -> Tensor:
        """Return float32 (n, channels * cells ** 2), in [0, 1]."""
        return F.adaptive_avg_pool2d(batch.float() / 255, self._cells).flatten(1)
