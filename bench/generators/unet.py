"""The U-Net of the DDPM, and a condition beside label and time: one of a few numbers, such as real or synthetic."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import GROUPS, DDPMSettings
from bench.errors import RunFailed
from bench.seeds import derive_generator

if TYPE_CHECKING:
    from diffusers import UNet2DModel


def build_unet(settings: DDPMSettings, data: DataShape) -> "UNet2DModel":
    """Return diffusers' U-Net for images like these, without touching the global random state.

    There is one more label than there are classes: the last stands for "no label".
    """
    # It takes seconds to import, and cells are planned without it.
    from diffusers import UNet2DModel

    channels, height, _ = data.image_shape
    folded = channels * settings.patch**2
    levels = len(settings.channels)
    with torch.random.fork_rng(devices=[]):
        return UNet2DModel(
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
            num_class_embeds=None if data.n_classes is None else data.n_classes + 1,
        )


class ConditionedEmbedding(nn.Module):
    """The embedding of labels, to which a row is added for each condition; condition 0 adds nothing.

    It takes the place of the U-Net's own embedding of labels, whose weights keep their name, and is given a pair:
    labels, int64 (n,) or None, and conditions, int64 (n,).
    """

    def __init__(self, labels: nn.Embedding | None, n_conditions: int, width: int) -> None:
        """Take over the embedding of labels; the rows are zero, so that no condition means anything yet."""
        super().__init__()
        self.weight = None if labels is None else labels.weight
        self.conditions = nn.Parameter(torch.zeros(n_conditions - 1, width))

    def reset_parameters(self) -> None:
        """Draw the rows of labels as the plain embedding does; `draw_conditions` draws the others."""
        if self.weight is not None:
            nn.init.normal_(self.weight)
        nn.init.zeros_(self.conditions)

    def forward(self, given: tuple[Tensor | None, Tensor]) -> Tensor:
        """Return (n, width)."""
        labels, conditions = given
        embedded = F.embedding(conditions, F.pad(self.conditions, (0, 0, 1, 0)))
        if self.weight is None or labels is None:
            return embedded
        return F.embedding(labels, self.weight) + embedded


def n_conditions(network: nn.Module) -> int:
    """Return how many conditions a U-Net has; 1 is none but condition 0."""
    embedding = getattr(network, "class_embedding", None)
    return 1 + len(embedding.conditions) if isinstance(embedding, ConditionedEmbedding) else 1


@torch.no_grad()
def draw_conditions(network: nn.Module, seed: int) -> None:
    """Draw the rows of conditions as those of labels are; they are apart, so that no other weight depends on them.

    Rows that begin with zeros are learned too, but short trainings (60 steps) do not tell conditions apart by them.
    """
    embedding = getattr(network, "class_embedding", None)
    if isinstance(embedding, ConditionedEmbedding):
        rows = embedding.conditions
        rows.copy_(torch.randn(rows.shape, generator=derive_generator(seed, "conditions")))


def n_conditions_of(state: Mapping[str, Tensor]) -> int:
    """Return how many conditions the U-Net had whose `state_dict` this is."""
    rows = state.get("class_embedding.conditions")
    return 1 if rows is None else 1 + len(rows)


def set_n_conditions(network: "UNet2DModel", n: int) -> None:
    """Make room for n conditions; those that there were keep their rows, new ones mean nothing yet."""
    present = n_conditions(network)
    if n == present:
        return
    before = cast(nn.Embedding | ConditionedEmbedding | None, network.class_embedding)
    plain = None
    if before is not None and before.weight is not None:
        rows, width = before.weight.shape
        plain = nn.Embedding(rows, width, _weight=before.weight)  # which draws nothing
        plain.weight = before.weight
    if n == 1:
        network.class_embedding = plain
        return
    width = network.time_embedding.linear_2.out_features
    changed = ConditionedEmbedding(plain, n, width).to(network.device)
    changed.conditions.requires_grad_(network.conv_in.weight.requires_grad)
    if isinstance(before, ConditionedEmbedding):
        kept = min(n, present) - 1
        with torch.no_grad():
            changed.conditions[:kept] = before.conditions[:kept]
    network.class_embedding = changed


def check_condition(condition: int, network: nn.Module) -> None:
    """Raise RunFailed where a U-Net has no such condition."""
    most = n_conditions(network) - 1
    if not 0 <= condition <= most:
        raise RunFailed(f"condition is {condition}: choose from 0 to {most}, those that were trained")


def given_to(network: nn.Module, labels: Tensor | None, conditions: Tensor | None, like: Tensor) -> object:
    """Return what a U-Net is given in place of labels, for a batch like a tensor; no conditions are condition 0."""
    if n_conditions(network) == 1:
        return labels
    if conditions is None:
        conditions = torch.zeros(len(like), dtype=torch.int64, device=like.device)
    return labels, conditions
