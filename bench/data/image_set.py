"""Images with their labels: the one form in which images travel through the benchmark."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class ImageSet:
    """Images and, where the task has them, their labels.

    Attributes:
        images: uint8, (n, channels, height, width), values 0 to 255; or float32, (n, d), where the data are points
            and no images.
        labels: int64, (n,), values 0 to n_classes - 1; None where the images have no labels.
    """

    images: Tensor
    labels: Tensor | None = None

    def __post_init__(self) -> None:
        if (self.images.dtype, self.images.ndim) not in ((torch.uint8, 4), (torch.float32, 2)):
            raise ValueError(
                f"images must be uint8 (n, channels, height, width) or float32 (n, d), found {self.images.dtype} "
                f"of shape {tuple(self.images.shape)}"
            )
        if self.labels is not None and (self.labels.dtype != torch.int64 or self.labels.shape != (len(self.images),)):
            raise ValueError(
                f"labels must be int64 ({len(self.images)},), found {self.labels.dtype} "
                f"of shape {tuple(self.labels.shape)}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | Tensor) -> "ImageSet":
        """Return the images that a slice, or a tensor of indices or booleans, chooses."""
        return ImageSet(self.images[index], None if self.labels is None else self.labels[index])

    @property
    def are_points(self) -> bool:
        """Whether the data are points and no images."""
        return self.images.ndim == 2

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of shape, image bytes and label bytes."""
        digest = hashlib.sha256(repr(tuple(self.images.shape)).encode())
        digest.update(self.images.contiguous().numpy().data)
        if self.labels is not None:
            digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()


def concatenate(sets: list[ImageSet]) -> ImageSet:
    """Return one set with the images of all `sets` in their order; all or none of them must have labels."""
    labels = [s.labels for s in sets if s.labels is not None]
    if labels and len(labels) != len(sets):
        raise ValueError("either all image sets have labels or none")
    return ImageSet(torch.cat([s.images for s in sets]), torch.cat(labels) if labels else None)
