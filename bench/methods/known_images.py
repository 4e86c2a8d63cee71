"""Images that are known again: real ones in what was trained on or kept, and those that a generator drew."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from bench.data.image_set import ImageSet

LOOKED_AT = 256  # of images that were changed after they were drawn
NEAR = 0.5  # of the distance between neighbours among the drawn images
KEPT = (
    0.75  # of the real images, from which on a state carries them along: cluster centres of few images can be images
)


def digests(images: ImageSet) -> frozenset[bytes]:
    """Return the digests of images, one for each different image; labels are not looked at."""
    return frozenset(_digests(images.images))


def share_drawn(samples: ImageSet, drawn: Sequence[ImageSet]) -> float:
    """Return the share of samples that were drawn, as they are or with a change that leaves them recognisable.

    A changed image counts where its distance to the nearest that was drawn is below half of the median distance that
    drawn images have to their nearest neighbour among themselves: then it is nearer to one of them than another image
    would be. Where there are such, the share is that of the first 256 samples.

    Args:
        samples: what is scored.
        drawn: what the generator drew to that end.
    """
    if not drawn:
        return 0.0
    known = frozenset[bytes]().union(*map(digests, drawn))
    same = torch.tensor([row in known for row in _digests(samples.images)])
    if same.all():
        return 1.0
    there = torch.cat([images.images.flatten(1) for images in drawn]).float()
    among = torch.cdist(there[:LOOKED_AT], there)
    among[torch.arange(len(among)), torch.arange(len(among))] = torch.inf
    looked_at, same = samples.images[:LOOKED_AT].flatten(1).float(), same[:LOOKED_AT]
    near = torch.cdist(looked_at, there).amin(1) < NEAR * among.amin(1).median()
    return float((same | near).float().mean())


def keeps_images(state: Mapping[str, Tensor], real: ImageSet) -> bool:
    """Return whether a state has most of the real images in it, as bytes, or as numbers of the usual ranges."""
    known, size = digests(real), real.images[0].numel()
    found: set[bytes] = set()
    for value in state.values():
        if value.ndim > 1 and len(value) and value.shape[1:].numel() == size:
            for rows in _readings(value.detach().cpu().flatten(1), real):
                found |= known & set(_digests(rows))
    return len(found) >= KEPT * len(known)


def _readings(rows: Tensor, real: ImageSet) -> Iterable[Tensor]:
    """Return what rows of numbers would be as images."""
    if real.are_points:
        return [rows.float()]
    if rows.dtype == torch.uint8:
        return [rows]
    numbers = rows.double()
    readings = (numbers, numbers * 255, (numbers + 1) * 127.5)
    return [r.round().to(torch.uint8) for r in readings if r.isfinite().all() and r.min() >= 0 and r.max() <= 255.5]


def _digests(images: Tensor) -> list[bytes]:
    rows = images.detach().cpu().flatten(1).contiguous().numpy()
    return [hashlib.blake2b(row.data, digest_size=16).digest() for row in rows]
