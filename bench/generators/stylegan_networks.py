"""The networks of the StyleGAN-lite: mapping, synthesis and discriminator."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.cells.generator_settings import StyleGANSettings
from bench.generators.stylegan_layers import (
    EqualConv,
    EqualLinear,
    ModulatedConv,
    StyledLayer,
    activated,
    doubled,
    embedded,
    normalised,
    with_stddev,
)

MAPPING_RATE = 0.01  # of the mapping network's learning rate, as published


class GeneratorNetwork(nn.Module):
    """The mapping and the synthesis network.

    Attributes:
        n_random: how many standard normal numbers an image is made of: the latents, then the noise of each layer.
    """

    def __init__(self, settings: StyleGANSettings, size: int, n_out: int, n_classes: int | None) -> None:
        super().__init__()
        self.mapping = MappingNetwork(settings.latent, settings.mapping_layers, n_classes)
        n_entry = settings.latent + (n_classes or 0) if settings.latent_input else None
        self.synthesis = SynthesisNetwork(
            size, settings.channels, settings.base_layers, n_out, settings.latent, n_entry
        )
        self._n_classes = n_classes
        self._parts = [settings.latent, *(side**2 for side in self.synthesis.noise_sides)]
        self.n_random = sum(self._parts)

    def split(self, numbers: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return latents, (n, latent), and noise maps, (n, 1, side, side), of numbers, (n, n_random)."""
        z, *noise = numbers.split(self._parts, dim=1)
        sides = self.synthesis.noise_sides
        return z, [values.reshape(-1, 1, side, side) for values, side in zip(noise, sides, strict=True)]

    def entry(self, z: Tensor, labels: Tensor | None, truncation: float = 1.0) -> Tensor | None:
        """Return what enters the coarsest resolution, (n, n_entry), None where nothing does.

        Args:
            z: latents, (n, latent).
            labels: int64 (n,), None without classes.
            truncation: of the latents. The layer that they enter by is linear: what it makes of them is drawn towards
                its mean over all latents as styles are towards theirs.
        """
        if self.synthesis.entry is None:
            return None
        latents = truncation * normalised(z)
        if self._n_classes is None or labels is None:
            return latents
        # Of mean square 1, as the latents are.
        chosen = F.one_hot(labels, self._n_classes).to(z.dtype) * math.sqrt(self._n_classes)
        return torch.cat([latents, chosen], 1)


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
        x = normalised(z)
        if self.embedding is not None:
            x = torch.cat([x, embedded(self.embedding, labels)], 1)
        for layer in self.layers:
            x = activated(layer(x))
        return x


class SynthesisNetwork(nn.Module):
    """Styles and noise to images, doubling the size from block to block, each block adding to the image.

    Attributes:
        noise_sides: height and width of the noise of each layer.
    """

    def __init__(
        self,
        size: int,
        channels: tuple[int, ...],
        base_layers: int,
        n_out: int,
        n_style: int,
        n_entry: int | None = None,
    ) -> None:
        """Build it.

        Args:
            size: height and width of the images.
            channels: widths of the blocks, the finest first.
            base_layers: layers of the coarsest block; the others have two.
            n_out: channels of the images.
            n_style: dimensions of styles.
            n_entry: numbers that enter the coarsest resolution beside the constant; None for none.
        """
        super().__init__()
        widths = channels[::-1]
        base = size // 2 ** (len(widths) - 1)
        self.constant = nn.Parameter(torch.empty(widths[0], base, base))
        self.entry = None if n_entry is None else EqualLinear(n_entry, widths[0] * base**2)
        self.base = nn.ModuleList(StyledLayer(widths[0], widths[0], n_style) for _ in range(base_layers))
        self.growing = nn.ModuleList(StyledLayer(a, b, n_style) for a, b in pairwise(widths))
        self.keeping = nn.ModuleList(StyledLayer(width, width, n_style) for width in widths[1:])
        self.outputs = nn.ModuleList(ModulatedConv(width, n_out, 1, n_style, demodulate=False) for width in widths)
        self.noise_sides = [base] * base_layers + [base * 2 ** (1 + i // 2) for i in range(2 * len(self.growing))]

    def reset_parameters(self) -> None:
        """Draw the constant that every image starts from."""
        nn.init.normal_(self.constant)

    def forward(self, w: Tensor, noise: list[Tensor], entry: Tensor | None = None) -> Tensor:
        """Return images, (n, n_out, size, size), of styles, (n, n_style), the noise of each layer, and what enters."""
        maps = iter(noise)
        x = self.constant.expand(len(w), -1, -1, -1)
        if self.entry is not None:
            x = activated(x + self.entry(entry).unflatten(1, self.constant.shape))
        for layer in self.base:
            x = layer(x, w, next(maps))
        # The image is summed up in float32.
        image: Tensor = self.outputs[0](x, w).float()
        for growing, keeping, output in zip(self.growing, self.keeping, self.outputs[1:], strict=True):
            x = keeping(growing(doubled(x), w, next(maps)), w, next(maps))
            image = doubled(image) + output(x, w).float()
        return image


class Discriminator(nn.Module):
    """Images, and labels where there are any, to logits; and to labels, where it is to read them."""

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
        self.reading = EqualLinear(width, n_classes) if n_classes is not None and settings.class_weight else None

    def forward(self, images: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return logits, (n,), of images, (n, n_in, size, size), and of their classes, (n, n_classes), if it reads."""
        x = self.hide(images)
        logits: Tensor = self.output(x)[:, 0]
        if self.embedding is not None:
            # The projection of Miyato & Koyama 2018.
            logits = logits + (x * embedded(self.embedding, labels)).sum(1) / math.sqrt(x.shape[1])
        return logits, None if self.reading is None else self.reading(x)

    def hide(self, images: Tensor) -> Tensor:
        """Return the hidden layer, (n, width), of images, (n, n_in, size, size)."""
        x = with_stddev(self.base(self.blocks(activated(self.input(images)))), self._stddev_group)
        hidden: Tensor = activated(self.hidden(activated(self.convolution(x)).flatten(1)))
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
        changed = activated(self.second(F.avg_pool2d(activated(self.first(x)), 2)))
        kept: Tensor = self.skip(F.avg_pool2d(x, 2))
        return (changed + kept) / math.sqrt(2)


class BaseLayer(nn.Module):
    """A residual convolution of the discriminator at its coarsest resolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = EqualConv(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, width, size, size)."""
        return (x + activated(self.convolution(x))) / math.sqrt(2)
