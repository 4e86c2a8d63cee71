"""Where a step of a sampler is, for what a method adds to it."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class NoiseLevel:
    """How much of a noisy image is noise: noisy = signal * image + noise * e, with e standard normal numbers.

    Images are in [-1, 1].

    Attributes:
        level: where it is in the noise schedule, 0 being the image and 1 all noise.
        signal: what the image is multiplied by, the square root of the schedule's alpha-bar.
        noise: what the noise is multiplied by, the square root of 1 - alpha-bar.
    """

    level: float
    signal: float
    noise: float

    def shift(self, gradient: Tensor) -> Tensor:
        """Return what a change of the score means for the image that the network predicts.

        By Tweedie's formula the predicted image is (noisy + noise^2 score) / signal, so that to add a `gradient`, that
        of the logarithm of a density ratio or of a class's probability with respect to the noisy image, to the score
        is to add noise^2 / signal times it to the image. At levels near 1 the factor is in the thousands: correct
        below a level, or clamp.
        """
        return self.noise**2 / self.signal * gradient


# Of noisy images, float32 (n, channels, height, width), their noise level and labels, int64 (n,) or None, returns what
# is to be added to the images that the network predicts, of the same shape.
Correction = Callable[[Tensor, NoiseLevel, Tensor | None], Tensor]
