"""Cluster matching: from many candidates, as many synthetic images in each cluster as real images have there.

k-means divides the real images of generation 1 in the embedding into `clusters` clusters; a cluster's mass is its
share of the real images. Of `candidates` x n candidates, each belonging to the nearest centre, every cluster gives its
mass times n, rounded so that they sum to n (largest remainders), and the first candidates are taken. Where a cluster
has too few candidates, the first of the remaining candidates of all clusters fill up.

The N images from 4 N candidates are the setting of Qiao et al. 2026, "When Sample Selection Bias Precipitates Model
Collapse" (arXiv 2606.13732), who compare selections against real images in a self-consuming loop. Their two selections
by clusters divide the candidates: one keeps those in the clusters nearest to a real image, the other takes one image
of each of N clusters. Neither makes the masses right; matching the masses of clusters of real images, their number and
the filling up are this benchmark's choice.

Needs: nothing. Costs: `candidates` times the sampling for the pool, an embedding of every candidate, and one k-means.
Loops: all.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from sklearn.cluster import KMeans
from torch import Tensor

from bench import BadInput, Context, Generator, ImageSet, Method, Setting, derive_seed


class ClusterMatching(Method):
    """Choose, from 4 n candidates, n that fill the k-means clusters as real images do (after Qiao et al. 2026)."""

    uses = ("real statistics",)
    candidates: Annotated[int, Field(ge=1, description="candidates drawn for each image that enters the pool")] = 4
    clusters: Annotated[int, Field(ge=1, description="number of clusters")] = 20
    _centres: Tensor | None = None  # float64, (clusters, d)
    _masses: Tensor | None = None  # float64, (clusters,), with sum 1

    def check(self, setting: Setting) -> None:
        if setting.loop.n_initial < self.clusters:
            found = setting.loop.n_initial
            raise BadInput(f"needs as many real images in generation 1 as clusters={self.clusters}, found {found}")

    def prepare(self, generator: Generator, ctx: Context) -> None:
        seed = derive_seed(ctx.fit_seed, "clusters") % 2**32  # scikit-learn takes 32 bits
        found = KMeans(self.clusters, random_state=seed).fit(ctx.embed(ctx.real).double().numpy())
        self._centres = torch.from_numpy(found.cluster_centers_)
        sizes = torch.from_numpy(found.labels_).long().bincount(minlength=self.clusters)
        self._masses = sizes.double() / sizes.sum()

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        drawn = self.sample(generator, self.candidates * n, ctx)
        assert self._centres is not None
        assert self._masses is not None
        cluster = torch.cdist(ctx.embed(drawn).double(), self._centres).argmin(1)
        taken = torch.zeros(len(drawn), dtype=torch.bool)
        for i, quota in enumerate(_largest_remainders(self._masses, n).tolist()):
            taken[torch.nonzero(cluster == i).flatten()[:quota]] = True
        shortfall = n - int(taken.sum())
        taken[torch.nonzero(~taken).flatten()[:shortfall]] = True
        return drawn[taken]

    def state_dict(self) -> dict[str, Tensor]:
        if self._centres is None or self._masses is None:
            return {}
        return {"centres": self._centres, "masses": self._masses}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._centres, self._masses = state.get("centres"), state.get("masses")


def _largest_remainders(masses: Tensor, n: int) -> Tensor:
    """Return integers that sum to n and are the masses times n rounded down or up, up where most is cut off."""
    quotas = (masses * n).floor().long()
    remainders = masses * n - quotas
    quotas[remainders.argsort(descending=True, stable=True)[: n - int(quotas.sum())]] += 1
    return quotas
