"""What the loop asks of a generator, and what a generator is given to do it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import GeneratorSettings
from bench.data.image_set import ImageSet
from bench.errors import BadInput, RunFailed
from bench.generators.engine import Engine
from bench.process.progress import Progress


@dataclass
class Work:
    """What a generator has done since it was made; the loop charges each generation with the difference.

    Attributes:
        images_trained: images that went through a training step.
        network_evaluations: forward passes of the network for one image, but for those of training (guidance costs
            two a step of the sampler).
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


@dataclass(frozen=True)
class Extrapolation:
    """A second model that samples are drawn away from: (1 + weight) of the model's score - weight of the other's.

    Attributes:
        state: the other model, as `state_dict` of the same generator gave it.
        weight: 0 leaves the model as it is.
    """

    state: Mapping[str, Tensor]
    weight: float


class Generator(ABC):
    """A generative model that can be trained from scratch again and again.

    `features`, `judge` and `sample_guided` are what some generators can do and others cannot; a method that uses one
    names the generators that it is for in its `generators`.

    Attributes:
        settings: what the task file sets; of a generator from a file, its parameters and the tier's budget.
        data: the shape of what it makes.
        engine: how networks are run.
        device: where they live.
        work: the counters that the engine reads; only the generator itself adds to them.
    """

    def __init__(self, settings: GeneratorSettings, data: DataShape, engine: Engine) -> None:
        """Keep what every generator is given; the arguments are those of each class derived from this one.

        Args:
            settings: from the task file, or the parameters of a generator from a file.
            data: the shape of what it makes.
            engine: how networks are run.
        """
        self.settings = settings
        self.data = data
        self.engine = engine
        self.device = engine.device
        self.work = Work()

    @classmethod  # noqa: B027 (one that can make everything refuses nothing)
    def check_data(cls, data: DataShape) -> None:
        """Raise `BadInput` where a generator from a file cannot make such data; asked before anything is run.

        The message goes on where the file and the task were named: "it makes images, the task's data are points".
        """

    @classmethod
    def check_sampling_bias(cls, sampling_bias: float, labelled: bool) -> None:
        """Raise `BadInput` where a generator from a file cannot sample with this bias; asked before anything is run.

        By default it refuses all but 1, no bias. One that implements a bias overrides this.

        Args:
            sampling_bias: in (0, 1].
            labelled: whether the images have labels.
        """
        if sampling_bias != 1:
            raise BadInput(f"{cls.__name__} has no sampling bias (check_sampling_bias allows none): allowed is 1")

    @abstractmethod
    def fit(
        self,
        pool: ImageSet,
        *,
        seed: int,
        from_scratch: bool,
        checkpoint: Checkpoint,
        progress: Progress,
        weights: Tensor | None = None,
        budget: float = 1.0,
        learning_rate: float = 1.0,
    ) -> None:
        """Train on the pool.

        Args:
            pool: the images D^t, labelled where the task is.
            seed: fixes the initial weights, the order of the images and the noise.
            from_scratch: start from newly drawn weights; otherwise go on from the present ones (`finetune`).
            checkpoint: where the state of an unfinished fit is kept; a state found there is gone on from.
            progress: where progress is shown.
            weights: float32, (n,), at least 0 and not all 0: what each image counts for in the loss, compared with
                the others; None where all count the same.
            budget: how many images are seen in training, as a share of the budget of a generation.
            learning_rate: as a share of the task file's.

        Raises:
            RunFailed: the loss stopped being finite, or the generator cannot be trained on such a pool or like this.
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
        """Return how many images go through a training step in a fit on a pool of n with the whole budget."""

    @abstractmethod
    def evaluations_per_image(self, sampling_bias: float) -> int:
        """Return how many forward passes of the network one sampled image takes."""

    @property
    def checkpoint_bytes(self) -> int:
        """The size of the state of an unfinished fit, 0 where none is kept."""
        return 0

    @abstractmethod
    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights that `sample` uses, on the CPU."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put weights from `state_dict` in place."""

    def features(self, images: ImageSet, progress: Progress) -> Tensor:
        """Return what the network makes of images on its way, float32 (n, d) on the CPU; labels are not looked at.

        Raises:
            RunFailed: the generator has no such features.
        """
        raise RunFailed(self._cannot("give features of images", "ddpm, stylegan"))

    def judge(self, images: ImageSet, progress: Progress) -> Tensor:
        """Return the logits, float32 (n,) on the CPU, that the discriminator gives images for being real.

        Raises:
            RunFailed: the generator has no discriminator.
        """
        raise RunFailed(self._cannot("judge images", "stylegan"))

    def sample_guided(
        self,
        labels: Tensor | None,
        seeds: list[int],
        guidance: Sequence[float],
        progress: Progress,
        away_from: Extrapolation | None = None,
    ) -> ImageSet:
        """Draw one image per seed, as `sample`, with another guidance in each step of the sampler.

        Args:
            labels: int64, (n,), the class of each image; None for an unconditional generator.
            seeds: n seeds.
            guidance: the weight w of classifier-free guidance, at each of `guidance_steps` steps, noise first; the
                sampling bias lambda is w = 1 / lambda - 1 throughout. Where there are no labels, all must be 0.
            progress: where progress is shown.
            away_from: a second model whose score is extrapolated away from.

        Raises:
            RunFailed: the generator does not sample in steps.
        """
        raise RunFailed(self._cannot("sample with guidance", "ddpm"))

    @property
    def guidance_steps(self) -> int:
        """How many steps `sample_guided` takes.

        Raises:
            RunFailed: the generator does not sample in steps.
        """
        raise RunFailed(self._cannot("sample with guidance", "ddpm"))

    def _cannot(self, what: str, able: str) -> str:
        return f"the generator {type(self).__name__.lower()} cannot {what}: allowed are {able}"
