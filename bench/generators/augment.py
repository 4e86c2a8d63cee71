"""Differentiable augmentation of real and generated images alike (Zhao et al. 2020), for GANs on small data."""

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.generators.settings import Augmentation

TRANSLATION = 1 / 8  # of the size, in each direction
CUTOUT = 1 / 2  # of the size


def augment(images: Tensor, kinds: tuple[Augmentation, ...], random: torch.Generator) -> Tensor:
    """Return images, float (n, channels, size, size) in [-1, 1], each changed at random in the ways named."""
    for kind in kinds:
        match kind:
            case "color":
                images = _color(images, random)
            case "translation":
                images = _translation(images, random)
            case "cutout":
                images = _cutout(images, random)
    return images


def _color(images: Tensor, random: torch.Generator) -> Tensor:
    """Change brightness, saturation and contrast."""
    brightness, saturation, contrast = torch.rand((3, len(images), 1, 1, 1), generator=random, device=images.device)
    images = images + brightness - 0.5
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (2 * saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    changed: Tensor = mean + (images - mean) * (contrast + 0.5)
    return changed


def _translation(images: Tensor, random: torch.Generator) -> Tensor:
    """Shift by whole pixels; what comes in from outside is mid-grey."""
    n, _, size, _ = images.shape
    most = max(1, round(size * TRANSLATION))
    shifts = torch.randint(0, 2 * most + 1, (2, n, 1), generator=random, device=images.device)
    rows, columns = torch.arange(size, device=images.device) + shifts
    padded = F.pad(images, (most, most, most, most)).permute(0, 2, 3, 1)
    index = torch.arange(n, device=images.device)[:, None, None]
    return padded[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _cutout(images: Tensor, random: torch.Generator) -> Tensor:
    """Make a square mid-grey; it may reach over the edge."""
    n, _, size, _ = images.shape
    half = max(1, round(size * CUTOUT / 2))
    centres = torch.randint(0, size, (2, n, 1), generator=random, device=images.device)
    rows, columns = (torch.arange(size, device=images.device) - centres).abs() < half
    kept: Tensor = ~(rows[:, None, :, None] & columns[:, None, None, :])
    return images * kept
