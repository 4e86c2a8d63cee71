"""Likelihood ranking: of a model's own samples those are kept that it finds likeliest, or least likely.

The model draws more images than enter the pools; each is ranked by the model's own training loss on it, a bound of its
likelihood, and those at one end of the ranking enter. What is scored is the model's own sample, unchanged.

Source: "Likelihood-Ranked Synthetic Selection in Self-Consuming Diffusion" (2026,
github.com/muhammadalamzeb/likelihood-rank-self-consuming-diffusion), which finds on mixtures of Gaussians that the
least likely images keep rare modes better than random ones, and the likeliest worse; on digits, with a VAE, it was
inconclusive. The loss of a model as a discriminator is also what Zheng et al. 2025 use (DDO, arXiv 2503.01103).
Differences: images are ranked within their class, where there are labels, so that the pools keep their classes, and at
16 even levels of noise, the same noise for all.

Needs: a generator that tells its loss (DDPM). Costs: `oversample` times the samples, and 16 evaluations for each.
Loops: all.
"""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field

from bench import Context, Generator, ImageSet, Method, derive_seed


class LikelihoodRanking(Method):
    """Keep the synthetic images of the highest or lowest likelihood under the model itself (2026, see the file)."""

    uses = ("labels",)
    generators: ClassVar[tuple[str, ...]] = ("ddpm",)

    keep: Annotated[Literal["likely", "unlikely"], Field(description="which end of the ranking")] = "unlikely"
    oversample: Annotated[int, Field(ge=1, description="images drawn for each that is kept")] = 2

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        drawn = self.sample(generator, self.oversample * n, ctx)
        losses = generator.loss(drawn, derive_seed(ctx.fit_seed, "likelihood_ranking"), ctx.progress)
        order = losses.argsort(descending=self.keep == "unlikely", stable=True)
        labels = ctx.labels(n)
        if labels is None or drawn.labels is None:
            return drawn[order[:n].sort().values]
        # As many of each class as the plain loop has.
        kept = [order[drawn.labels[order] == label][:count] for label, count in enumerate(labels.bincount().tolist())]
        return drawn[torch.cat(kept).sort().values]
