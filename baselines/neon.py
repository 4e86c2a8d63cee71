"""Neon: fine-tune the model briefly on its own samples, then extrapolate its weights away from where they went.

With theta_r the trained weights and theta_s those after fine-tuning on own samples, the model becomes
theta = (1 + w) theta_r - w theta_s, and stays it: it is scored, and it makes the images of the pools.

Source: Alemohammad et al. 2025, "Neon: Negative Extrapolation from Self-Training Improves Image Generation" (arXiv
2510.03597). Their script for conditional EDM on CIFAR-10 fine-tunes on 6,000 own samples for 6 million images, 3 % of
the 200 million of EDM's training, at a learning rate of 1e-4, a tenth of it, and looks for the best w between 0 and 2:
hence budget, rate and, from the middle, weight. Here the own samples are as many as enter a pool, and w is fixed:
the source's search uses the metric itself. The weights are the moving averages, which is all that a generator keeps.
G^1 is the same model for all methods, so Neon acts from generation 2 on.

Needs: a DDPM, or a generator from a file. Costs: `budget` more training and the sampling of n_synthetic images.
Loops: all.
"""

from typing import Annotated

from pydantic import Field

from bench import BadInput, Context, Generator, Method, Pool, Setting, derive_seed


class Neon(Method):
    """Extrapolate the weights away from those that fine-tuning on own samples gives (Alemohammad et al. 2025)."""

    weight: Annotated[float, Field(ge=0, description="w, how far to extrapolate")] = 1.0
    budget: Annotated[float, Field(gt=0, description="fine-tuning, as a share of the budget of a generation")] = 0.03
    rate: Annotated[float, Field(gt=0, description="learning rate, as a share of the task's")] = 0.1

    def check(self, setting: Setting) -> None:
        if setting.generator in ("stylegan", "gaussian"):
            raise BadInput(f"is not for {setting.generator}: allowed are ddpm, and generators from files")

    def refine(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        n = ctx.loop.n_synthetic
        # Not the seeds of the images that are scored.
        seeds = [derive_seed(ctx.fit_seed, "neon", i) for i in range(n)]
        own = generator.sample(ctx.labels(n), seeds, ctx.loop.sampling_bias, ctx.progress)
        trained = generator.state_dict()
        generator.fit(
            own,
            seed=derive_seed(ctx.fit_seed, "neon"),
            from_scratch=False,
            checkpoint=ctx.checkpoint_of("neon"),
            progress=ctx.progress,
            budget=self.budget,
            learning_rate=self.rate,
        )
        tuned = generator.state_dict()
        generator.load_state_dict(
            {
                name: (1 + self.weight) * value - self.weight * tuned[name] if value.is_floating_point() else value
                for name, value in trained.items()
            }
        )
