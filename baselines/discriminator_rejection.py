"""Discriminator rejection sampling (DRS): an image is accepted with the probability that its discriminator gives it.

For a discriminator that is optimal, the density of real images over that of the model's is exp(D), D being its logit,
and rejection sampling with acceptance exp(D - D_M), D_M the highest logit, draws real images. In practice

    F = D - D_M - log(1 - exp(D - D_M - eps)) - gamma,    acceptance = 1 / (1 + exp(-F)),

where gamma shifts the acceptance; without gamma and eps this is exp(D - D_M) again. gamma is a percentile of F, here
over the first candidates of all images, so that images above it are accepted with a probability above one half. D_M
is the highest logit seen so far.

Source: Azadi et al. 2019, "Discriminator Rejection Sampling" (arXiv 1810.06758), which trains the discriminator
further before it is used; here it is StyleGAN's own as training left it. Rejected images are drawn again with the same
label, so that the labels keep their frequencies. After `rounds` candidates an image that is still rejected is the one
with the highest F of its candidates; the source draws on without a limit. It is a way to sample: what it accepts
are the model's images, scored and in the pools.

Needs: a StyleGAN. Costs: up to `rounds` times the sampling, and a judgement of each candidate. Loops: all.
"""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from bench import Context, Generator, ImageSet, Method

EPSILON = 1e-8


class DiscriminatorRejection(Method):
    """Draw images again until the model's own discriminator accepts them (DRS, Azadi et al. 2019)."""

    generators: ClassVar[tuple[str, ...]] = ("stylegan",)

    percentile: Annotated[float, Field(ge=0, le=100, description="of F, which is taken for gamma")] = 80.0
    rounds: Annotated[int, Field(ge=1, description="most candidates of one image")] = 10

    def sample(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        # Candidate r of image i has the seed r * n + i, whichever images still wait: the first are the plain loop's.
        labels, seeds = ctx.labels(n), ctx.seeds(self.rounds * n)
        waiting, best = torch.arange(n), torch.full((n,), -torch.inf, dtype=torch.float64)
        for r in range(self.rounds):
            candidates = generator.sample(
                None if labels is None else labels[waiting],
                [seeds[r * n + i] for i in waiting.tolist()],
                ctx.loop.sampling_bias,
                ctx.progress,
            )
            logits = generator.judge(candidates, ctx.progress).double()
            if r == 0:
                images, first, highest = candidates.images.clone(), logits, logits.max()
            highest = torch.maximum(highest, logits.max())
            gamma = _unshifted(first, highest).quantile(self.percentile / 100)
            acceptance = (_unshifted(logits, highest) - gamma).sigmoid()
            accepted = torch.rand(len(waiting), generator=ctx.random, dtype=torch.float64) < acceptance
            # F rises with the logit: an image that waits is its best candidate so far.
            better = accepted | (logits > best[waiting])
            images[waiting[better]] = candidates.images[better]
            best[waiting[better]] = logits[better]
            waiting = waiting[~accepted]
            if len(waiting) == 0:
                break
        return ImageSet(images, labels)


def _unshifted(logits: Tensor, highest: Tensor) -> Tensor:
    """Return F without gamma, float64 (n,)."""
    below = logits - highest
    return below - torch.log(-torch.expm1(below - EPSILON))
