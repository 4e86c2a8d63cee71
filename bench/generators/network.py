"""What the generators that are networks share: the training loop, and sampling in batches.

Longer than 300 lines because it is one class, of which a third says what those derived from it are to do.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import NetworkSettings
from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.generators.base import Checkpoint, Generator
from bench.generators.batch import Batch
from bench.generators.engine import Engine
from bench.generators.plan import FitPlan
from bench.generators.training import (
    EpochOrder,
    Training,
    check_labels,
    check_losses,
    check_weights,
    ema_decay,
    from_uint8,
    normals,
    restore,
    snapshot,
    to_uint8,
)
from bench.generators.watch import Watch, Watching
from bench.process.progress import Progress
from bench.seeds import derive_generator

CHECK_STEPS = 100


class NetworkGenerator(Generator):
    """A generator whose networks are trained by steps on batches, and that samples in batches of one size.

    It knows the order of the images, the average of the weights, batches, seeds, the budget, resume inside a fit and
    what several processes share. A class derived from it says what its networks are and does the rest:

        __init__                builds the networks once, placed by `self.engine.place`
        begin_fit               draws their weights, or keeps them, and makes the optimizers
        train_step              trains on one batch of images in [-1, 1]
        finish_fit              prepares for sampling, where there is something to prepare
        numbers_per_image       says how many normal numbers an image is made of
        draw                    makes images in about [-1, 1] of such numbers
        evaluations_per_image   says how often the network is asked for one image
        state_dict, load_state_dict   the weights that `draw` uses and `finetune` goes on from

    The images stay on the device as uint8, and no step waits for the one before it: what a step needs of the CPU is
    sent ahead, and losses are fetched only when they are shown.

    Attributes:
        settings: among them batch_size, learning_rate, ema_halflife, sampling_batch, and the budget: images, steps.
        share: this process's part of a batch: `batch.share(share)`, and `share.weight` of its gradients in the average
            that `engine.processes.average` takes.
    """

    settings: NetworkSettings

    def __init__(self, settings: NetworkSettings, data: DataShape, engine: Engine) -> None:
        """Keep what all networks need; see `Generator`."""
        super().__init__(settings, data, engine)
        self.share = engine.processes.share_of_batch(settings.batch_size, self.images_that_go_together)

    @classmethod
    def check_data(cls, data: DataShape) -> None:
        """Raise `BadInput` where the data are points: steps are taken on images."""
        if data.are_points:
            raise BadInput("it makes images, the task's data are points")

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
        """Train on the pool; see `Generator.fit`."""
        self.check_understood(least_noise=least_noise, conditions=conditions)
        plan = FitPlan(seed, from_scratch, weights, budget, learning_rate, least_noise, conditions, watch)
        with self.engine.explained("a training step", "batch_size", self.settings.batch_size):
            self._fit(pool, plan, checkpoint, progress)

    def _fit(self, pool: ImageSet, plan: FitPlan, checkpoint: Checkpoint, progress: Progress) -> None:
        settings, seed = self.settings, plan.seed
        steps = math.ceil(plan.budget * settings.steps)
        whole = plan.of_pool(pool, self.data.n_classes).each(lambda values: values.to(self.device))
        self.expect_conditions(plan.n_conditions, plan.from_scratch)
        training = self.begin_fit(plan.seed, plan.from_scratch, steps, plan.learning_rate * settings.learning_rate)
        random = derive_generator(seed, "noise", device=self.device)
        order = EpochOrder(len(pool), seed)
        averages: list[Tensor] = [*training.weights["average"]]
        watching = None if plan.watch is None else Watching(plan.watch, training.weights)
        weights: list[Tensor] = [*training.weights[training.averaged]]

        # A fit that was cut short goes on with the same weights, moments and random numbers. What another fit has left
        # is not gone on from: a method may fit more than once in a generation.
        step, evaluated = 0, self.work.network_evaluations
        identity = plan.identity(pool)
        self.engine.processes.check_same("the pool or the settings of a fit", lambda: identity.numpy().tobytes().hex())
        if (saved := checkpoint.load()) is not None and torch.equal(saved["fit"], identity):
            step = restore(saved, training.weights, training.optimizers, random)
            self.work.images_trained += step * settings.batch_size
            if watching is not None:
                self.work.network_evaluations += watching.restore(saved)
            progress.note(f"goes on from step {step} of {steps}")

        bar = progress.bar("fit", total=steps * settings.batch_size, initial=step * settings.batch_size)
        with bar:
            ended = False
            while not ended:
                index = self.engine.moved(order.batch(step, settings.batch_size))
                chosen = whole[index]
                real = from_uint8(chosen.images)
                if self.data.horizontal_flips:
                    flipped = torch.rand(len(real), generator=random, device=self.device) < 0.5
                    real = torch.where(flipped[:, None, None, None], real.flip(3), real)
                losses = self.train_step(training, step, replace(chosen, images=real), random)
                step += 1
                with torch.no_grad():
                    torch._foreach_lerp_(averages, weights, 1 - ema_decay(step, steps, settings.ema_halflife))
                self.work.images_trained += settings.batch_size
                ended = step == steps
                if watching is not None and watching.watch.due(step, steps):
                    self.finish_fit()
                    ended = watching.ends() or ended

                if bar.update(settings.batch_size) or ended:
                    shown = {name: f"{loss:.4f}" for name, loss in _fetched(losses).items()}
                    bar.set_postfix(step=f"{step}/{steps}", **shown, refresh=False)
                progress.losses(step, steps, partial(_fetched, losses))
                # When something is shown is a matter of time; here all processes look at the same step.
                if step % CHECK_STEPS == 0 or ended:
                    check_losses(_fetched(losses), step, steps, training.learning_rate)
                if checkpoint.due() and not ended:
                    state = snapshot(step, training.weights, training.optimizers, random) | {"fit": identity}
                    if watching is not None:
                        state |= watching.state(self.work.network_evaluations - evaluated)
                    checkpoint.save(state)
        if watching is not None:
            watching.finish()
        check_weights(averages, steps, training.learning_rate)
        self.finish_fit()

    def sample(
        self,
        labels: Tensor | None,
        seeds: list[int],
        sampling_bias: float,
        progress: Progress,
        steps: int | None = None,
        condition: int = 0,
    ) -> ImageSet:
        """Draw one image per seed; see `Generator.sample`."""
        self.check_understood(steps=steps, conditions=condition or None)
        evaluations = self.evaluations_per_image(sampling_bias)
        return self.sample_with(
            labels, seeds, evaluations, progress, lambda numbers, classes: self.draw(numbers, classes, sampling_bias)
        )

    @torch.inference_mode()
    def sample_with(
        self,
        labels: Tensor | None,
        seeds: list[int],
        evaluations: int,
        progress: Progress,
        draw: Callable[[Tensor, Tensor | None], Tensor],
        numbers_per_image: int | None = None,
    ) -> ImageSet:
        """Draw one image per seed with `draw`, which makes images of normal numbers and labels, in batches.

        Args:
            labels: int64, (n,), None for an unconditional generator.
            seeds: n seeds.
            evaluations: of the network for each image, which are counted.
            progress: where progress is shown.
            draw: as the method `draw`, without the bias.
            numbers_per_image: of this drawing, where it is not the generator's own.
        """
        size = self.settings.sampling_batch
        count = self.numbers_per_image if numbers_per_image is None else numbers_per_image
        check_labels(labels, self.data.n_classes, "sample")

        def batch(part: slice) -> Tensor:
            chunk = seeds[part]
            # The last batch is padded: kernels may round differently for another batch size.
            padding = size - len(chunk)
            numbers = F.pad(normals(chunk, count), (0, 0, 0, padding))
            classes = None if labels is None else F.pad(labels[part], (0, padding))
            images = draw(self.engine.moved(numbers), None if classes is None else self.engine.moved(classes))
            return to_uint8(images[: len(chunk)])

        self.work.network_evaluations += len(seeds) * evaluations
        return ImageSet(self.in_batches(len(seeds), "sample", progress, batch), labels)

    @torch.inference_mode()
    def evaluated(self, images: ImageSet, what: str, progress: Progress, network: Callable[..., Tensor]) -> Tensor:
        """Return what `network` gives for images, float32 in [-1, 1], and labels, batch by batch, on the CPU."""

        def batch(part: slice) -> Tensor:
            chosen = images[part]
            labels = None if chosen.labels is None else chosen.labels.to(self.device)
            values: Tensor = network(from_uint8(chosen.images.to(self.device)), labels).float().cpu()
            return values

        self.work.network_evaluations += len(images)
        return self.in_batches(len(images), what, progress, batch)

    def in_batches(self, n: int, what: str, progress: Progress, batch: Callable[[slice], Tensor]) -> Tensor:
        """Return what `batch` gives for n images on the CPU, sampling_batch at a time; each process its share."""
        size = self.settings.sampling_batch

        def own() -> Tensor | None:
            share = self.engine.processes.share(n, size)
            parts = []
            explained = self.engine.explained("a batch of samples", "sampling_batch", size)
            with explained, progress.bar(what, total=share.stop - share.start) as bar:
                for start in range(share.start, share.stop, size):
                    parts.append(batch(slice(start, min(start + size, share.stop))))
                    bar.update(len(parts[-1]))
            return torch.cat(parts) if parts else None

        return self.engine.processes.gathered(own)

    def images_per_fit(self, n: int) -> int:
        """Return the images of whole batches, whatever the pool's size is."""
        return self.settings.steps * self.settings.batch_size

    @property
    def checkpoint_bytes(self) -> int:
        """The size of the state of an unfinished fit: all weights, and two moments of each that is trained."""
        training = self.begin_fit(0, from_scratch=False, steps=1, learning_rate=self.settings.learning_rate)
        bytes_of = {name: sum(w.nbytes for w in members) for name, members in training.weights.items()}
        return sum(bytes_of.values()) + 2 * sum(bytes_of[name] for name in training.optimizers)

    @property
    def images_that_go_together(self) -> int:
        """How many images of a batch the network sees at once, which therefore one process must have; 1 for none."""
        return 1

    @property
    @abstractmethod
    def numbers_per_image(self) -> int:
        """How many standard normal numbers an image is made of."""

    def expect_conditions(self, n: int, from_scratch: bool) -> None:
        """Make room for n conditions before `begin_fit`, for generators that understand conditions.

        A fit from scratch has as many as it names, one that goes on never fewer than there were.
        """

    @abstractmethod
    def begin_fit(self, seed: int, from_scratch: bool, steps: int, learning_rate: float) -> Training:
        """Draw or keep the weights, and return them with new optimizers.

        Args:
            seed: of the weights that are drawn, see `bench.draw_weights`.
            from_scratch: draw them; otherwise go on from the averaged ones.
            steps: how many there will be.
            learning_rate: of this fit.
        """

    @abstractmethod
    def train_step(self, training: Training, step: int, batch: Batch, random: torch.Generator) -> dict[str, Tensor]:
        """Train on one batch of the pool and return the losses by name, scalars of the whole batch.

        Random numbers are drawn for the whole batch, from `random` alone; networks are given its part
        `batch.share(self.share)`.

        Args:
            training: what `begin_fit` returned, to be changed.
            step: how many steps are done.
            batch: images with what belongs to them.
            random: of the fit, on the device.
        """

    def finish_fit(self) -> None:
        """Prepare the trained networks for sampling, where there is something to prepare."""

    @abstractmethod
    def draw(self, numbers: Tensor, labels: Tensor | None, sampling_bias: float) -> Tensor:
        """Return images, (n, channels, height, width), in about [-1, 1]: what is outside is clipped.

        Image i is a function of the weights, numbers[i], labels[i] and the bias alone.

        Args:
            numbers: standard normal, float32 (n, numbers_per_image), on the device.
            labels: int64 (n,), None without classes.
            sampling_bias: in (0, 1], 1 being unbiased.
        """


def _fetched(losses: Mapping[str, Tensor]) -> dict[str, float]:
    """Return losses as numbers, for which a GPU has to be waited for."""
    return {name: loss.item() for name, loss in losses.items()}
