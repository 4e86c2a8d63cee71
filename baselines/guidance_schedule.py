"""Guidance schedule (ReDiFine): classifier-free guidance decays exponentially in the course of the sampler's steps.

At the noisiest step the guidance weight is that of the loop's sampling bias, w_0 = 1 / lambda - 1; at step i of m it
is w_i = w_0 exp(-decay i / m). What is far from the data is guided, what is near to them is not.

Source: Yoon et al. 2024, "Model Collapse in the Self-Consuming Chain of Diffusion Finetuning" (arXiv 2407.17493), who
find the guidance scale to be what drives the collapse, and join a schedule of it to dropping the condition in
training. The latter is part of the DDPM here: every task sets a share of labels that is dropped. The exact schedule of
the source is not reproduced: the exponential, its rate (less than 1 % of the guidance is left at the end) and that
scored images and those of the pools are drawn alike are this benchmark's choice. Here the loop's own bias is what is
scheduled, so that the plain loop with the same bias is what to compare with.

Needs: a DDPM, labels, and a sampling bias below 1. Costs: nothing beyond the guidance that the bias asks for.
Loops: all.
"""

import math
from typing import Annotated, ClassVar

from pydantic import Field

from bench import BadInput, Context, Generator, ImageSet, Method, Setting


class GuidanceSchedule(Method):
    """Let the guidance of the sampling bias decay over the sampler's steps (ReDiFine, Yoon et al. 2024)."""

    uses = ("labels",)
    generators: ClassVar[tuple[str, ...]] = ("ddpm",)
    needs_labels: ClassVar[bool] = True

    decay: Annotated[float, Field(ge=0, description="exponent over all steps; 0 keeps the guidance")] = 5.0

    def check(self, setting: Setting) -> None:
        if setting.loop.sampling_bias == 1:
            raise BadInput("needs --sampling-bias below 1, found 1: without guidance there is nothing to schedule")

    def sample(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        first, steps = 1 / ctx.loop.sampling_bias - 1, generator.guidance_steps
        guidance = [first * math.exp(-self.decay * i / steps) for i in range(steps)]
        return generator.sample_guided(ctx.labels(n), ctx.seeds(n), guidance, ctx.progress)
