"""The feature space of DINOv2 ViT-B/14 (Oquab et al. 2023).

Distances in it agree with people better than those in Inception's (Stein et al. 2023). The features are the 768
numbers of the class token after the last norm. Images are resized by `bench.features.resize` to 224x224 and normalised
as the network was trained. The network is timm's, the extra `dinov2`.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.errors import BadInput, first_line
from bench.features.imagenet import ImageNetSpace
from bench.features.weights import WeightsFile
from bench.process.progress import Progress

DINOV2 = WeightsFile(
    "dinov2",
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/dinov2_vitb14_pretrain.pth",
    "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73",
)
SIZE = 224
PATCH = 14
MEAN = (123.675, 116.28, 103.53)
DEVIATION = (58.395, 57.12, 57.375)
# The published code adds this to the number of patches in a row when it resizes the position embedding.
OFFSET = 0.1


def load_dinov2(
    device: torch.device | str, weights: Path | None, progress: Progress, published: WeightsFile = DINOV2
) -> ImageNetSpace:
    """Load the feature space.

    Args:
        device: where the network runs.
        weights: a local copy of the file; by default the one in the cache, downloaded if it is not there.
        progress: where the download is shown.
        published: which file is the right one.

    Raises:
        BadInput: timm is not installed, or the weights cannot be had or are not the right ones.
    """
    try:
        import timm
    except ImportError as error:
        raise BadInput(
            f"feature space 'dinov2' needs timm: pip install 'autophagy-bench[dinov2]' ({error})"
        ) from error
    path = published.obtain(weights, progress)
    network: nn.Module = timm.create_model("vit_base_patch14_dinov2", img_size=SIZE, num_classes=0).eval()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(_for_size(state))
    except (RuntimeError, KeyError, pickle.UnpicklingError) as error:
        raise BadInput(f"{path}: not the weights of DINOv2 ViT-B/14: {first_line(error)}") from error
    return ImageNetSpace(
        published.space, published.sha256, network, size=SIZE, mean=MEAN, deviation=DEVIATION, device=device
    )


def _for_size(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights with the position embedding resized to our images, as the published code does it."""
    state = {name: value for name, value in state.items() if name != "mask_token"}
    position = state["pos_embed"]
    patches = position[:, 1:]
    side = round(patches.shape[1] ** 0.5)
    grid = patches.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    scale = (SIZE // PATCH + OFFSET) / side
    grid = F.interpolate(grid, scale_factor=(scale, scale), mode="bicubic", antialias=False)
    state["pos_embed"] = torch.cat([position[:, :1], grid.flatten(2).transpose(1, 2)], 1)
    return state
