"""The layers of StyleGAN2 (Karras et al. 2020), and what it does between them."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATION_GAIN = math.sqrt(2)


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
        return activated(self.convolution(x, w) + self.noise_strength * noise + self.bias[:, None, None])


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


def activated(x: Tensor) -> Tensor:
    """Return the leaky rectifier of x, scaled to keep its size."""
    return F.leaky_relu(x, 0.2) * ACTIVATION_GAIN


def normalised(x: Tensor) -> Tensor:
    """Return x with a mean square of 1 in each row."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def embedded(embedding: EqualLinear, labels: Tensor | None) -> Tensor:
    """Return the normalised embedding of labels, int64 (n,)."""
    assert labels is not None
    return normalised(embedding(F.one_hot(labels, embedding.weight.shape[1]).to(embedding.weight.dtype)))


def doubled(x: Tensor) -> Tensor:
    """Double the size with the published filter [1, 3, 3, 1], which is bilinear interpolation."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def group_size(n: int, most: int) -> int:
    """Return the largest number of images, `most` at most, that n are a multiple of."""
    return next(size for size in range(min(most, n), 0, -1) if n % size == 0)


def with_stddev(x: Tensor, most: int) -> Tensor:
    """Append a channel: the standard deviation of features over groups of `most` images (Karras et al. 2018)."""
    n, _, height, width = x.shape
    group = group_size(n, most)
    deviation = (x.float().reshape(group, n // group, -1).var(0, unbiased=False) + 1e-8).sqrt().mean(1).to(x.dtype)
    return torch.cat([x, deviation.repeat(group)[:, None, None, None].expand(-1, -1, height, width)], 1)
