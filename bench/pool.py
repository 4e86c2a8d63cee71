"""The pool D^t: the real and synthetic images that generation t trains on."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.data.image_set import ImageSet, concatenate


@dataclass(frozen=True)
class Pool:
    """Images with their origin.

    Attributes:
        data: the images and labels.
        origin: int64, (n,): 0 for a real image, s for an image that generation s made.
    """

    data: ImageSet
    origin: Tensor

    @classmethod
    def assemble(cls, real: ImageSet | None, synthetic: Mapping[int, ImageSet]) -> "Pool":
        """Put D^t together from its real part (None for none) and the synthetic images of each kept generation."""
        parts = ([] if real is None else [(0, real)]) + sorted(synthetic.items())
        origin = torch.cat([torch.full((len(images),), generation) for generation, images in parts])
        return cls(concatenate([images for _, images in parts]), origin)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: Tensor) -> "Pool":
        """Return the part of the pool that a tensor of indices or booleans chooses."""
        return Pool(self.data[index], self.origin[index])

    @property
    def n_real(self) -> int:
        """Number of real images."""
        return int((self.origin == 0).sum())
