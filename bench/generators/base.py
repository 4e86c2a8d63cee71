"""What the loop asks of a generator, and what a generator is given to do it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.generators.settings import GeneratorSettings
from bench.progress import Progress


@dataclass
class Work:
    """What a generator has done since it was made; the loop charges each generation with the difference.

    Attributes:
        images_trained: images that went through a training step.
        network_evaluations: forward passes of the network for one image in sampling (guidance costs two a step).
    """

    images_trained: int = 0
    network_evaluations: int = 0


class Checkpoint(Protocol):
    """Where a long fit keeps its unfinished state; the run folder implements it."""

    def load(self) -> dict[str, Tensor] | None:
        """Return the state of the fit that was cut short, or None where there is nothing to resume."""

    def due(self) -> bool:
        """Return whether enough time has passed since the last save."""

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Replace the saved state, atomically."""


class Generator(ABC):
    """A generative model that can be trained from scratch again and again.

    Attributes:
        settings: what the task file sets.
        device: where the network lives.
        work: the counters that the engine reads; only the generator itself adds to them.
    """

    def __init__(self, settings: GeneratorSettings, device: torch.device) -> None:
        self.settings = settings
        self.device = device
        self.work = Work()

    @abstractmethod
    def fit(
        self, pool: ImageSet, *, seed: int, from_scratch: bool, checkpoint: Checkpoint, progress: Progress
    ) -> None:
        """Train on the pool for the budget of a generation.

        Args:
            pool: the images D^t, labelled where the task is.
            seed: fixes the initial weights, the order of the images and the noise.
            from_scratch: start from newly drawn weights; otherwise go on from the present ones (`finetune`).
            checkpoint: where the state of an unfinished fit is kept; a state found there is gone on from.
            progress: where progress is shown.

        Raises:
            RunFailed: the loss stopped being finite, or the generator cannot be trained on such a pool.
        """

    @abstractmethod
    def sample(self, labels: Tensor | None, seeds: list[int], sampling_bias: float, progress: Progress) -> ImageSet:
        """Draw one image per seed; image i is a function of the weights, seeds[i], labels[i] and the bias alone.

        Args:
            labels: int64, (n,), the class of each image; None for an unconditional generator.
            seeds: n seeds.
            sampling_bias: the paper's lambda in (0, 1], 1 being unbiased.
            progress: where progress is shown.

        Returns:
            n images with these labels.
        """

    @abstractmethod
    def images_per_fit(self, n: int) -> int:
        """Return how many images go through a training step in a fit on a pool of n."""

    @abstractmethod
    def evaluations_per_image(self, sampling_bias: float) -> int:
        """Return how many forward passes of the network one sampled image takes."""

    @abstractmethod
    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights that `sample` uses, on the CPU."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put weights from `state_dict` in place."""
