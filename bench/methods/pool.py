"""The pool D^t: the real and synthetic images that generation t trains on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.data.image_set import ImageSet, concatenate

HIDDEN = -1  # an origin that the loop does not tell


@dataclass(frozen=True)
class Pool:
    """Images with their origin and, where a method weighs them, their weights.

    Attributes:
        data: the images and labels.
        origin: int64, (n,): 0 for a real image, s for one that generation s made, -1 where the loop does not tell.
        weights: float32, (n,), at least 0: how much each image counts in the loss, compared with the others; None
            where all count the same.
    """

    data: ImageSet
    origin: Tensor
    weights: Tensor | None = None

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
        weights = None if self.weights is None else self.weights[index]
        return Pool(self.data[index], self.origin[index], weights)

    def weighted(self, weights: Tensor) -> "Pool":
        """Return the pool with these weights, (n,), in place of those it has."""
        return replace(self, weights=weights.float())

    def shuffled(self, random: torch.Generator) -> "Pool":
        """Return the pool in a random order."""
        return self[torch.randperm(len(self), generator=random)]

    def with_hidden_origin(self) -> "Pool":
        """Return the pool without saying which images are real."""
        return replace(self, origin=torch.full_like(self.origin, HIDDEN))

    @property
    def real(self) -> Tensor:
        """Which images are real, bool (n,)."""
        return self.origin == 0

    @property
    def n_real(self) -> int:
        """Number of real images."""
        return int(self.real.sum())
