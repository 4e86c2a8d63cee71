"""What the metrics that accumulate batches share."""

import torch
from torch import Tensor


def joined(batches: list[Tensor] | Tensor) -> Tensor:
    """Return the batches of a list state as one tensor: a list before processes were reduced, a tensor after."""
    if isinstance(batches, Tensor):
        return batches
    return batches[0] if len(batches) == 1 else torch.cat(batches)
