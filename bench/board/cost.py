"""What an entry cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.cells.record import Record


@dataclass(frozen=True)
class Cost:
    """What an entry cost over all generations, means over seeds.

    Attributes:
        images_trained: images that went through a training step.
        network_evaluations: forward passes of the network for one image, but for those of training.
        real_images: different real images touched, the most of any generation.
        state_bytes: size of what the method keeps for later generations, the most of any generation.
        seconds: of fitting, sampling and scoring.
    """

    images_trained: float
    network_evaluations: float
    real_images: float
    state_bytes: float
    seconds: float

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Cost":
        """Return the mean cost of some cells."""
        costs = [[generation.cost for generation in record.generations] for record in records]
        return cls(
            images_trained=_mean(sum(c.images_trained for c in cell) for cell in costs),
            network_evaluations=_mean(sum(c.network_evaluations for c in cell) for cell in costs),
            real_images=_mean(max(c.real_images for c in cell) for cell in costs),
            state_bytes=_mean(max(c.method_state_bytes for c in cell) for cell in costs),
            seconds=_mean(sum(sum(vars(c.seconds).values()) for c in cell) for cell in costs),
        )


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
