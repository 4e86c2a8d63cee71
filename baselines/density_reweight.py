"""Density reweighting: each synthetic image counts by an estimate of p_real / p_synthetic at it.

A discriminator (logistic regression on standardised features) is fitted to tell the real images of generation 1 from
the pool's synthetic images. Where it gives a synthetic image the probability p of being real, the image's weight in
the loss is p / (1 - p) x n_synthetic / n_real, the discriminator's estimate of the density ratio, clipped to
[1 / clip, clip]. Known real images have weight 1, which is what the ratio averages to over synthetic images that
cover the real distribution. In a contaminated loop the whole pool is weighed, by p_real / p_pool.

The discriminator never judges an image that it was fitted on, since in many dimensions it would know those by heart:
it is fitted on one random half of the images and judges the other, and the other way round. It is preferred to the
ratio of distances to the k-th real and the k-th synthetic neighbour, which estimates the same density ratio as a power
of the dimension, so that a slightly wrong dimension or a slightly long distance gives any weight at all.

A claim of the public debate on model collapse; the density ratio by a discriminator is textbook importance weighting
(Sugiyama, Suzuki, Kanamori 2012), and no study of it with images in a self-consuming loop is known. The clipping is
this benchmark's choice.

Needs: nothing. Costs: two logistic regressions a generation; the features of the first real images are the method's
state. Loops: all.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from bench import BadInput, Context, Generator, Method, Pool, RunFailed, Setting


class DensityReweight(Method):
    """Weigh synthetic images by a discriminator's ratio of real to synthetic density (a claim of the debate)."""

    uses = ("real images",)
    clip: Annotated[float, Field(ge=1, description="weights lie between 1 / clip and clip")] = 10.0
    _real: Tensor | None = None  # float32, (n, d): real images in the embedding

    def check(self, setting: Setting) -> None:
        if setting.loop.n_initial < 2:
            raise BadInput("needs at least 2 real images in generation 1, found 1")

    def prepare(self, generator: Generator, ctx: Context) -> None:
        self._real = ctx.embed(ctx.real)

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        assert self._real is not None
        synthetic = torch.nonzero(~pool.real).flatten()
        if len(synthetic) < 2:
            raise RunFailed(f"density reweighting needs at least 2 synthetic images, found {len(synthetic)}")
        features = ctx.embed(pool.data[synthetic])
        halves = torch.randperm(len(synthetic), generator=ctx.random).tensor_split(2)
        real_halves = torch.randperm(len(self._real), generator=ctx.random).tensor_split(2)
        weights = torch.ones(len(pool))
        for fitted_on, real, judged in zip(halves, real_halves, reversed(halves), strict=True):
            ratio = _density_ratio(self._real[real], features[fitted_on], features[judged])
            weights[synthetic[judged]] = ratio.clamp(1 / self.clip, self.clip).float()
        return pool.weighted(weights)

    def state_dict(self) -> dict[str, Tensor]:
        return {} if self._real is None else {"real": self._real}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._real = state.get("real")


def _density_ratio(real: Tensor, synthetic: Tensor, at: Tensor) -> Tensor:
    """Return p_real / p_synthetic at the rows of `at`, float64, by a discriminator of the rows of the two others."""
    features = torch.cat([real, synthetic]).double()
    mean, deviation = features.mean(0), features.std(0, correction=0)
    deviation[deviation == 0] = 1  # a constant feature, such as a pixel that is always black
    is_real = torch.arange(len(features)) < len(real)
    discriminator = LogisticRegression(max_iter=1000).fit((features - mean) / deviation, is_real)
    log_odds = torch.from_numpy(discriminator.decision_function((at.double() - mean) / deviation))
    return log_odds.exp() * len(synthetic) / len(real)
