"""The class-conditional DDPM: diffusers' U-Net and schedulers, our training step and sampler."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel
from torch import Tensor, nn
from torch.nn import functional as F

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import GROUPS, DDPMSettings
from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.base import Extrapolation
from bench.generators.batch import Batch
from bench.generators.engine import Engine
from bench.generators.network import NetworkGenerator, Training
from bench.generators.training import mean_loss
from bench.process.progress import Progress
from bench.seeds import draw_weights

GRADIENT_CLIP = 1.0
WARMUP_FRACTION = 0.05
FEATURE_NOISE = 0.1  # share of the schedule at which features are taken
FEATURE_CELLS = 4
LEAST_NOISE_LEVEL = 0.1  # below it, errors of a predicted image weigh no more


class DDPM(NetworkGenerator):
    """Denoising diffusion (Ho et al. 2020) with the cosine schedule (Nichol & Dhariwal 2021).

    Classifier-free guidance (Ho & Salimans 2022) realises the sampling bias as in the paper: the label is dropped for
    a share of the training images, and with w = 1 / lambda - 1 the guided output is (1 + w) conditional - w
    unconditional. Samples come from DPM-Solver++(2M) (Lu et al. 2022), which is deterministic given the first noise.
    """

    def __init__(self, settings: DDPMSettings, data: DataShape, engine: Engine) -> None:
        """Build the network once; `fit` draws its weights anew for every generation."""
        super().__init__(settings, data, engine)
        self.settings: DDPMSettings = settings
        # One more label than there are classes: the last stands for "no label".
        self._n_embedded = None if data.n_classes is None else data.n_classes + 1
        channels, height, _ = data.image_shape
        folded = channels * settings.patch**2
        levels = len(settings.channels)
        with torch.random.fork_rng(devices=[]):
            network = UNet2DModel(
                sample_size=height // settings.patch,
                in_channels=folded,
                out_channels=folded,
                layers_per_block=settings.layers_per_block,
                block_out_channels=settings.channels,
                down_block_types=("DownBlock2D",) * levels,
                up_block_types=("UpBlock2D",) * levels,
                norm_num_groups=GROUPS,
                resnet_time_scale_shift="scale_shift",
                add_attention=settings.attention,
                num_class_embeds=self._n_embedded,
            )
        self._network = engine.place(network)
        self._averaged = copy.deepcopy(self._network).eval().requires_grad_(False)
        self._trained, self._sampled = engine.compile(self._network), engine.compile(self._averaged)
        self._other: tuple[nn.Module, nn.Module] | None = None
        schedule = {
            "num_train_timesteps": settings.timesteps,
            "beta_schedule": "squaredcos_cap_v2",
            "prediction_type": settings.prediction,
        }
        self._noising = DDPMScheduler(**schedule)
        self._solver = DPMSolverMultistepScheduler(**schedule, timestep_spacing="trailing")

    def evaluations_per_image(self, sampling_bias: float) -> int:
        """Return the sampler's steps, twice as many with guidance."""
        return self.settings.sampling_steps * (1 if sampling_bias == 1 else 2)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averaged weights."""
        return {name: value.detach().cpu().clone() for name, value in self._averaged.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put averaged weights in place; sampling uses them, and `finetune` starts from them."""
        self._averaged.load_state_dict(state)

    @property
    def numbers_per_image(self) -> int:
        """The noise: as many as an image has values."""
        return math.prod(self.data.image_shape)

    def begin_fit(self, seed: int, from_scratch: bool, steps: int, learning_rate: float) -> Training:
        """Draw or keep the weights; see `NetworkGenerator`."""
        if from_scratch:
            draw_weights(self._averaged, seed)
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
        optimizer.param_groups[0]["lr"] = training.learning_rate * _learning_rate_factor(step / training.steps)
        optimizer.step()
        return {"loss": loss}

    def _loss(self, batch: Batch, random: torch.Generator) -> Tensor:
        """Return the mean squared error of the network's prediction at random noise levels, of this process's images.

        A network that sees large patches is narrower than what it is given, and cannot carry the noise through:
        it predicts the image (`sample`), with the loss of the velocity (Li & He 2025, arXiv 2511.13720).
        """
        noise = torch.randn(batch.images.shape, generator=random, device=self.device)
        # One noise level per stratum of [0, T): the same expectation as independent draws, with less variance.
        offset = torch.rand((), generator=random, device=self.device)
        position = (torch.arange(len(batch), device=self.device) + offset) / len(batch)
        timesteps = (position * self.settings.timesteps).long().clamp_(max=self.settings.timesteps - 1)
        if (labels := batch.labels) is not None:
            dropped = torch.rand(labels.shape, generator=random, device=self.device) < self.settings.condition_dropout
            batch = replace(batch, labels=torch.where(dropped, self._no_label(labels), labels))
        # From here on only this process's share of the batch.
        batch, noise, timesteps = batch.share(self.share), self.share.of(noise), self.share.of(timesteps)
        clean = batch.images
        noisy = self._noising.add_noise(clean, noise, timesteps)
        prediction = self._predict(self._trained, noisy, timesteps, batch.labels)
        match self.settings.prediction:
            case "v_prediction":
                errors = (prediction - self._noising.get_velocity(clean, noise, timesteps)).square()
            case "epsilon":
                errors = (prediction - noise).square()
            case "sample":
                # The error of the velocity that the image implies: that of the image over the noise level.
                squared_levels = (1 - self._noising.alphas_cumprod[timesteps]).clamp(min=LEAST_NOISE_LEVEL**2)
                errors = (prediction - clean).square().mean((1, 2, 3)).div(squared_levels)
        return mean_loss(errors, batch.weights)

    def features(self, images: ImageSet, progress: Progress) -> Tensor:
        """Return the coarsest features of the averaged U-Net at little noise (Baranchuk et al. 2022).

        They are averaged to at most 4x4 cells; the label is "none", the noise is its mean, 0.

        Returns:
            float32, (n, 16 times the channels of the coarsest resolution, or fewer).
        """
        timestep = round(FEATURE_NOISE * self.settings.timesteps)
        scale = self._noising.alphas_cumprod[timestep].sqrt()
        found: list[Tensor] = []
        hook = self._averaged.mid_block.register_forward_hook(lambda module, given, output: found.append(output))

        def network(clean: Tensor, labels: Tensor | None) -> Tensor:
            none = torch.zeros(len(clean), dtype=torch.int64, device=self.device)
            unlabelled = None if self._n_embedded is None else self._no_label(none)
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
    ) -> ImageSet:
        """Draw one image per seed; see `Generator.sample_guided`."""
        if len(guidance) != self.guidance_steps:
            raise RunFailed(f"guidance has {len(guidance)} weights: the sampler has {self.guidance_steps} steps")
        evaluations = len(guidance) + sum(w != 0 for w in guidance)
        other = None
        if away_from is not None:
            evaluations *= 2
            other = self._second(away_from.state)

        def draw(numbers: Tensor, classes: Tensor | None) -> Tensor:
            def predict(noisy: Tensor, timestep: Tensor, step: int) -> Tensor:
                own = self._guided(self._sampled, noisy, timestep, classes, guidance[step])
                if other is None or away_from is None:
                    return own
                # A prediction is linear in the score at the same noisy image, so this is the extrapolated score.
                return own + away_from.weight * (own - self._guided(other, noisy, timestep, classes, guidance[step]))

            return self._denoised(numbers, predict)

        return self.sample_with(labels, seeds, evaluations, progress, draw)

    def _second(self, state: Mapping[str, Tensor]) -> nn.Module:
        """Return a second network with these weights, built and compiled when it is first needed."""
        if self._other is None:
            network = copy.deepcopy(self._averaged)
            self._other = network, self.engine.compile(network)
        network, compiled = self._other
        network.load_state_dict(state)
        return compiled

    def draw(self, numbers: Tensor, labels: Tensor | None, sampling_bias: float) -> Tensor:
        """Return images; the bias is classifier-free guidance, w = 1 / lambda - 1."""
        guidance = 1 / sampling_bias - 1
        return self._denoised(
            numbers, lambda noisy, timestep, step: self._guided(self._sampled, noisy, timestep, labels, guidance)
        )

    def _denoised(self, numbers: Tensor, predict: Callable[[Tensor, Tensor, int], Tensor]) -> Tensor:
        """Follow the probability-flow ODE from noise to images; `predict` is given noisy images, time and step."""
        noisy = numbers.reshape(-1, *self.data.image_shape)
        self._solver.set_timesteps(self.settings.sampling_steps, device=self.device)
        for step, timestep in enumerate(self._solver.timesteps):
            noisy = self._solver.step(predict(noisy, timestep, step), timestep, noisy).prev_sample
        return noisy

    def _guided(
        self, network: nn.Module, noisy: Tensor, timestep: Tensor, labels: Tensor | None, guidance: float
    ) -> Tensor:
        """Return the network's prediction with classifier-free guidance."""
        prediction = self._predict(network, noisy, timestep, labels)
        if guidance == 0:
            return prediction
        if labels is None:
            raise RunFailed(
                f"guidance is {guidance:g}, sampling_bias is {1 / (1 + guidance):g}: without labels there is no "
                "guidance, allowed is 1"
            )
        unconditional = self._predict(network, noisy, timestep, self._no_label(labels))
        return prediction + guidance * (prediction - unconditional)

    def _predict(self, network: nn.Module, noisy: Tensor, timesteps: Tensor, labels: Tensor | None) -> Tensor:
        folded = self.engine.laid_out(F.pixel_unshuffle(noisy, self.settings.patch))
        with self.engine.autocast():
            prediction = network(folded, timesteps, class_labels=labels).sample
        return F.pixel_shuffle(prediction.float(), self.settings.patch)

    def _no_label(self, like: Tensor) -> Tensor:
        assert self._n_embedded is not None
        return torch.full_like(like, self._n_embedded - 1)


def _learning_rate_factor(done: float) -> float:
    """Return the share of the full learning rate: a linear warm-up, then half a cosine down to zero at the end."""
    if done < WARMUP_FRACTION:
        return done / WARMUP_FRACTION
    return 0.5 * (1 + math.cos(math.pi * (done - WARMUP_FRACTION) / (1 - WARMUP_FRACTION)))
