"""The StyleGAN-lite: a small StyleGAN2 (Karras et al. 2020) for images of 8 to 128 pixels.

Kept of the published design: the mapping network, modulated and demodulated convolutions, noise inputs, skip outputs,
a residual discriminator with minibatch standard deviation, the non-saturating loss with lazy R1, equalised learning
rates, and the average of the generator's weights. Left out: path length regularisation and style mixing. For small
data: differentiable augmentation (Zhao et al. 2020). With labels both networks are conditional, as in StyleGAN2-ADA.
"""

import copy
import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import StyleGANSettings
from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.generators.augment import augment
from bench.generators.batch import Batch
from bench.generators.engine import Engine
from bench.generators.network import NetworkGenerator, Training
from bench.generators.training import mean_loss
from bench.process.progress import Progress
from bench.seeds import derive_generator, derive_seed, draw_weights

SECOND_MOMENT = 0.99  # of Adam; the first moment is not averaged
MAPPING_RATE = 0.01  # of the mapping network's learning rate, as published
CENTRE_DRAWS = 4096  # latents that the centre of the styles is averaged over
ACTIVATION_GAIN = math.sqrt(2)


class StyleGAN(NetworkGenerator):
    """StyleGAN2 made small; the sampling bias is the truncation psi (Karras et al. 2019).

    A style w is drawn towards the centre of all styles, centre + psi (w - centre), with psi = lambda; with labels each
    class has its own centre.
    """

    def __init__(self, settings: StyleGANSettings, data: DataShape, engine: Engine) -> None:
        """Build the networks once; `fit` draws their weights anew for every generation."""
        super().__init__(settings, data, engine)
        self.settings: StyleGANSettings = settings
        own = self.share.of(torch.empty(settings.batch_size))
        if _group_size(len(own), settings.stddev_group) != self.share.group:
            raise BadInput(
                f"batch_size = {settings.batch_size}: {engine.processes.count} processes cannot share a batch of "
                f"which {self.share.group} images go together (stddev_group = {settings.stddev_group}): allowed are "
                f"multiples of {settings.stddev_group * engine.processes.count}"
            )
        channels, height, _ = data.image_shape
        size, folded = height // settings.patch, channels * settings.patch**2
        generator = GeneratorNetwork(settings, size, folded, data.n_classes)
        draw_weights(generator, 0)
        self._generator = engine.place(generator)
        self._discriminator = engine.place(Discriminator(settings, size, folded, data.n_classes))
        self._averaged = copy.deepcopy(self._generator).eval().requires_grad_(False)
        self._synthesize = engine.compile(self._generator.synthesis)
        self._synthesize_averaged = engine.compile(self._averaged.synthesis)
        self._discriminate = engine.compile(self._discriminator)
        self._centre = torch.zeros(data.n_classes or 1, settings.latent, device=self.device)

    def evaluations_per_image(self, sampling_bias: float) -> int:
        """Return 1: a GAN draws an image in one pass."""
        return 1

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averaged generator, its centre of styles, and the discriminator that `finetune` goes on with."""
        parts = {"generator": self._averaged, "discriminator": self._discriminator}
        state = {f"{part}.{name}": v for part, network in parts.items() for name, v in network.state_dict().items()}
        return {name: value.detach().cpu().clone() for name, value in (state | {"centre": self._centre}).items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put what `state_dict` returned in place."""
        for part, network in (("generator.", self._averaged), ("discriminator.", self._discriminator)):
            network.load_state_dict({name.removeprefix(part): v for name, v in state.items() if name.startswith(part)})
        self._centre = state["centre"].to(self.device, copy=True)

    @property
    def images_that_go_together(self) -> int:
        """How many images of a batch the discriminator sees a deviation over."""
        return _group_size(self.settings.batch_size, self.settings.stddev_group)

    @property
    def numbers_per_image(self) -> int:
        """The latents, and the noise of each layer."""
        return int(self._averaged.n_random)

    def features(self, images: ImageSet, progress: Progress) -> Tensor:
        """Return what the discriminator's hidden layer makes of images, float32 (n, its width)."""
        return self.evaluated(
            images, "features", progress, lambda x, labels: self._discriminator.hide(self._folded(x))
        )

    def judge(self, images: ImageSet, progress: Progress) -> Tensor:
        """Return the discriminator's logits of labelled images, float32 (n,).

        It sees a deviation over groups of images, so that a logit depends a little on the images beside it.
        """
        return self.evaluated(
            images, "judge", progress, lambda x, labels: self._discriminator(self._folded(x), labels)
        )

    def begin_fit(self, seed: int, from_scratch: bool, steps: int, learning_rate: float) -> Training:
        """Draw or keep the weights; see `NetworkGenerator`."""
        if from_scratch:
            draw_weights(self._averaged, seed)
            draw_weights(self._discriminator, derive_seed(seed, "discriminator"))
        self._generator.load_state_dict(self._averaged.state_dict())
        weights = {
            "average": list(self._averaged.parameters()),
            "generator": list(self._generator.parameters()),
            "discriminator": list(self._discriminator.parameters()),
        }
        # R1 is one of r1_interval + 1 steps of the discriminator's optimizer, which makes up for it as published.
        lazy = self.settings.r1_interval / (self.settings.r1_interval + 1)
        optimizers = {
            name: self._adam(weights[name], learning_rate, ratio)
            for name, ratio in (("generator", 1.0), ("discriminator", lazy))
        }
        return Training(weights, "generator", optimizers, steps, learning_rate)

    def _adam(self, weights: list[nn.Parameter], learning_rate: float, ratio: float) -> torch.optim.Optimizer:
        """Return Adam for weights that are stepped 1 / ratio times as often as the learning rate is meant for."""
        return torch.optim.Adam(
            weights,
            lr=learning_rate * ratio,
            betas=(0.0, SECOND_MOMENT**ratio),
            eps=1e-8,
            fused=self.device.type == "cuda",
        )

    def train_step(self, training: Training, step: int, batch: Batch, random: torch.Generator) -> dict[str, Tensor]:
        """Train both networks on one batch; see `NetworkGenerator`."""
        numbers = torch.randn(len(batch), self.numbers_per_image, generator=random, device=self.device)
        # From here on only this process's share of the batch.
        batch, numbers = batch.share(self.share), self.share.of(numbers)
        labels = batch.labels
        z, noise = self._generator.split(numbers)
        fake = self._images(self._synthesize, self._generator.mapping(z, labels), noise)

        # The discriminator, with the gradient penalty R1 every few steps.
        regularise = step % self.settings.r1_interval == 0
        discriminator_loss = self._discriminator_loss(batch, fake.detach(), random, regularise)
        discriminator_loss = self._descend(training.optimizers["discriminator"], discriminator_loss)

        # The generator, on the same images.
        generator_loss = F.softplus(-self._judge(fake, labels, random)).mean()
        generator_loss = self._descend(training.optimizers["generator"], generator_loss)
        return {"discriminator": discriminator_loss, "generator": generator_loss}

    def _descend(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
        """Move the optimizer's weights, and no others, down the gradient of the loss; return that of the batch.

        Args:
            optimizer: of some of the weights.
            loss: of this process's share of the batch.
        """
        weights = optimizer.param_groups[0]["params"]
        gradients = torch.autograd.grad(loss, weights)
        loss = loss.detach()
        self.engine.processes.average([*gradients, loss], self.share.weight)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        optimizer.step()
        return loss

    def finish_fit(self) -> None:
        """Find the centre of the styles."""
        self._centre = self._style_centre()

    def draw(self, numbers: Tensor, labels: Tensor | None, sampling_bias: float) -> Tensor:
        """Return the images of styles that are drawn towards their centre."""
        z, noise = self._averaged.split(numbers)
        w = self._averaged.mapping(z, labels)
        if sampling_bias != 1:
            centre = self._centre if labels is None else self._centre[labels]
            w = centre + sampling_bias * (w - centre)
        return self._images(self._synthesize_averaged, w, noise)

    def _images(self, synthesis: nn.Module, w: Tensor, noise: list[Tensor]) -> Tensor:
        """Return images in about [-1, 1] of styles, (n, latent), and noise maps."""
        with self.engine.autocast():
            folded = synthesis(w, noise)
        return F.pixel_shuffle(folded, self.settings.patch)

    def _judge(self, images: Tensor, labels: Tensor | None, random: torch.Generator, twice: bool = False) -> Tensor:
        """Return the discriminator's logits, float32 (n,), of images that are augmented first.

        Args:
            images: float32 (n, channels, height, width), this process's share of a batch.
            labels: int64 (n,), None without classes.
            random: of the augmentation.
            twice: whether the gradient of a gradient will be taken: torch.compile cannot, and bfloat16 is too coarse.
        """
        changed = augment(images, self.settings.augment, random, self.share)
        folded = self._folded(changed)
        discriminate = self._discriminator if twice else self._discriminate
        with self.engine.autocast(allowed=not twice):
            logits: Tensor = discriminate(folded, labels)
        return logits.float()

    def _folded(self, images: Tensor) -> Tensor:
        return self.engine.laid_out(F.pixel_unshuffle(images, self.settings.patch))

    def _discriminator_loss(self, batch: Batch, fake: Tensor, random: torch.Generator, regularise: bool) -> Tensor:
        """Return the non-saturating loss and, every few steps, the penalty R1 (Mescheder et al. 2018).

        Images of the pool count by their weights in the loss.
        """
        real, labels, weights = batch.images, batch.labels, batch.weights
        real.requires_grad_(regularise)
        on_real = self._judge(real, labels, random, twice=regularise)
        loss = mean_loss(F.softplus(-on_real), weights) + F.softplus(self._judge(fake, labels, random)).mean()
        if regularise:
            (gradient,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
            penalty = mean_loss(gradient.square().sum((1, 2, 3)), weights)
            loss = loss + penalty * (self.settings.r1_weight / 2 * self.settings.r1_interval)
        return loss

    @torch.inference_mode()
    def _style_centre(self) -> Tensor:
        """Return the mean style of each class, (n_classes or 1, latent)."""
        shape = CENTRE_DRAWS, self.settings.latent
        z = torch.randn(shape, generator=derive_generator("centre of the styles")).to(self.device)
        mapping = self._averaged.mapping
        if mapping.embedding is None:
            centre: Tensor = mapping(z, None).mean(0, keepdim=True)
            return centre
        classes = torch.arange(len(self._centre), device=self.device)
        return torch.stack([mapping(z, label.expand(len(z))).mean(0) for label in classes])


class GeneratorNetwork(nn.Module):
    """The mapping and the synthesis network.

    Attributes:
        n_random: how many standard normal numbers an image is made of: the latents, then the noise of each layer.
    """

    def __init__(self, settings: StyleGANSettings, size: int, n_out: int, n_classes: int | None) -> None:
        super().__init__()
        self.mapping = MappingNetwork(settings.latent, settings.mapping_layers, n_classes)
        self.synthesis = SynthesisNetwork(size, settings.channels, settings.base_layers, n_out, settings.latent)
        self._parts = [settings.latent, *(side**2 for side in self.synthesis.noise_sides)]
        self.n_random = sum(self._parts)

    def split(self, numbers: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return latents, (n, latent), and noise maps, (n, 1, side, side), of numbers, (n, n_random)."""
        z, *noise = numbers.split(self._parts, dim=1)
        sides = self.synthesis.noise_sides
        return z, [values.reshape(-1, 1, side, side) for values, side in zip(noise, sides, strict=True)]


class MappingNetwork(nn.Module):
    """Latents, and labels where there are any, to styles."""

    def __init__(self, n_latent: int, n_layers: int, n_classes: int | None) -> None:
        super().__init__()
        self.embedding = None if n_classes is None else EqualLinear(n_classes, n_latent)
        n_in = n_latent if n_classes is None else 2 * n_latent
        self.layers = nn.ModuleList(
            EqualLinear(n_latent if i else n_in, n_latent, rate=MAPPING_RATE) for i in range(n_layers)
        )

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Return styles, (n, n_latent)."""
        x = _normalised(z)
        if self.embedding is not None:
            x = torch.cat([x, _embedded(self.embedding, labels)], 1)
        for layer in self.layers:
            x = _activated(layer(x))
        return x


class SynthesisNetwork(nn.Module):
    """Styles and noise to images, doubling the size from block to block, each block adding to the image.

    Attributes:
        noise_sides: height and width of the noise of each layer.
    """

    def __init__(self, size: int, channels: tuple[int, ...], base_layers: int, n_out: int, n_style: int) -> None:
        """Build it.

        Args:
            size: height and width of the images.
            channels: widths of the blocks, the finest first.
            base_layers: layers of the coarsest block; the others have two.
            n_out: channels of the images.
            n_style: dimensions of styles.
        """
        super().__init__()
        widths = channels[::-1]
        base = size // 2 ** (len(widths) - 1)
        self.constant = nn.Parameter(torch.empty(widths[0], base, base))
        self.base = nn.ModuleList(StyledLayer(widths[0], widths[0], n_style) for _ in range(base_layers))
        self.growing = nn.ModuleList(StyledLayer(a, b, n_style) for a, b in pairwise(widths))
        self.keeping = nn.ModuleList(StyledLayer(width, width, n_style) for width in widths[1:])
        self.outputs = nn.ModuleList(ModulatedConv(width, n_out, 1, n_style, demodulate=False) for width in widths)
        self.noise_sides = [base] * base_layers + [base * 2 ** (1 + i // 2) for i in range(2 * len(self.growing))]

    def reset_parameters(self) -> None:
        """Draw the constant that every image starts from."""
        nn.init.normal_(self.constant)

    def forward(self, w: Tensor, noise: list[Tensor]) -> Tensor:
        """Return images, (n, n_out, size, size), of styles, (n, n_style), and the noise of each layer."""
        maps = iter(noise)
        x = self.constant.expand(len(w), -1, -1, -1)
        for layer in self.base:
            x = layer(x, w, next(maps))
        # The image is summed up in float32.
        image: Tensor = self.outputs[0](x, w).float()
        for growing, keeping, output in zip(self.growing, self.keeping, self.outputs[1:], strict=True):
            x = keeping(growing(_doubled(x), w, next(maps)), w, next(maps))
            image = _doubled(image) + output(x, w).float()
        return image


class Discriminator(nn.Module):
    """Images, and labels where there are any, to logits."""

    def __init__(self, settings: StyleGANSettings, size: int, n_in: int, n_classes: int | None) -> None:
        super().__init__()
        channels = settings.channels
        base, width = size // 2 ** (len(channels) - 1), channels[-1]
        self.input = EqualConv(n_in, channels[0], 1)
        self.blocks = nn.Sequential(*(ResidualBlock(a, b) for a, b in pairwise(channels)))
        self._stddev_group = settings.stddev_group
        self.base = nn.Sequential(*(BaseLayer(width) for _ in range(settings.base_layers - 1)))
        self.convolution = EqualConv(width + 1, width, 3)
        self.hidden = EqualLinear(width * base**2, width)
        self.output = EqualLinear(width, 1)
        self.embedding = None if n_classes is None else EqualLinear(n_classes, width)

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Return logits, (n,), of images, (n, n_in, size, size)."""
        x = self.hide(images)
        logits: Tensor = self.output(x)[:, 0]
        if self.embedding is not None:
            # The projection of Miyato & Koyama 2018.
            logits = logits + (x * _embedded(self.embedding, labels)).sum(1) / math.sqrt(x.shape[1])
        return logits

    def hide(self, images: Tensor) -> Tensor:
        """Return the hidden layer, (n, width), of images, (n, n_in, size, size)."""
        x = _with_stddev(self.base(self.blocks(_activated(self.input(images)))), self._stddev_group)
        hidden: Tensor = _activated(self.hidden(_activated(self.convolution(x)).flatten(1)))
        return hidden


class ResidualBlock(nn.Module):
    """A block of the discriminator, which halves the size."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.first = EqualConv(n_in, n_in, 3)
        self.second = EqualConv(n_in, n_out, 3)
        self.skip = EqualConv(n_in, n_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, n_out, size / 2, size / 2)."""
        changed = _activated(self.second(F.avg_pool2d(_activated(self.first(x)), 2)))
        kept: Tensor = self.skip(F.avg_pool2d(x, 2))
        return (changed + kept) / math.sqrt(2)


class BaseLayer(nn.Module):
    """A residual convolution of the discriminator at its coarsest resolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = EqualConv(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, width, size, size)."""
        return (x + _activated(self.convolution(x))) / math.sqrt(2)


class StyledLayer(nn.Module):
    """A modulated 3x3 convolution with noise, bias and activation."""

    def __init__(self, n_in: int, n_out: int, n_style: int) -> None:
        super().__init__()
        self.convolution = ModulatedConv(n_in, n_out, 3, n_style)
        self.noise_strength = nn.Parameter(torch.empty(()))
        self.bias = nn.Parameter(torch.empty(n_out))

    def reset_parameters(self) -> None:
        """Start without noise and bias."""
        nn.init.zeros_(self.noise_strength)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        """Return (n, n_out, size, size)."""
        return _activated(self.convolution(x, w) + self.noise_strength * noise + self.bias[:, None, None])


class ModulatedConv(nn.Module):
    """A convolution whose input channels a style scales, and whose output channels are brought back to unit size.

    Scaling the activations before and after one shared convolution is the same as modulating the weights for each
    image, and needs no grouped convolution.
    """

    def __init__(self, n_in: int, n_out: int, kernel: int, n_style: int, *, demodulate: bool = True) -> None:
        super().__init__()
        self.convolution = EqualConv(n_in, n_out, kernel, bias=False)
        self.style = EqualLinear(n_style, n_in, bias=1.0)
        self._demodulate = demodulate

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Return (n, n_out, size, size)."""
        style = self.style(w)
        x = self.convolution(x * style[:, :, None, None])
        if self._demodulate:
            energies = (self.convolution.weight * self.convolution.gain).square().sum((2, 3))
            x = x * (style.square() @ energies.T + 1e-8).rsqrt()[:, :, None, None]
        return x


class EqualConv(nn.Module):
    """A convolution that keeps the size; its weights are scaled when they are used, so that all learn equally fast."""

    def __init__(self, n_in: int, n_out: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(n_out)) if bias else None
        self.gain = 1 / math.sqrt(n_in * kernel**2)

    def reset_parameters(self) -> None:
        """Draw the weights from the global random state, as torch's own layers do."""
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, n_out, height, width)."""
        return F.conv2d(x, self.weight * self.gain, self.bias, padding=self.weight.shape[-1] // 2)


class EqualLinear(nn.Module):
    """A fully connected layer whose weights are scaled when they are used, so that all learn equally fast."""

    def __init__(self, n_in: int, n_out: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        """Build it; `bias` is what it starts from, `rate` the share of the learning rate that it learns with."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in))
        self.bias = nn.Parameter(torch.empty(n_out))
        self._initial_bias = bias
        self._rate = rate
        self._gain = rate / math.sqrt(n_in)

    def reset_parameters(self) -> None:
        """Draw the weights from the global random state, as torch's own layers do."""
        nn.init.normal_(self.weight, std=1 / self._rate)
        nn.init.constant_(self.bias, self._initial_bias / self._rate)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, n_out)."""
        return F.linear(x, self.weight * self._gain, self.bias * self._rate)


def _activated(x: Tensor) -> Tensor:
    """Return the leaky rectifier of x, scaled to keep its size."""
    return F.leaky_relu(x, 0.2) * ACTIVATION_GAIN


def _normalised(x: Tensor) -> Tensor:
    """Return x with a mean square of 1 in each row."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def _embedded(embedding: EqualLinear, labels: Tensor | None) -> Tensor:
    """Return the normalised embedding of labels, int64 (n,)."""
    assert labels is not None
    return _normalised(embedding(F.one_hot(labels, embedding.weight.shape[1]).to(embedding.weight.dtype)))


def _doubled(x: Tensor) -> Tensor:
    """Double the size with the published filter [1, 3, 3, 1], which is bilinear interpolation."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _group_size(n: int, most: int) -> int:
    """Return the largest number of images, `most` at most, that n are a multiple of."""
    return next(size for size in range(min(most, n), 0, -1) if n % size == 0)


def _with_stddev(x: Tensor, most: int) -> Tensor:
    """Append a channel: the standard deviation of features over groups of `most` images (Karras et al. 2018)."""
    n, _, height, width = x.shape
    group = _group_size(n, most)
    deviation = (x.float().reshape(group, n // group, -1).var(0, unbiased=False) + 1e-8).sqrt().mean(1).to(x.dtype)
    return torch.cat([x, deviation.repeat(group)[:, None, None, None].expand(-1, -1, height, width)], 1)
