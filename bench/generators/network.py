"""What the generators that are networks share: the training loop, and sampling in batches."""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F
from torch.optim import Optimizer

from bench.data.image_set import ImageSet
from bench.generators.base import Checkpoint, Generator
from bench.generators.engine import Engine
from bench.generators.settings import NetworkSettings
from bench.generators.training import (
    EpochOrder,
    check_losses,
    check_weights,
    ema_decay,
    from_uint8,
    normals,
    restore,
    snapshot,
    to_uint8,
)
from bench.hashing import canonical_sha256
from bench.progress import Progress
from bench.seeds import derive_generator


@dataclass(frozen=True)
class Training:
    """What a fit changes.

    Attributes:
        weights: lists of weights by name; "average" is the moving average of those called `averaged`.
        averaged: a name in `weights`.
        optimizers: by the name of the weights that they train.
    """

    weights: dict[str, list[Parameter]]
    averaged: str
    optimizers: dict[str, Optimizer]


class NetworkGenerator(Generator):
    """A generator whose networks are trained by steps on batches, and that samples in batches of one size.

    The images stay on the device as uint8, and no step waits for the one before it: what a step needs of the CPU is
    sent ahead, and losses are fetched only when they are shown.
    """

    settings: NetworkSettings

    def __init__(
        self, settings: NetworkSettings, image_shape: tuple[int, ...], horizontal_flips: bool, engine: Engine
    ) -> None:
        """Keep what all networks need.

        Args:
            settings: from the task file.
            image_shape: (channels, height, width).
            horizontal_flips: whether each image is mirrored in training with probability one half.
            engine: how the networks are run.
        """
        super().__init__(settings, engine.device)
        self.image_shape = image_shape
        self._horizontal_flips = horizontal_flips
        self._engine = engine

    def fit(
        self, pool: ImageSet, *, seed: int, from_scratch: bool, checkpoint: Checkpoint, progress: Progress
    ) -> None:
        """Train on the pool; see `Generator.fit`."""
        with self._engine.explained("a training step", "batch_size", self.settings.batch_size):
            self._fit(pool, seed, from_scratch, checkpoint, progress)

    def _fit(self, pool: ImageSet, seed: int, from_scratch: bool, checkpoint: Checkpoint, progress: Progress) -> None:
        settings, steps = self.settings, self.settings.steps
        training = self._begin(seed, from_scratch)
        random = derive_generator(seed, "noise", device=self.device)
        order = EpochOrder(len(pool), seed)
        images = pool.images.to(self.device)
        labels = None if pool.labels is None else pool.labels.to(self.device)
        averages: list[Tensor] = [*training.weights["average"]]
        weights: list[Tensor] = [*training.weights[training.averaged]]

        # A fit that was cut short goes on with the same weights, moments and random numbers. What another fit has left
        # is not gone on from: a method may fit more than once in a generation.
        step = 0
        identity = _identity(seed, from_scratch, pool)
        if (saved := checkpoint.load()) is not None and torch.equal(saved["fit"], identity):
            step = restore(saved, training.weights, training.optimizers, random)
            self.work.images_trained += step * settings.batch_size
            progress.note(f"goes on from step {step} of {steps}")

        bar = progress.bar("fit", total=steps * settings.batch_size, initial=step * settings.batch_size)
        with bar:
            while step < steps:
                index = self._engine.moved(order.batch(step, settings.batch_size))
                real = from_uint8(images[index])
                if self._horizontal_flips:
                    flipped = torch.rand(len(real), generator=random, device=self.device) < 0.5
                    real = torch.where(flipped[:, None, None, None], real.flip(3), real)
                losses = self._step(training, step, real, None if labels is None else labels[index], random)
                step += 1
                with torch.no_grad():
                    torch._foreach_lerp_(averages, weights, 1 - ema_decay(step, steps, settings.ema_halflife))
                self.work.images_trained += settings.batch_size

                if bar.update(settings.batch_size) or step == steps:
                    shown = {name: loss.item() for name, loss in losses.items()}
                    bar.set_postfix(step=f"{step}/{steps}", **{n: f"{x:.4f}" for n, x in shown.items()}, refresh=False)
                    check_losses(shown, step, steps, settings.learning_rate)
                if checkpoint.due() and step < steps:
                    state = snapshot(step, training.weights, training.optimizers, random)
                    checkpoint.save(state | {"fit": identity})
        check_weights(averages, steps, settings.learning_rate)
        self._finish()

    @torch.inference_mode()
    def sample(self, labels: Tensor | None, seeds: list[int], sampling_bias: float, progress: Progress) -> ImageSet:
        """Draw one image per seed; see `Generator.sample`."""
        size = self.settings.sampling_batch
        parts = []
        explained = self._engine.explained("a batch of samples", "sampling_batch", size)
        with explained, progress.bar("sample", total=len(seeds)) as bar:
            for start in range(0, len(seeds), size):
                chunk = seeds[start : start + size]
                # The last batch is padded: kernels may round differently for another batch size.
                padding = size - len(chunk)
                numbers = F.pad(normals(chunk, self._numbers_per_image), (0, 0, 0, padding))
                classes = None if labels is None else F.pad(labels[start : start + size], (0, padding))
                images = self._draw(
                    self._engine.moved(numbers),
                    None if classes is None else self._engine.moved(classes),
                    sampling_bias,
                )
                parts.append(to_uint8(images[: len(chunk)]))
                self.work.network_evaluations += len(chunk) * self.evaluations_per_image(sampling_bias)
                bar.update(len(chunk))
        return ImageSet(torch.cat(parts), labels)

    def images_per_fit(self, n: int) -> int:
        """Return the images of whole batches, whatever the pool's size is."""
        return self.settings.steps * self.settings.batch_size

    @property
    @abstractmethod
    def _numbers_per_image(self) -> int:
        """How many standard normal numbers an image is made of."""

    @abstractmethod
    def _begin(self, seed: int, from_scratch: bool) -> Training:
        """Draw or keep the weights, and return them with new optimizers."""

    @abstractmethod
    def _step(
        self, training: Training, step: int, real: Tensor, labels: Tensor | None, random: torch.Generator
    ) -> dict[str, Tensor]:
        """Train on one batch, float32 (n, channels, height, width) in [-1, 1], and return the losses by name."""

    def _finish(self) -> None:
        """Prepare the trained networks for sampling, where there is something to prepare."""

    @abstractmethod
    def _draw(self, numbers: Tensor, labels: Tensor | None, sampling_bias: float) -> Tensor:
        """Return the images in about [-1, 1] of standard normal numbers, float32 (n, numbers per image)."""


def _identity(seed: int, from_scratch: bool, pool: ImageSet) -> Tensor:
    """Return what tells a fit of a generator from another, uint8 (32,)."""
    digest = canonical_sha256({"seed": seed, "from_scratch": from_scratch, "pool": pool.sha256})
    return torch.frombuffer(bytearray.fromhex(digest), dtype=torch.uint8)
