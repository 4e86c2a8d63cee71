"""What the loop asks of a generator, and what a generator is given to do it."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import GeneratorSettings
from bench.data.image_set import ImageSet
from bench.errors import BadInput, RunFailed
from bench.generators.engine import Engine
from bench.generators.noise import Correction, NoiseLevel
from bench.generators.watch import Watch
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

    `features`, `judge`, `loss`, `noise_levels`, `sample_guided` and what `understands` names are what some generators
    can do and others cannot; a method that uses one names the generators that it is for in its `generators`.

    Attributes:
        settings: what the task file sets; of a generator from a file, its parameters and the tier's budget.
        data: the shape of what it makes.
        engine: how networks are run.
        device: where they live.
        work: the counters that the engine reads; only the generator itself adds to them.
        understands: of the arguments of `fit` "least_noise" and "conditions" (with it the `condition` of `sample`),
            and of `sample` "steps", those that it takes; others are refused.
    """

    understands: ClassVar[Collection[str]] = ()

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
            raise BadInput(f"{cls.__name__} has no sampling bias (check_sampling_bias allows none): choose 1")

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
        least_noise: Tensor | None = None,
        conditions: Tensor | None = None,
        watch: Watch | None = None,
    ) -> None:
        """Train on the pool.

        Args:
            pool: the images D^t, labelled where the task is, with labels from 0 to n_classes - 1.
            seed: fixes the initial weights, the order of the images and the noise.
            from_scratch: start from newly drawn weights; otherwise go on from the present ones (`finetune`).
            checkpoint: where the state of an unfinished fit is kept; a state found there is gone on from.
            progress: where progress is shown.
            weights: float32, (n,), at least 0 and not all 0: what each image counts for in the loss, compared with
                the others; None where all count the same.
            budget: how many images are seen in training, as a share of the budget of a generation.
            learning_rate: as a share of the task file's.
            least_noise: float32, (n,), the lowest level of the noise schedule, in [0, 1], that each image is trained
                at: 0 allows all, 1 none, and not all may be 1. Of the plain loss, a mean over images and levels, what
                is below is left out, and the rest counts what it counted: an image with the least noise s is trained
                at levels drawn evenly from [s, 1], and has 1 - s times its weight.
            conditions: int64, (n,), at least 0: a condition of each image beside its label; what the numbers mean is
                the method's own (real or synthetic, for example). 0 is what there is without conditions, and what
                `sample` draws unless it is told otherwise. The generator has as many conditions as the last fit
                from scratch named, or a later one that went on from it.
            watch: looks at the model while it is trained, and may end the fit.

        Raises:
            RunFailed: the loss stopped being finite, or the generator cannot be trained on such a pool or like this.
        """

    @abstractmethod
    def sample(
        self,
        labels: Tensor | None,
        seeds: list[int],
        sampling_bias: float,
        progress: Progress,
        steps: int | None = None,
        condition: int = 0,
    ) -> ImageSet:
        """Draw one image per seed; image i is a function of the weights, seeds[i], labels[i] and the rest alone.

        Args:
            labels: int64, (n,), the class of each image; None for an unconditional generator.
            seeds: n seeds.
            sampling_bias: the paper's lambda in (0, 1], 1 being unbiased.
            progress: where progress is shown.
            steps: of the sampler; None is as many as the task file sets.
            condition: of all images, one of those that `fit` was told of; see there.

        Returns:
            n images with these labels.

        Raises:
            RunFailed: the generator cannot sample like this.
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

    def loss(self, images: ImageSet, seed: int, progress: Progress, levels: Sequence[float] | None = None) -> Tensor:
        """Return the training loss of images, float32 (n,) on the CPU: the mean over noise levels.

        It is that of the weights that `sample` uses, without mirrored images. The noise of a level is the same for all
        images, so that the loss of an image does not depend on those beside it, and losses can be compared. Each
        level costs an evaluation for each image.

        Args:
            images: those with labels are looked at with them, those without as if the label had been dropped.
            seed: of the noise.
            progress: where progress is shown.
            levels: in [0, 1] of the noise schedule; None is 16 in even distances, which estimate the training loss.

        Raises:
            RunFailed: the generator has no such loss, or a level or a label is not allowed.
        """
        raise RunFailed(self._cannot("tell its loss on images", "ddpm"))

    def noise_levels(self, steps: int | None = None) -> list[NoiseLevel]:
        """Return where the steps of the sampler are, noise first.

        Args:
            steps: how many there are; None is as many as the task file sets.

        Raises:
            RunFailed: the generator does not sample in steps, or not in so many.
        """
        raise RunFailed(self._cannot("sample in steps", "ddpm"))

    def sample_guided(
        self,
        labels: Tensor | None,
        seeds: list[int],
        guidance: Sequence[float],
        progress: Progress,
        away_from: Extrapolation | None = None,
        correct: Correction | None = None,
        steps: int | None = None,
        condition: int = 0,
    ) -> ImageSet:
        """Draw one image per seed, as `sample`, with another guidance in each step of the sampler.

        Args:
            labels: int64, (n,), the class of each image; None for an unconditional generator.
            seeds: n seeds.
            guidance: the weight w of classifier-free guidance, at each step, noise first; the sampling bias lambda is
                w = 1 / lambda - 1 throughout. Where there are no labels, all must be 0.
            progress: where progress is shown.
            away_from: a second model whose score is extrapolated away from.
            correct: is given noisy images, float32 (n, channels, height, width) on the generator's device, their
                `NoiseLevel` and their labels, and returns what is added to the images, in [-1, 1], that the network
                predicts from them. It may take gradients. It is called with whole batches of one size, of which the
                last is padded: what it gives for an image must not depend on those beside it.
            steps: of the sampler, as many as `guidance` has weights; None is `guidance_steps`.
            condition: of all images; see `sample`.

        Raises:
            RunFailed: the generator does not sample in steps, or not like this.
        """
        raise RunFailed(self._cannot("sample with guidance", "ddpm"))

    @property
    def guidance_steps(self) -> int:
        """How many steps `sample_guided` takes.

        Raises:
            RunFailed: the generator does not sample in steps.
        """
        raise RunFailed(self._cannot("sample with guidance", "ddpm"))

    def check_understood(self, **given: object) -> None:
        """Raise RunFailed where an argument is given, and not None, that the generator does not understand."""
        for name, value in given.items():
            if value is not None and name not in self.understands:
                raise RunFailed(self._cannot(f"be given {name}", "ddpm"))

    def _cannot(self, what: str, able: str) -> str:
        return f"the generator {type(self).__name__.lower()} cannot {what}: choose {able}"
