"""The feature space of FID: Inception-v3 of 2015, as clean-fid defines it (Parmar et al. 2022).

The network is the TorchScript translation of the original TensorFlow graph that StyleGAN2-ADA and clean-fid use; its
pooled features, 2,048 of them, are taken before the classifier. Images are resized by `bench.features.resize` and
normalised to (pixel - 128) / 128.
"""

from pathlib import Path

import torch
from torch import nn

from bench.errors import BadInput, first_line
from bench.features.imagenet import ImageNetSpace
from bench.features.weights import WeightsFile
from bench.process.progress import Progress

INCEPTION = WeightsFile(
    "inception",
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
    "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
)


def load_inception(
    device: torch.device | str, weights: Path | None, progress: Progress, published: WeightsFile = INCEPTION
) -> ImageNetSpace:
    """Load the feature space.

    Args:
        device: where the network runs.
        weights: a local copy of the file; by default the one in the cache, downloaded if it is not there.
        progress: where the download is shown.
        published: which file is the right one.

    Raises:
        BadInput: the weights cannot be had or are not the right ones.
    """
    path = published.obtain(weights, progress)
    return ImageNetSpace(
        published.space, published.sha256, _layers(path),
        size=299, mean=(128.0, 128.0, 128.0), deviation=(128.0, 128.0, 128.0), device=device,
    )  # fmt: skip


def _layers(path: Path) -> nn.Module:
    """Return the network up to the pooled features, with its batch norms folded."""
    try:
        layers = torch.jit.load(path, map_location="cpu").eval().layers
    except (RuntimeError, AttributeError) as error:
        raise BadInput(f"{path}: not the Inception network in TorchScript: {first_line(error)}") from error
    frozen: nn.Module = torch.jit.freeze(layers)
    return frozen
