"""Assisted correction: a share of the synthetic images is moved toward real ones, a stand-in for people fixing flaws.

A random share p of the images that enter the pools is replaced by a corrected version: the image halfway (`strength`)
between the image and its nearest real image, of the same class where there are labels, in the embedding of the tier.

Source: a claim of the public debate (people will notice and repair what is wrong with synthetic images); the rule is
ours. A person is replaced by the real images of generation 1, which is more than a person has. They are the method's
state, and the bytes of the record say so: the whole data set is carried along, in the fully synthetic loop too. What
is scored is the model's own sample, uncorrected.

Needs: nothing. Costs: embedding the real images and the corrected share; the real images kept as state. Loops: all.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from bench import Context, Generator, ImageSet, Method


class AssistedCorrection(Method):
    """Move a random share of the synthetic images toward their nearest real image, as people who fix flaws might."""

    uses = ("real images", "labels")
    share: Annotated[float, Field(ge=0, le=1, description="p, share of the images that is corrected")] = 0.1
    strength: Annotated[float, Field(ge=0, le=1, description="share of the way to the nearest real image")] = 0.5

    def __init__(self) -> None:
        self._real: ImageSet | None = None

    def prepare(self, generator: Generator, ctx: Context) -> None:
        self._real = ctx.real

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        assert self._real is not None
        drawn = self.sample(generator, n, ctx)
        chosen = torch.randperm(n, generator=ctx.random)[: round(self.share * n)]
        if len(chosen) == 0:
            return drawn
        targets = self._real.images[self._nearest(drawn[chosen], ctx)].float()
        corrected = drawn.images[chosen].float().lerp(targets, self.strength)
        images = drawn.images.clone()
        images[chosen] = corrected if drawn.are_points else corrected.round().to(torch.uint8)
        return ImageSet(images, drawn.labels)

    def _nearest(self, images: ImageSet, ctx: Context) -> Tensor:
        """Return the index of the nearest real image, of the same class where there are labels, int64 (n,)."""
        assert self._real is not None
        real, features = ctx.embed(self._real), ctx.embed(images)
        if images.labels is None or self._real.labels is None:
            return _nearest(real, features)
        nearest = torch.empty(len(images), dtype=torch.int64)
        for label in images.labels.unique():
            own, members = images.labels == label, (self._real.labels == label).nonzero()[:, 0]
            nearest[own] = members[_nearest(real[members], features[own])]
        return nearest

    def state_dict(self) -> dict[str, Tensor]:
        if self._real is None:
            return {}
        labels = {} if self._real.labels is None else {"labels": self._real.labels}
        return {"images": self._real.images} | labels

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._real = ImageSet(state["images"], state.get("labels")) if state else None


def _nearest(real: Tensor, features: Tensor) -> Tensor:
    """Return the index of the row of `real` that is nearest to each row of `features`."""
    found = NearestNeighbors(n_neighbors=1).fit(real.numpy()).kneighbors(features.numpy(), return_distance=False)
    return torch.from_numpy(found[:, 0])
