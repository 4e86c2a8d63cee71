"""One-sided selection: a part of the real images is trained on, or a part of the synthetic ones, by one rule.

What curating the real images is worth beside curating the synthetic ones. Of the images of one side, `part`, the share
`keep` is kept; all of the other side are. The rules:

- `realism`: those that lie deepest in the k-NN manifold of the real images of generation 1, as in `realism_filter`
  (Kynkaanniemi et al. 2019, arXiv 1904.06991). A ball does not count for the image that is its centre.
- `spread`: those that lie farthest from each other, as in `entropy_selection` (farthest-point selection, the greedy
  rule of Shi et al. 2025, arXiv 2509.16499), from the image with the first lot on.
- `random`: those with the first lots, the control: it shows what fewer images of this side do, whichever they are.

Lots are drawn once for each place in the side, so where the real images are the same in every generation, each rule
keeps the same ones in every generation. A side that is compared with the other should have as many images.

Needs: real images in the pool. Costs: distances between the side's images and the first real ones, or among
themselves. Loops: synthetic_augmentation, fresh_data.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from bench import BadInput, Context, Generator, LoopKind, Method, Pool, Setting

K = 3  # which neighbour a ball reaches to, as in the source
AT_CENTRE = 1e-3  # of the radius: nearer is the centre itself, whose features another batch may round differently
BLOCK = 1024  # images whose distances are in memory at once


class OneSidedSelection(Method):
    """Keep a part of the real images, or of the synthetic ones, by realism, by spread or at random."""

    loops: ClassVar[tuple[LoopKind, ...]] = ("synthetic_augmentation", "fresh_data")
    uses = ("real images",)

    part: Annotated[Literal["real", "synthetic"], Field(description="the side that is chosen from")] = "real"
    rule: Annotated[Literal["realism", "spread", "random"], Field(description="what is kept")] = "realism"
    keep: Annotated[float, Field(gt=0, le=1, description="share of the side that is kept")] = 0.5
    _centres: Tensor | None = None  # float32, (m, d): the smaller half of the balls, in the embedding
    _radii: Tensor | None = None  # float32, (m,)
    _lots: Tensor | None = None  # float32, (n,): one for each place in the side

    def check(self, setting: Setting) -> None:
        if setting.loop.contamination is not None:
            raise BadInput("needs to know which images are real: choose a loop without --contamination")
        if setting.loop.n_initial <= K:
            raise BadInput(f"needs more than {K} real images in generation 1, found {setting.loop.n_initial}")

    def prepare(self, generator: Generator, ctx: Context) -> None:
        if self.rule == "realism":
            features = ctx.embed(ctx.real)
            distances, _ = NearestNeighbors(n_neighbors=K, algorithm="brute").fit(features.numpy()).kneighbors()
            radii = torch.from_numpy(distances[:, -1]).to(features.dtype)
            small = radii <= radii.median()
            self._centres, self._radii = features[small], radii[small]
        else:
            places = ctx.loop.n_real if self.part == "real" else ctx.loop.n_synthetic
            self._lots = torch.rand(places, generator=ctx.random)

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        side = torch.nonzero(pool.real if self.part == "real" else ~pool.real).flatten()
        size = max(1, round(self.keep * len(side)))
        if self.rule == "random":
            chosen = self._by_lot(len(side))[:size]
        elif self.rule == "spread":
            chosen = _farthest_points(ctx.embed(pool.data[side]), int(self._by_lot(len(side))[0]), size)
        else:
            chosen = self._realism(ctx.embed(pool.data[side])).argsort(descending=True, stable=True)[:size]
        kept = torch.ones(len(pool), dtype=torch.bool)
        kept[side] = False
        kept[side[chosen]] = True
        return pool[kept]

    def _by_lot(self, n: int) -> Tensor:
        """Return the places of a side of n images in the order of their lots; an accumulated pool repeats them."""
        assert self._lots is not None
        return self._lots.repeat(-(-n // len(self._lots)))[:n].argsort(stable=True)

    def _realism(self, features: Tensor) -> Tensor:
        assert self._centres is not None
        assert self._radii is not None
        centres, radii = self._centres.double(), self._radii.double()
        scores = []
        for block in features.double().split(BLOCK):
            distances = torch.cdist(block, centres, compute_mode="donot_use_mm_for_euclid_dist")
            others = distances > AT_CENTRE * radii
            scores.append(torch.where(others, radii / distances, 0).amax(1))
        return torch.cat(scores)

    def state_dict(self) -> dict[str, Tensor]:
        state = {"centres": self._centres, "radii": self._radii, "lots": self._lots}
        return {name: value for name, value in state.items() if value is not None}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._centres, self._radii, self._lots = state.get("centres"), state.get("radii"), state.get("lots")


def _farthest_points(features: Tensor, first: int, size: int) -> Tensor:
    """Return the indices of `size` points, each the one farthest from all before it; features (n, d)."""
    chosen = [first]
    nearest = torch.full((len(features),), torch.inf)
    for _ in range(size - 1):
        # Without the usual product of matrices, whose rounding is larger than the distance of near-duplicates.
        to_it = torch.cdist(features, features[chosen[-1]].view(1, -1), compute_mode="donot_use_mm_for_euclid_dist")
        nearest = torch.minimum(nearest, to_it.flatten())
        nearest[chosen[-1]] = -1  # below every distance: it cannot be chosen again
        chosen.append(int(nearest.argmax()))
    return torch.tensor(chosen)
