"""My generator: say in a sentence what it is, and where the idea comes from (authors, year, arXiv number).

This one is a small flow matching model, also called rectified flow (Liu et al. 2022, arXiv 2209.03003; Lipman et al.
2023, arXiv 2210.02747). A generator is one file with one class. `docs/generators.md` says what each part must do, and
`autophagy check my_generator.py` whether it does:

- draw random numbers from the torch.Generator that is given, never from a global state;
- make an image of its own numbers and label alone, whatever the batch;
- let the weights of images reach the loss, and the averaged weights be what is sampled.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import torch
from diffusers import UNet2DModel
from pydantic import Field
from torch import Tensor, nn

from bench import (
    BadInput,
    Batch,
    DataShape,
    Engine,
    NetworkGenerator,
    NetworkSettings,
    Training,
    draw_weights,
    mean_loss,
)


class MyGenerator(NetworkGenerator):
    """Flow matching: a network learns the velocity from noise to images along straight lines."""

    # Parameters: annotated attributes with defaults, given as my_generator.py:width=32. batch_size, learning_rate,
    # ema_halflife and sampling_batch are there without being declared, in self.settings. The budget is the tier's.
    width: Annotated[int, Field(ge=8, multiple_of=8, description="channels at the finest resolution")] = 16
    steps: Annotated[int, Field(ge=1, description="steps of the sampler, two evaluations each")] = 8
    dropout: Annotated[float, Field(ge=0, lt=1, description="share of images trained without their label")] = 0.1
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3

    def __init__(self, settings: NetworkSettings, data: DataShape, engine: Engine) -> None:
        """Build the network once; `begin_fit` draws its weights anew for every generation."""
        super().__init__(settings, data, engine)
        channels, size, _ = data.image_shape
        widths = [self.width] + [2 * self.width for halved in (2, 4) if size % halved == 0 and size // halved >= 4]
        # Building layers draws from the random state that all code shares: it is put back.
        with torch.random.fork_rng(devices=[]):
            network = UNet2DModel(
                sample_size=size,
                in_channels=channels,
                out_channels=channels,
                layers_per_block=1,
                block_out_channels=tuple(widths),
                down_block_types=("DownBlock2D",) * len(widths),
                up_block_types=("UpBlock2D",) * len(widths),
                norm_num_groups=8,
                add_attention=False,
                num_class_embeds=None if data.n_classes is None else data.n_classes + 1,  # the last: no label
            )
        self._network = engine.place(network)
        self._averaged = copy.deepcopy(self._network).eval().requires_grad_(False)
        self._trained, self._sampled = engine.compile(self._network), engine.compile(self._averaged)

    def begin_fit(self, seed: int, from_scratch: bool, steps: int, learning_rate: float) -> Training:
        """Draw the weights, or go on from the averaged ones."""
        if from_scratch:
            draw_weights(self._averaged, seed)
        self._network.load_state_dict(self._averaged.state_dict())
        weights = {"weight": list(self._network.parameters()), "average": list(self._averaged.parameters())}
        optimizer = torch.optim.AdamW(weights["weight"], lr=learning_rate)
        return Training(weights, "weight", {"weight": optimizer}, steps, learning_rate)

    def train_step(self, training: Training, step: int, batch: Batch, random: torch.Generator) -> dict[str, Tensor]:
        """Learn the velocity at a random point between noise and image."""
        noise = torch.randn(batch.images.shape, generator=random, device=self.device)
        time = torch.rand(len(batch), generator=random, device=self.device)
        if batch.labels is not None:
            dropped = torch.rand(len(batch), generator=random, device=self.device) < self.dropout
            batch = replace(batch, labels=torch.where(dropped, self.data.n_classes or 0, batch.labels))
        # From here on only this process's share of the batch, where several share it.
        batch, noise, time = batch.share(self.share), self.share.of(noise), self.share.of(time)
        between = torch.lerp(noise, batch.images, time[:, None, None, None])
        errors = (self._velocity(self._trained, between, time, batch.labels) - (batch.images - noise)).square()
        loss = mean_loss(errors, batch.weights)

        optimizer, parameters = training.optimizers["weight"], training.weights["weight"]
        gradients = torch.autograd.grad(loss, parameters)
        loss = loss.detach()
        self.engine.processes.average([*gradients, loss], self.share.weight)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(parameters, 1.0)
        done = step / training.steps
        optimizer.param_groups[0]["lr"] = training.learning_rate * min(1, 20 * done, 2 * (1 - done))
        optimizer.step()
        return {"loss": loss}

    @classmethod
    def check_sampling_bias(cls, sampling_bias: float, labelled: bool) -> None:
        """Allow a bias where there are labels to guide towards."""
        if sampling_bias != 1 and not labelled:
            raise BadInput("the bias is guidance by labels, and the task has none: choose 1")

    @property
    def numbers_per_image(self) -> int:
        """The noise: as many as an image has values."""
        return math.prod(self.data.image_shape)

    def evaluations_per_image(self, sampling_bias: float) -> int:
        """Two for each step, and as many again with guidance."""
        return 2 * self.steps * (1 if sampling_bias == 1 else 2)

    def draw(self, numbers: Tensor, labels: Tensor | None, sampling_bias: float) -> Tensor:
        """Follow the velocity from noise to images, with the midpoint rule."""
        images = numbers.reshape(-1, *self.data.image_shape)
        half = 0.5 / self.steps
        for step in range(self.steps):
            time = torch.full((len(images),), step / self.steps, device=self.device)
            middle = images + half * self._guided(images, time, labels, sampling_bias)
            images = images + 2 * half * self._guided(middle, time + half, labels, sampling_bias)
        return images

    def _guided(self, images: Tensor, time: Tensor, labels: Tensor | None, sampling_bias: float) -> Tensor:
        """Return the velocity with classifier-free guidance (Ho & Salimans 2022), w = 1 / lambda - 1."""
        velocity = self._velocity(self._sampled, images, time, labels)
        if sampling_bias == 1 or labels is None:
            return velocity
        unlabelled = self._velocity(self._sampled, images, time, torch.full_like(labels, self.data.n_classes or 0))
        return velocity + (1 / sampling_bias - 1) * (velocity - unlabelled)

    def _velocity(self, network: nn.Module, images: Tensor, time: Tensor, labels: Tensor | None) -> Tensor:
        with self.engine.autocast():
            velocity: Tensor = network(self.engine.laid_out(images), 1000 * time, class_labels=labels).sample
        return velocity.float()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averaged weights, which are sampled and which `finetune` goes on from."""
        return {name: value.detach().cpu().clone() for name, value in self._averaged.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put averaged weights in place."""
        self._averaged.load_state_dict(state)
