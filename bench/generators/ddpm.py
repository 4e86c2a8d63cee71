"""The class-conditional DDPM: diffusers' U-Net and schedulers, our training loop and sampler."""

import copy
import math
from collections.abc import Mapping

import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel
from torch import Tensor, nn
from torch.nn import functional as F

from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.base import Checkpoint, Generator
from bench.generators.settings import GROUPS, DDPMSettings
from bench.generators.training import (
    EpochOrder,
    check_loss,
    ema_decay,
    from_uint8,
    normals,
    restore,
    snapshot,
    to_uint8,
)
from bench.progress import Progress
from bench.seeds import derive_generator, draw_weights

GRADIENT_CLIP = 1.0
WARMUP_FRACTION = 0.05


class DDPM(Generator):
    """Denoising diffusion (Ho et al. 2020) with the cosine schedule (Nichol & Dhariwal 2021).

    Classifier-free guidance (Ho & Salimans 2022) realises the sampling bias as in the paper: the label is dropped for
    a share of the training images, and with w = 1 / lambda - 1 the guided output is (1 + w) conditional - w
    unconditional. Samples come from DPM-Solver++(2M) (Lu et al. 2022), which is deterministic given the first noise.
    """

    def __init__(
        self,
        settings: DDPMSettings,
        image_shape: tuple[int, ...],
        n_classes: int | None,
        device: torch.device | str,
    ) -> None:
        """Build the network once; `fit` draws its weights anew for every generation.

        Args:
            settings: from the task file.
            image_shape: (channels, height, width).
            n_classes: number of labels, None for an unconditional model.
            device: where the network lives.
        """
        super().__init__(settings, torch.device(device))
        self.settings: DDPMSettings = settings
        self.image_shape = image_shape
        # One more label than there are classes: the last stands for "no label".
        self._n_embedded = None if n_classes is None else n_classes + 1
        channels, height, _ = image_shape
        folded = channels * settings.patch**2
        levels = len(settings.channels)
        with torch.random.fork_rng(devices=[]):
            self._network = UNet2DModel(
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
            ).to(self.device)
        self._averaged = copy.deepcopy(self._network).eval().requires_grad_(False)
        schedule = {
            "num_train_timesteps": settings.timesteps,
            "beta_schedule": "squaredcos_cap_v2",
            "prediction_type": settings.prediction,
        }
        self._noising = DDPMScheduler(**schedule)
        self._solver = DPMSolverMultistepScheduler(**schedule, timestep_spacing="trailing")

    def fit(
        self, pool: ImageSet, *, seed: int, from_scratch: bool, checkpoint: Checkpoint, progress: Progress
    ) -> None:
        """Train on the pool; see `Generator.fit`."""
        settings = self.settings
        if from_scratch:
            draw_weights(self._averaged, seed)
        self._network.load_state_dict(self._averaged.state_dict())
        self._network.train()
        weights = list(self._network.parameters())
        averages = list(self._averaged.parameters())
        kept = {"weight": weights, "average": averages}
        optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate, fused=self.device.type == "cuda")
        random = derive_generator(seed, "noise", device=self.device)
        order = EpochOrder(len(pool), seed)
        images = pool.images.to(self.device)
        labels = None if pool.labels is None else pool.labels.to(self.device)
        steps = settings.steps

        # A fit that was cut short goes on with the same weights, moments and random numbers.
        step = 0
        if (saved := checkpoint.load()) is not None:
            step = restore(saved, kept, {"weight": optimizer}, random)
            self.work.images_trained += step * settings.batch_size
            progress.note(f"goes on from step {step} of {steps}")

        bar = progress.bar("fit", total=steps * settings.batch_size, initial=step * settings.batch_size)
        with bar:
            while step < steps:
                index = order.batch(step, settings.batch_size).to(self.device)
                loss = self._loss(images[index], None if labels is None else labels[index], random)
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(weights, GRADIENT_CLIP)
                optimizer.param_groups[0]["lr"] = settings.learning_rate * _learning_rate_factor(step / steps)
                optimizer.step()
                step += 1
                torch._foreach_lerp_(averages, weights, 1 - ema_decay(step, steps, settings.ema_halflife))
                self.work.images_trained += settings.batch_size

                # The loss leaves the device only when it is shown, so that no step waits for another.
                if bar.update(settings.batch_size) or step == steps:
                    shown = loss.item()
                    bar.set_postfix(step=f"{step}/{steps}", loss=f"{shown:.4f}", refresh=False)
                    check_loss(shown, step, steps, settings.learning_rate)
                if checkpoint.due() and step < steps:
                    checkpoint.save(snapshot(step, kept, {"weight": optimizer}, random))

    @torch.inference_mode()
    def sample(self, labels: Tensor | None, seeds: list[int], sampling_bias: float, progress: Progress) -> ImageSet:
        """Draw one image per seed; see `Generator.sample`."""
        settings = self.settings
        guidance = 1 / sampling_bias - 1
        if labels is None and guidance != 0:
            raise RunFailed(f"sampling_bias is {sampling_bias}: without labels there is no guidance, allowed is 1")
        parts = []
        with progress.bar("sample", total=len(seeds)) as bar:
            for start in range(0, len(seeds), settings.sampling_batch):
                chunk = seeds[start : start + settings.sampling_batch]
                noise = normals(chunk, math.prod(self.image_shape)).reshape(-1, *self.image_shape)
                classes = None if labels is None else labels[start : start + settings.sampling_batch]
                # The last batch is padded: kernels may round differently for another batch size.
                padding = settings.sampling_batch - len(chunk)
                noise = F.pad(noise, (0, 0, 0, 0, 0, 0, 0, padding)).to(self.device)
                if classes is not None:
                    classes = F.pad(classes, (0, padding)).to(self.device)
                images = self._solve(noise, classes, guidance)[: len(chunk)]
                parts.append(to_uint8(images))
                self.work.network_evaluations += len(chunk) * self.evaluations_per_image(sampling_bias)
                bar.update(len(chunk))
        return ImageSet(torch.cat(parts), labels)

    def images_per_fit(self, n: int) -> int:
        """Return the images of whole batches, whatever the pool's size is."""
        return self.settings.steps * self.settings.batch_size

    def evaluations_per_image(self, sampling_bias: float) -> int:
        """Return the sampler's steps, twice as many with guidance."""
        return self.settings.sampling_steps * (1 if sampling_bias == 1 else 2)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averaged weights."""
        return {name: value.detach().cpu().clone() for name, value in self._averaged.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put averaged weights in place; sampling uses them, and `finetune` starts from them."""
        self._averaged.load_state_dict(state)

    def _loss(self, images: Tensor, labels: Tensor | None, random: torch.Generator) -> Tensor:
        """Return the mean squared error of the network's prediction at random noise levels."""
        clean = from_uint8(images)
        noise = torch.randn(clean.shape, generator=random, device=self.device)
        # One noise level per stratum of [0, T): the same expectation as independent draws, with less variance.
        offset = torch.rand((), generator=random, device=self.device)
        position = (torch.arange(len(clean), device=self.device) + offset) / len(clean)
        timesteps = (position * self.settings.timesteps).long().clamp_(max=self.settings.timesteps - 1)
        if labels is not None:
            dropped = torch.rand(labels.shape, generator=random, device=self.device) < self.settings.condition_dropout
            labels = torch.where(dropped, self._no_label(labels), labels)
        noisy = self._noising.add_noise(clean, noise, timesteps)
        if self.settings.prediction == "v_prediction":
            target = self._noising.get_velocity(clean, noise, timesteps)
        else:
            target = noise
        return F.mse_loss(self._predict(self._network, noisy, timesteps, labels), target)

    def _predict(self, network: nn.Module, noisy: Tensor, timesteps: Tensor, labels: Tensor | None) -> Tensor:
        folded = F.pixel_unshuffle(noisy, self.settings.patch)
        return F.pixel_shuffle(network(folded, timesteps, class_labels=labels).sample, self.settings.patch)

    def _no_label(self, like: Tensor) -> Tensor:
        assert self._n_embedded is not None
        return torch.full_like(like, self._n_embedded - 1)

    def _solve(self, noisy: Tensor, labels: Tensor | None, guidance: float) -> Tensor:
        """Follow the probability-flow ODE from noise to images in [-1, 1]."""
        self._solver.set_timesteps(self.settings.sampling_steps, device=self.device)
        for timestep in self._solver.timesteps:
            prediction = self._predict(self._averaged, noisy, timestep, labels)
            if labels is not None and guidance != 0:
                unconditional = self._predict(self._averaged, noisy, timestep, self._no_label(labels))
                prediction = prediction + guidance * (prediction - unconditional)
            noisy = self._solver.step(prediction, timestep, noisy).prev_sample
        return noisy


def _learning_rate_factor(done: float) -> float:
    """Return the share of the full learning rate: a linear warm-up, then half a cosine down to zero at the end."""
    if done < WARMUP_FRACTION:
        return done / WARMUP_FRACTION
    return 0.5 * (1 + math.cos(math.pi * (done - WARMUP_FRACTION) / (1 - WARMUP_FRACTION)))
