"""Realism filter: synthetic images outside the k-NN manifold of the real images are dropped.

Around each real image lies a ball that reaches to its k-th nearest real neighbour. The realism of an image x is the
largest radius_i / |x - x_i| over the real images i: it is at least 1 where x lies in a ball. As in the source, the
larger half of the balls is left out, since the balls of outliers are so large that they take in anything.

Kynkaanniemi, Karras, Laine, Lehtinen, Aila 2019, "Improved Precision and Recall Metric for Assessing Generative
Models" (arXiv 1904.06991), section 5, with its k = 3. The source scores images with realism and does not train on
what it selects; a filter at 1 is the use made of it here, and a threshold below 1 is a looser one. So that a filter
that accepts next to nothing does not leave next to nothing to train on, the share `at_least` of the synthetic images,
those with the highest realism, is always kept. The balls are those of the real images of generation 1.

Needs: nothing. Costs: distances between the pool's synthetic images and half of the first real images, whose features
are the method's state. Loops: all.
"""

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from bench import BadInput, Context, Generator, Method, Pool, Setting

BLOCK = 1024  # images whose distances are in memory at once


class RealismFilter(Method):
    """Keep the synthetic images inside the k-NN manifold of the real ones (Kynkaanniemi et al. 2019)."""

    uses = ("real images",)
    k: Annotated[int, Field(ge=1, description="which neighbour a ball reaches to")] = 3
    threshold: Annotated[float, Field(gt=0, description="least realism of an image that is kept")] = 1.0
    at_least: Annotated[float, Field(gt=0, le=1, description="share of the synthetic images that is always kept")] = (
        0.1
    )
    _centres: Tensor | None = None  # float32, (n, d): real images in the embedding
    _radii: Tensor | None = None  # float32, (n,)

    def check(self, setting: Setting) -> None:
        if setting.loop.n_initial <= self.k:
            raise BadInput(f"needs more than k={self.k} real images in generation 1, found {setting.loop.n_initial}")

    def prepare(self, generator: Generator, ctx: Context) -> None:
        features = ctx.embed(ctx.real)
        distances, _ = NearestNeighbors(n_neighbors=self.k, algorithm="brute").fit(features.numpy()).kneighbors()
        radii = torch.from_numpy(distances[:, -1]).to(features.dtype)
        small = radii <= radii.median()  # of two middle values torch takes the lower
        self._centres, self._radii = features[small], radii[small]

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        synthetic = torch.nonzero(~pool.real).flatten()
        realism = self._realism(ctx.embed(pool.data[synthetic]))
        size = max(int((realism >= self.threshold).sum()), math.ceil(self.at_least * len(synthetic)))
        kept = pool.real.clone()
        kept[synthetic[realism.argsort(descending=True, stable=True)[:size]]] = True
        return pool[kept]

    def _realism(self, features: Tensor) -> Tensor:
        assert self._centres is not None
        assert self._radii is not None
        centres, radii = self._centres.double(), self._radii.double()
        scores = []
        for block in features.double().split(BLOCK):
            distances = torch.cdist(block, centres)
            # A copy of a real image is as real as can be, even one whose ball is a point.
            scores.append(torch.where(distances > 0, radii / distances, torch.inf).amax(1))
        return torch.cat(scores)

    def state_dict(self) -> dict[str, Tensor]:
        if self._centres is None or self._radii is None:
            return {}
        return {"centres": self._centres, "radii": self._radii}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._centres, self._radii = state.get("centres"), state.get("radii")
