"""Entropy selection: of the synthetic images, those that lie far from each other are trained on.

The nearest-neighbour estimate of entropy grows with the distances within a set, so a set chosen for large distances
has more entropy. Two rules of the source choose the share `keep` of the synthetic images:

- `greedy`: again and again the image that is farthest from all accepted ones (farthest-point selection).
- `threshold_decay`: pass after pass over the images that are left, in one random order, accept each whose distance to
  all accepted ones is greater than tau; after each pass tau becomes `decay` x tau.

Shi, Wu, Zhang, Zhang, Tao, Qu 2025, "A Closer Look at Model Collapse: From a Generalization-to-Memorization
Perspective" (arXiv 2509.16499); the rules and decay = 0.95 are those of the authors' published code. It starts from a
random image and chooses among all images, real ones too. Here the real images that the loop tells are known to be
worth keeping: they are accepted before the first choice, and only where there are none is the first image a random
one. The code starts tau at a constant for each feature space; here it starts at the largest distance of an image from
those accepted before the first pass, which needs no constant and lets the first pass accept none.

Needs: nothing. Costs: keep x n^2 distances for n synthetic images (with 60,000 images of 1,280 features and keep 0.5,
some 40 minutes a generation on one thread), and those to the known real images. Loops: all.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from pydantic import Field
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from bench import Context, Method, Pool


class EntropySelection(Method):
    """Keep the synthetic images that lie farthest from each other (Shi et al. 2025)."""

    rule: Annotated[Literal["greedy", "threshold_decay"], Field(description="how images are accepted")] = "greedy"
    keep: Annotated[float, Field(gt=0, le=1, description="share of the synthetic images that is kept")] = 0.5
    decay: Annotated[float, Field(gt=0, lt=1, description="what tau is multiplied with after each pass")] = 0.95

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        synthetic = torch.nonzero(~pool.real).flatten()
        synthetic = synthetic[torch.randperm(len(synthetic), generator=ctx.random)]
        size = max(1, round(self.keep * len(synthetic)))
        features = ctx.embed(pool.data[synthetic])
        nearest = torch.full((len(synthetic),), torch.inf)  # distance to the nearest accepted image
        if pool.n_real:
            real = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(ctx.embed(pool.data[pool.real]).numpy())
            nearest = torch.from_numpy(real.kneighbors(features.numpy())[0][:, 0]).to(nearest.dtype)
        kept = pool.real.clone()
        accepted = _greedy(nearest) if self.rule == "greedy" else _threshold_decay(nearest, self.decay)
        for _ in range(size):
            index = next(accepted)
            kept[synthetic[index]] = True
            # Without the usual product of matrices, whose rounding is larger than the distance of near-duplicates.
            to_it = torch.cdist(features, features[index].view(1, -1), compute_mode="donot_use_mm_for_euclid_dist")
            torch.minimum(nearest, to_it.flatten(), out=nearest)
            nearest[index] = -1  # below every distance: it cannot be accepted again
        return pool[kept]


def _greedy(nearest: Tensor) -> Iterator[int]:
    """Yield the image with the largest distance to the accepted ones; the caller keeps `nearest` up to date."""
    while True:
        yield int(nearest.argmax())


def _threshold_decay(nearest: Tensor, decay: float) -> Iterator[int]:
    """Yield the images that pass the decaying threshold; the caller keeps `nearest` up to date."""
    if nearest.isinf().all():
        yield 0
    tau = nearest.max().item()
    while nearest.max() > 0:
        position = 0
        while len(passing := torch.nonzero(nearest[position:] > tau)):
            position += int(passing[0])
            yield position
        tau *= decay
    yield from _greedy(nearest)  # what is left are copies of accepted images, at distance 0 from them
