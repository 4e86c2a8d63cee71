"""Differentiable augmentation of real and generated images alike (Zhao et al. 2020), for GANs on small data."""

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.cells.generator_settings import TRANSLATION, Augmentation
from bench.process.processes import ALONE
from bench.process.shares import BatchShare

CUTOUT = 1 / 2  # of the size


def augment(
    images: Tensor,
    kinds: tuple[Augmentation, ...],
    random: torch.Generator,
    share: BatchShare | None = None,
    translation: float = TRANSLATION,
) -> Tensor:
    """Return images, each changed at random in the ways named.

    Args:
        images: float (n, channels, size, size) in [-1, 1].
        kinds: the ways, in their order.
        random: draws for the whole batch, so that each image is changed alike whichever process has it.
        share: which images of a batch these are; None where they are all.
        translation: the most that they are shifted in each direction, as a share of the size.
    """
    share = share or ALONE.share_of_batch(len(images))
    for kind in kinds:
        match kind:
            case "color":
                images = _color(images, random, share)
            case "translation":
                images = _translation(images, random, share, translation)
            case "cutout":
                images = _cutout(images, random, share)
    return images


def _color(images: Tensor, random: torch.Generator, share: BatchShare) -> Tensor:
    """Change brightness, saturation and contrast."""
    drawn = torch.rand((3, share.n, 1, 1, 1), generator=random, device=images.device)
    brightness, saturation, contrast = share.of(drawn, 1)
    images = images + brightness - 0.5
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (2 * saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    changed: Tensor = mean + (images - mean) * (contrast + 0.5)
    return changed


def _translation(images: Tensor, random: torch.Generator, share: BatchShare, translation: float) -> Tensor:
    """Shift by whole pixels; what comes in from outside is mid-grey."""
    n, _, size, _ = images.shape
    most = max(1, round(size * translation))
    shifts = torch.randint(0, 2 * most + 1, (2, share.n, 1), generator=random, device=images.device)
    rows, columns = torch.arange(size, device=images.device) + share.of(shifts, 1)
    padded = F.pad(images, (most, most, most, most)).permute(0, 2, 3, 1)
    index = torch.arange(n, device=images.device)[:, None, None]
    return padded[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _cutout(images: Tensor, random: torch.Generator, share: BatchShare) -> Tensor:
    """Make a square mid-grey; it may reach over the edge."""
    size = images.shape[-1]
    half = max(1, round(size * CUTOUT / 2))
    centres = torch.randint(0, size, (2, share.n, 1), generator=random, device=images.device)
    rows, columns = (torch.arange(size, device=images.device) - share.of(centres, 1)).abs() < half
    kept: Tensor = ~(rows[:, None, :, None] & columns[:, None, None, :])
    return images * kept
