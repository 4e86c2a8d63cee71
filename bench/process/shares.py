"""Shares of a batch, of which each of several processes works on one."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class BatchShare:
    """The images of a batch that a process works on: of every group that goes together all or none.

    Attributes:
        n: how many images the batch has.
        group: how many of them go together: image i with those that are a multiple of n / group away.
        columns: which groups are this process's own.
        weight: share of the batch that is this process's own.
    """

    n: int
    group: int
    columns: slice
    weight: float

    def of(self, values: Tensor, dim: int = 0) -> Tensor:
        """Return what belongs to the process's own images, which are along `dim`."""
        grouped = values.unflatten(dim, (self.group, -1))
        own: Tensor = grouped[(slice(None),) * (dim + 1) + (self.columns,)]
        return own.flatten(dim, dim + 1)
