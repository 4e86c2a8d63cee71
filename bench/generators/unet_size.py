"""How large the DDPM's U-Net is and what it computes, from its settings: so that a plan need not build it."""

from dataclasses import dataclass, field

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import DDPMSettings


@dataclass
class UNetSize:
    """Adds up the layers of a network.

    Attributes:
        parameters: numbers that are learned.
        tensors: that they lie in.
        flops: floating-point operations of a forward pass of one image, of convolutions, products and attention.
    """

    parameters: int = 0
    tensors: int = 0
    flops: int = 0
    _side: int = field(default=1, repr=False)

    def convolution(self, n_in: int, n_out: int, kernel: int = 3, side: int | None = None) -> None:
        """Add a convolution with a bias, to images of so many pixels each way."""
        side = self._side if side is None else side
        self.linear(n_in * kernel**2, n_out, side**2)

    def linear(self, n_in: int, n_out: int, times: int = 1) -> None:
        """Add a linear layer with a bias, applied so many times."""
        self.parameters += (n_in + 1) * n_out
        self.tensors += 2
        self.flops += 2 * n_in * n_out * times

    def norm(self, width: int) -> None:
        """Add a group normalisation."""
        self.parameters += 2 * width
        self.tensors += 2

    def resnet(self, n_in: int, n_out: int, embedding: int) -> None:
        """Add a residual block that is scaled and shifted by an embedding."""
        self.norm(n_in)
        self.convolution(n_in, n_out)
        self.linear(embedding, 2 * n_out)
        self.norm(n_out)
        self.convolution(n_out, n_out)
        if n_in != n_out:
            self.convolution(n_in, n_out, kernel=1)

    def attention(self, width: int) -> None:
        """Add self-attention over all pixels, which diffusers does not normalise where blocks scale and shift."""
        pixels = self._side**2
        for _ in range(4):
            self.linear(width, width, pixels)
        self.flops += 4 * pixels**2 * width


def unet_size(settings: DDPMSettings, data: DataShape) -> UNetSize:
    """Return the size of the network that `build_unet` returns."""
    widths = settings.channels
    folded = data.image_shape[0] * settings.patch**2
    embedding = 4 * widths[0]
    size = UNetSize(_side=data.image_shape[1] // settings.patch)
    size.linear(widths[0], embedding)
    size.linear(embedding, embedding)
    if data.n_classes is not None:
        size.parameters += (data.n_classes + 1) * embedding
        size.tensors += 1
    size.convolution(folded, widths[0])
    skips, width = [widths[0]], widths[0]
    for level, n_out in enumerate(widths):
        for _ in range(settings.layers_per_block):
            size.resnet(width, n_out, embedding)
            width = n_out
            skips.append(width)
        if level < len(widths) - 1:
            size._side //= 2
            size.convolution(width, width)
            skips.append(width)
    size.resnet(width, width, embedding)
    if settings.attention:
        size.attention(width)
    size.resnet(width, width, embedding)
    for level, n_out in reversed(list(enumerate(widths))):
        for _ in range(settings.layers_per_block + 1):
            size.resnet(width + skips.pop(), n_out, embedding)
            width = n_out
        if level:
            size._side *= 2
            size.convolution(width, width)
    size.norm(width)
    size.convolution(width, folded)
    return size
