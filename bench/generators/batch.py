"""The images of a training step, with what the fit was told of each of them."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from torch import Tensor

from bench.process.shares import BatchShare


@dataclass(frozen=True)
class Batch:
    """Images with what belongs to them, image by image; each may be None but the images.

    Attributes:
        images: float32 (n, channels, height, width) in [-1, 1].
        labels: int64 (n,); None without classes.
        weights: float32 (n,), what each image counts, 1 on average over the pool; None where all count the same.
        least_noise: float32 (n,) in [0, 1], see `Generator.fit`; None where all levels are allowed.
        conditions: int64 (n,), 0 being none; None where all are 0.
    """

    images: Tensor
    labels: Tensor | None = None
    weights: Tensor | None = None
    least_noise: Tensor | None = None
    conditions: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Tensor) -> "Batch":
        """Return the images that a tensor of indices chooses."""
        return self.each(lambda values: values[index])

    def share(self, share: BatchShare) -> "Batch":
        """Return what one process works on."""
        return self.each(share.of)

    def each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """Return the batch with all that there is of it changed alike."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: change(values) for name, values in given.items() if values is not None})
