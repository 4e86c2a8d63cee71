"""SIMS: sample away from an auxiliary model that was fine-tuned on the model's own samples.

After each training an auxiliary model is fine-tuned on own samples; all images, those that are scored and those of the
pools, are then drawn with the score (1 + w) s_r - w s_s, s_r being the model's and s_s the auxiliary's.

Source: Alemohammad et al. 2024, "Self-Improving Diffusion Models with Synthetic Data" (arXiv 2408.16333), in which
theta_r is trained on real images and the size of the synthetic set, the training budget of the auxiliary model and w
are searched for by FID. Here they are fixed: the own samples are as many as enter a pool, the budget is a fifth of a
generation's, which is what a later paper of the authors (Neon, arXiv 2510.03597) is reported to count for SIMS, and w
is 1. The loop's sampling bias guides both models alike. G^1 is the same model for all methods, so the auxiliary model
is made from generation 2 on; the samples of G^1 are plain.

Needs: a DDPM. Costs: `budget` more training, the sampling of n_synthetic images, and twice the network evaluations of
every image after that; the auxiliary weights, as large as the model, as state. Loops: all.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from bench import Context, Extrapolation, Generator, ImageSet, Method, Pool, derive_seed


class SIMS(Method):
    """Sample with (1 + w) s_r - w s_s, s_s of a model fine-tuned on own samples (Alemohammad et al. 2024)."""

    generators: ClassVar[tuple[str, ...]] = ("ddpm",)

    weight: Annotated[float, Field(ge=0, description="w, how far to extrapolate")] = 1.0
    budget: Annotated[float, Field(gt=0, description="fine-tuning, as a share of the budget of a generation")] = 0.2

    def __init__(self) -> None:
        self._auxiliary: dict[str, Tensor] = {}

    def refine(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        n = ctx.loop.n_synthetic
        # Not the seeds of the images that are scored.
        seeds = [derive_seed(ctx.fit_seed, "sims", i) for i in range(n)]
        own = generator.sample(ctx.labels(n), seeds, ctx.loop.sampling_bias, ctx.progress)
        trained = generator.state_dict()
        generator.fit(
            own,
            seed=derive_seed(ctx.fit_seed, "sims"),
            from_scratch=False,
            checkpoint=ctx.checkpoint_of("sims"),
            progress=ctx.progress,
            budget=self.budget,
        )
        self._auxiliary = generator.state_dict()
        generator.load_state_dict(trained)

    def sample(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        if not self._auxiliary:
            return super().sample(generator, n, ctx)
        guidance = [1 / ctx.loop.sampling_bias - 1] * generator.guidance_steps
        away = Extrapolation(self._auxiliary, self.weight)
        return generator.sample_guided(ctx.labels(n), ctx.seeds(n), guidance, ctx.progress, away_from=away)

    def state_dict(self) -> dict[str, Tensor]:
        return self._auxiliary

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._auxiliary = dict(state)
