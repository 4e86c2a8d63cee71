"""The class-conditional DDPM: diffusers' U-Net and schedulers, our training step and sampler.

Longer than 300 lines because training, sampling, guidance and the read-out of losses ask the same two networks.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import DDPMSettings
from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.base import Extrapolation
from bench.generators.batch import Batch
from bench.generators.engine import Engine
from bench.generators.network import NetworkGenerator
from bench.generators.noise import Correction, NoiseLevel
from bench.generators.schedule import NoiseSchedule
from bench.generators.training import Training, check_labels, from_uint8, mean_loss, normals, warmed_cosine
from bench.generators.unet import (
    build_unet,
    check_condition,
    draw_conditions,
    given_to,
    n_conditions,
    n_conditions_of,
    set_n_conditions,
)
from bench.process.progress import Progress
from bench.seeds import derive_seed, draw_weights

GRADIENT_CLIP = 1.0
FEATURE_NOISE = 0.1  # share of the schedule at which features are taken
FEATURE_CELLS = 4
LOSS_LEVELS = 16  # at which the loss of an image is read


class DDPM(NetworkGenerator):
    """Denoising diffusion (Ho et al. 2020) with the cosine schedule (Nichol & Dhariwal 2021).

    Classifier-free guidance (Ho & Salimans 2022) realises the sampling bias as in the paper: the label is dropped for
    a share of the training images, and with w = 1 / lambda - 1 the guided output is (1 + w) conditional - w
    unconditional. Samples come from DPM-Solver++(2M) (Lu et al. 2022), which is deterministic given the first noise,
    or from its SDE, which is given fresh noise in each step.
    """

    understands = ("least_noise", "conditions", "steps")

    def __init__(self, settings: DDPMSettings, data: DataShape, engine: Engine) -> None:
        """Build the network once; `fit` draws its weights anew for every generation."""
        engine = engine.suited_to(settings.channels)
        super().__init__(settings, data, engine)
        self.settings: DDPMSettings = settings
        self._network = engine.place(build_unet(settings, data))
        self._averaged = copy.deepcopy(self._network).eval().requires_grad_(False)
        self._trained, self._sampled = engine.compile(self._network), engine.compile(self._averaged)
        self._other: tuple[nn.Module, nn.Module] | None = None
        self._schedule = NoiseSchedule(settings, self.device)

    def evaluations_per_image(self, sampling_bias: float, steps: int | None = None) -> int:
        """Return the sampler's steps, twice as many with guidance."""
        return self._schedule.n_steps(steps) * (1 if sampling_bias == 1 else 2)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averaged weights."""
        return {name: value.detach().cpu().clone() for name, value in self._averaged.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put averaged weights in place; sampling uses them, and `finetune` starts from them."""
        set_n_conditions(self._averaged, n_conditions_of(state))
        self._averaged.load_state_dict(state)

    @property
    def numbers_per_image(self) -> int:
        """The noise: as many as an image has values, for each time that the sampler draws."""
        return self._numbers(None)

    def _numbers(self, steps: int | None) -> int:
        return self._schedule.draws(steps) * math.prod(self.data.image_shape)

    def expect_conditions(self, n: int, from_scratch: bool) -> None:
        """Make room for n conditions; see `NetworkGenerator`."""
        set_n_conditions(self._averaged, n if from_scratch else max(n, n_conditions(self._averaged)))

    def begin_fit(self, seed: int, from_scratch: bool, steps: int, learning_rate: float) -> Training:
        """Draw or keep the weights; see `NetworkGenerator`."""
        if from_scratch:
            draw_weights(self._averaged, seed)
            draw_conditions(self._averaged, seed)
        set_n_conditions(self._network, n_conditions(self._averaged))
        self._network.load_state_dict(self._averaged.state_dict())
        self._network.train()
        weights = {"weight": list(self._network.parameters()), "average": list(self._averaged.parameters())}
        optimizer = torch.optim.AdamW(weights["weight"], lr=learning_rate, fused=self.device.type == "cuda")
        return Training(weights, "weight", {"weight": optimizer}, steps, learning_rate)

    def train_step(self, training: Training, step: int, batch: Batch, random: torch.Generator) -> dict[str, Tensor]:
        """Train on one batch; see `NetworkGenerator`."""
        optimizer = training.optimizers["weight"]
        loss = self._loss(batch, random)
        optimizer.zero_grad()
        loss.backward()
        loss = loss.detach()
        gradients = [weight.grad for weight in training.weights["weight"] if weight.grad is not None]
        self.engine.processes.average([*gradients, loss], self.share.weight)
        torch.nn.utils.clip_grad_norm_(training.weights["weight"], GRADIENT_CLIP)
        optimizer.param_groups[0]["lr"] = training.learning_rate * warmed_cosine(step / training.steps)
        optimizer.step()
        return {"loss": loss}

    def _loss(self, batch: Batch, random: torch.Generator) -> Tensor:
        """Return the mean squared error of the network's predictions at random levels, of this process's images."""
        noise = torch.randn(batch.images.shape, generator=random, device=self.device)
        # One noise level per stratum of [0, T): the same expectation as independent draws, with less variance.
        offset = torch.rand((), generator=random, device=self.device)
        position = (torch.arange(len(batch), device=self.device) + offset) / len(batch)
        timesteps, counts = self._schedule.drawn_times(position, batch.least_noise)
        if counts is not None:
            batch = replace(batch, weights=counts if batch.weights is None else counts * batch.weights)
        if (labels := batch.labels) is not None:
            dropped = torch.rand(labels.shape, generator=random, device=self.device) < self.settings.condition_dropout
            batch = replace(batch, labels=torch.where(dropped, self._no_label(labels), labels))
        # From here on only this process's share of the batch.
        batch, noise, timesteps = batch.share(self.share), self.share.of(noise), self.share.of(timesteps)
        clean = batch.images
        noisy = self._schedule.add_noise(clean, noise, timesteps)
        prediction = self._predict(self._trained, noisy, timesteps, batch.labels, batch.conditions)
        return mean_loss(self._schedule.errors(prediction, clean, noise, timesteps), batch.weights)

    @torch.inference_mode()
    def loss(self, images: ImageSet, seed: int, progress: Progress, levels: Sequence[float] | None = None) -> Tensor:
        """Return the mean squared error of the averaged network's prediction; see `Generator.loss`."""
        levels = [(i + 0.5) / LOSS_LEVELS for i in range(LOSS_LEVELS)] if levels is None else levels
        if not levels or not all(0 <= level <= 1 for level in levels):
            raise RunFailed(f"levels is {list(levels)}: choose one or more from 0 to 1")
        times = self._schedule.times(torch.tensor(levels)).clamp_(max=self.settings.timesteps - 1).to(self.device)
        seeds = [derive_seed(seed, "loss", i) for i in range(len(levels))]
        noises = self._shaped(normals(seeds, math.prod(self.data.image_shape)))[:, 0].to(self.device)

        size, labels = self.settings.sampling_batch, images.labels
        if labels is not None:
            check_labels(labels, self.data.n_classes, "loss")
        elif self.data.n_classes is not None:
            labels = self._no_label(torch.zeros(len(images), dtype=torch.int64))

        def batch(part: slice) -> Tensor:
            # Batches of one size, as in sampling: the loss of an image is the same whatever is beside it.
            padding = size - len(images.images[part])
            clean = from_uint8(self.engine.moved(F.pad(images.images[part], (0, 0, 0, 0, 0, 0, 0, padding))))
            classes = None if labels is None else self.engine.moved(F.pad(labels[part], (0, padding)))
            total = torch.zeros(size, device=self.device)
            for time, noise in zip(times, noises, strict=True):
                noise, repeated = noise.expand(clean.shape), time.expand(size)
                noisy = self._schedule.add_noise(clean, noise, repeated)
                prediction = self._predict(self._sampled, noisy, time, classes)
                errors = self._schedule.errors(prediction, clean, noise, repeated)
                total += errors if errors.ndim == 1 else errors.mean((1, 2, 3))
            return (total / len(levels))[: size - padding].cpu()

        self.work.network_evaluations += len(images) * len(levels)
        return self.in_batches(len(images), "loss", progress, batch)

    def features(self, images: ImageSet, progress: Progress) -> Tensor:
        """Return the coarsest features of the averaged U-Net at little noise (Baranchuk et al. 2022).

        They are averaged to at most 4x4 cells; the label is "none", the noise is its mean, 0.

        Returns:
            float32, (n, 16 times the channels of the coarsest resolution, or fewer).
        """
        timestep = round(FEATURE_NOISE * self.settings.timesteps)
        scale = self._schedule.noising.alphas_cumprod[timestep].sqrt()
        found: list[Tensor] = []
        hook = self._averaged.mid_block.register_forward_hook(lambda module, given, output: found.append(output))

        def network(clean: Tensor, labels: Tensor | None) -> Tensor:
            none = torch.zeros(len(clean), dtype=torch.int64, device=self.device)
            unlabelled = None if self.data.n_classes is None else self._no_label(none)
            self._predict(self._averaged, scale.to(self.device) * clean, torch.tensor(timestep), unlabelled)
            output = found.pop().float()
            return F.adaptive_avg_pool2d(output, min(FEATURE_CELLS, output.shape[-1])).flatten(1)

        try:
            return self.evaluated(images, "features", progress, network)
        finally:
            hook.remove()

    @property
    def guidance_steps(self) -> int:
        """The sampler's steps."""
        return self.settings.sampling_steps

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
        """Draw one image per seed; see `Generator.sample_guided`."""
        steps = self._schedule.n_steps(steps)
        if len(guidance) != steps:
            raise RunFailed(f"guidance has {len(guidance)} weights: the sampler has {steps} steps")
        levels = self.noise_levels(steps)
        evaluations = len(guidance) + sum(w != 0 for w in guidance)
        check_condition(condition, self._averaged)
        other = None
        if away_from is not None:
            evaluations *= 2
            other = self._second(away_from.state)
            check_condition(condition, other)

        def draw(numbers: Tensor, classes: Tensor | None) -> Tensor:
            def predict(noisy: Tensor, timestep: Tensor, step: int) -> Tensor:
                own = self._guided(self._sampled, noisy, timestep, classes, guidance[step], condition)
                if other is not None and away_from is not None:
                    # A prediction is linear in the score at the same noisy image, so this is the extrapolated score.
                    others = self._guided(other, noisy, timestep, classes, guidance[step], condition)
                    own = own + away_from.weight * (own - others)
                if correct is not None:
                    own = own + self._schedule.correction(correct, noisy, levels[step], classes)
                return own

            return self._schedule.denoised(self._shaped(numbers), predict, steps)

        return self.sample_with(labels, seeds, evaluations, progress, draw, self._numbers(steps))

    def noise_levels(self, steps: int | None = None) -> list[NoiseLevel]:
        """Return where the steps of the sampler are; see `Generator.noise_levels`."""
        return self._schedule.noise_levels(steps)

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
        check_condition(condition, self._averaged)
        evaluations = self.evaluations_per_image(sampling_bias, steps)

        def draw(numbers: Tensor, classes: Tensor | None) -> Tensor:
            return self.draw(numbers, classes, sampling_bias, steps, condition)

        return self.sample_with(labels, seeds, evaluations, progress, draw, self._numbers(steps))

    def _second(self, state: Mapping[str, Tensor]) -> nn.Module:
        """Return a second network with these weights, built and compiled when it is first needed."""
        if self._other is None:
            network = copy.deepcopy(self._averaged)
            self._other = network, self.engine.compile(network)
        network, compiled = self._other
        set_n_conditions(network, n_conditions_of(state))
        network.load_state_dict(state)
        return compiled

    def draw(
        self,
        numbers: Tensor,
        labels: Tensor | None,
        sampling_bias: float,
        steps: int | None = None,
        condition: int = 0,
    ) -> Tensor:
        """Return images; the bias is classifier-free guidance, w = 1 / lambda - 1."""
        guidance = 1 / sampling_bias - 1

        def predict(noisy: Tensor, timestep: Tensor, step: int) -> Tensor:
            return self._guided(self._sampled, noisy, timestep, labels, guidance, condition)

        return self._schedule.denoised(self._shaped(numbers), predict, steps)

    def _shaped(self, numbers: Tensor) -> Tensor:
        """Return noise, (n, draws, channels, height, width)."""
        return numbers.reshape(len(numbers), -1, *self.data.image_shape)

    def _guided(
        self,
        network: nn.Module,
        noisy: Tensor,
        timestep: Tensor,
        labels: Tensor | None,
        guidance: float,
        condition: int,
    ) -> Tensor:
        """Return the network's prediction with classifier-free guidance, which drops the label and no condition."""
        conditions = None if condition == 0 else torch.full((len(noisy),), condition, device=self.device)
        prediction = self._predict(network, noisy, timestep, labels, conditions)
        if guidance == 0:
            return prediction
        if labels is None:
            raise RunFailed(
                f"guidance is {guidance:g}, sampling_bias is {1 / (1 + guidance):g}: without labels there is no "
                "guidance, choose 1"
            )
        unconditional = self._predict(network, noisy, timestep, self._no_label(labels), conditions)
        return prediction + guidance * (prediction - unconditional)

    def _predict(
        self, network: nn.Module, noisy: Tensor, times: Tensor, labels: Tensor | None, conditions: Tensor | None = None
    ) -> Tensor:
        folded = self.engine.laid_out(F.pixel_unshuffle(noisy, self.settings.patch))
        with self.engine.autocast():
            given = given_to(network, labels, conditions, like=noisy)
            prediction = network(folded, times, class_labels=given).sample
        return F.pixel_shuffle(prediction.float(), self.settings.patch)

    def _no_label(self, like: Tensor) -> Tensor:
        assert self.data.n_classes is not None
        return torch.full_like(like, self.data.n_classes)
