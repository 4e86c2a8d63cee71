"""Biased pool: the sampling bias acts on what enters the pools, and the score is that of the model without it.

Alemohammad et al. 2023 measure their Gaussian loop by the distance of the model itself, G^t, from the real data. The
plain loop's score with a bias is that of biased samples: what the bias has made of the models, and what it does to the
sampler, in one number.

Needs: a sampling bias below 1. Costs: the samples of the pool beside those that are scored. Loops: all.
"""

from dataclasses import replace

from bench import Context, Control, Generator, ImageSet


class BiasedPool(Control):
    """The plain loop, scored without sampling bias: what the bias makes of the models (Alemohammad et al. 2023)."""

    def sample(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        unbiased = ctx.loop.model_copy(update={"sampling_bias": 1.0})
        return super().sample(generator, n, replace(ctx, loop=unbiased))

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        return super().sample(generator, n, ctx)
