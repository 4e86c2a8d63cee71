"""Whether a classifier sees in generated images the classes they were made for, in the real proportions."""

import torch
from torch import Tensor
from torchmetrics import Metric


class LabelAgreement(Metric):
    """Share of images whose predicted class is the label that they were generated for; 0 to 1, higher is better."""

    full_state_update = False
    is_differentiable = False
    higher_is_better = True
    agreeing: Tensor
    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("agreeing", default=torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, labels: Tensor) -> None:
        """Add classes, int64 (n,), that a classifier predicts, and the labels, int64 (n,), that were wanted."""
        self.agreeing += (predicted == labels).sum()
        self.total += len(labels)

    def compute(self) -> Tensor:
        """Return the share, a float64 scalar."""
        return self.agreeing.double() / self.total


class ClassImbalance(Metric):
    """Total variation distance of predicted classes from the class frequencies of the training images.

    Half the sum over classes of |share among the generated - share among the training images|: 0 where they are the
    same, towards 1 where classes are lost; lower is better.

    Args:
        frequencies: (c,), at least 0, the training images of each class or their share.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = False
    counts: Tensor

    def __init__(self, frequencies: Tensor) -> None:
        super().__init__()
        self._shares = frequencies.double() / frequencies.sum()
        self.add_state("counts", default=torch.zeros(len(frequencies), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, predicted: Tensor) -> None:
        """Add classes, int64 (n,), that a classifier predicts."""
        self.counts += torch.bincount(predicted, minlength=len(self.counts))

    def compute(self) -> Tensor:
        """Return the distance, a float64 scalar."""
        shares = self.counts.double() / self.counts.sum()
        # Rounding may not carry it over its bound.
        return ((shares - self._shares.to(shares.device)).abs().sum() / 2).clamp(max=1)
