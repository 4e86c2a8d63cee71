"""What a generator is to make: all that it is told of the data before it sees them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataShape:
    """The shape of the data.

    Attributes:
        image_shape: (channels, height, width) of images, uint8; (dimensions,) of points, float32.
        n_classes: number of labels, None where there are none.
        horizontal_flips: whether each image is mirrored in training with probability one half.
    """

    image_shape: tuple[int, ...]
    n_classes: int | None = None
    horizontal_flips: bool = False

    @property
    def are_points(self) -> bool:
        """Whether the data are points and no images."""
        return len(self.image_shape) == 1
