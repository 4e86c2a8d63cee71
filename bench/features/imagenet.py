"""Feature spaces of networks for colour photographs: one resize, one normalisation, then the network."""

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bench.features.base import FeatureSpace
from bench.features.resize import resize

# Enough to keep a GPU busy; on a CPU a batch whose activations stay near the cache is the fastest.
BATCH_ON_GPU = 256
BATCH_ON_CPU = 16


class ImageNetSpace(FeatureSpace):
    """The feature space of a network for photographs of one size; images may have any, and one or three channels."""

    def __init__(
        self,
        name: str,
        sha256: str,
        network: nn.Module,
        *,
        size: int,
        mean: tuple[float, float, float],
        deviation: tuple[float, float, float],
        device: torch.device | str,
    ) -> None:
        """Put the network on the device.

        Args:
            name: of the space.
            sha256: hash of the weights file.
            network: maps float32 (n, 3, size, size) to (n, d); in evaluation mode.
            size: height and width in pixels that the network is for.
            mean: subtracted from pixel values in [0, 255], for each channel.
            deviation: what the difference is divided by.
            device: where the network runs.
        """
        device = torch.device(device)
        batch = BATCH_ON_GPU if device.type == "cuda" else BATCH_ON_CPU
        super().__init__(name, sha256, f"bicubic, antialiased, not rounded, to {size}x{size}", device, batch)
        self._network = network.to(device).to(memory_format=torch.channels_last)
        self._size = size
        self._mean = torch.tensor(mean, device=device).reshape(1, 3, 1, 1)
        self._deviation = torch.tensor(deviation, device=device).reshape(1, 3, 1, 1)

    def embed(self, batch: Tensor) -> Tensor:
        """Return float32 (n, d); a grey image is shown to the network in all three channels."""
        values = resize(batch, self._size).expand(-1, 3, -1, -1)
        values = (values - self._mean) / self._deviation
        features: Tensor = self._network(values.contiguous(memory_format=torch.channels_last))
        return features.flatten(1).float()


def fold_batch_norms(network: nn.Module, pairs: list[tuple[str, str]]) -> None:
    """Fold batch norms into the convolutions before them, which changes nothing but rounding in evaluation mode.

    Args:
        network: changed in place; in evaluation mode.
        pairs: names of a convolution and of the batch norm that follows it, nothing between them.
    """
    for convolution, norm in pairs:
        before, after = network.get_submodule(convolution), network.get_submodule(norm)
        assert isinstance(before, nn.Conv2d)
        assert isinstance(after, nn.BatchNorm2d)
        network.set_submodule(convolution, fuse_conv_bn_eval(before, after))
        network.set_submodule(norm, nn.Identity())
