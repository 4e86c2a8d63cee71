"""Deduplication: synthetic images that nearly repeat another image are dropped.

In the order of the pool, a synthetic image is dropped if it lies nearer than a radius to a known real image or to a
synthetic image that was kept before it. The radius is `share` times the median distance of the real images of
generation 1 to their nearest neighbour among each other: an image counts as a near-duplicate if it is closer to
another one than real images usually are. On `digits`, half of that distance drops nothing.

A claim of the public debate on model collapse; no study of it with images in a self-consuming loop is known. The
radius, and its default of the median itself, are this benchmark's choice.

Needs: nothing. Costs: distances between all images of the pool. Loops: all.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from bench import BadInput, Context, Generator, Method, Pool, Setting

BLOCK = 1024  # images whose distances are in memory at once


class Deduplicate(Method):
    """Drop synthetic images that are near-duplicates of others (a claim of the public debate)."""

    uses = ("real statistics",)
    share: Annotated[float, Field(gt=0, description="the radius, in median nearest-neighbour distances")] = 1.0
    _spacing: Tensor | None = None  # float64, (): median distance of a real image to its nearest neighbour

    def check(self, setting: Setting) -> None:
        if setting.loop.n_initial < 2:
            raise BadInput("needs at least 2 real images in generation 1, found 1")

    def prepare(self, generator: Generator, ctx: Context) -> None:
        real = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(ctx.embed(ctx.real).numpy())
        distances, _ = real.kneighbors()
        self._spacing = torch.from_numpy(distances).double().quantile(0.5)

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        assert self._spacing is not None
        radius = self.share * self._spacing
        # In float64, since the product of matrices that gives the distances loses the small ones in float32.
        features = ctx.embed(pool.data).double()
        kept = pool.real.clone()
        for block in torch.nonzero(~pool.real).flatten().split(BLOCK):
            repeats = torch.zeros(len(block), dtype=torch.bool)
            for others in features[kept].split(BLOCK):
                repeats |= (torch.cdist(features[block], others) < radius).any(1)
            near = torch.cdist(features[block], features[block]) < radius
            for i in range(len(block)):  # one after the other, as the image that repeats a dropped one may stay
                repeats[i] |= bool((near[i, :i] & ~repeats[:i]).any())
            kept[block] = ~repeats
        return pool[kept]

    def state_dict(self) -> dict[str, Tensor]:
        return {} if self._spacing is None else {"spacing": self._spacing}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._spacing = state.get("spacing")
