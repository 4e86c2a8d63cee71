"""Detector: a detector of synthetic images with a given true- and false-positive rate filters the pool.

"Positive" is an image judged real. Each real image is kept with probability `tpr` and each synthetic image with
probability `fpr`, independently. The control says how good a detector must be to be worth using, whatever its design.
At tpr = fpr it judges by chance and the pool is thinned at random; at tpr = 1 and fpr = 0 it is the oracle filter.

A real detector's errors are not independent: it errs on images that look alike. That is left out here on purpose, so
that two numbers describe the detector.

Needs: real images in the pool; it is meant for contaminated loops. Costs: nothing.
Loops: synthetic_augmentation, fresh_data.
"""

from typing import Annotated

import torch
from pydantic import Field

from bench import Context, Control, Pool, RunFailed


class Detector(Control):
    """Filter the pool by a detector of synthetic images with set true- and false-positive rates."""

    loops = ("synthetic_augmentation", "fresh_data")
    tpr: Annotated[float, Field(ge=0, le=1, description="probability that a real image is judged real")] = 0.8
    fpr: Annotated[float, Field(ge=0, le=1, description="probability that a synthetic image is judged real")] = 0.2

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        probability = torch.where(pool.real, self.tpr, self.fpr)
        judged_real = torch.rand(len(pool), generator=ctx.random, dtype=torch.float64) < probability
        if not judged_real.any():
            raise RunFailed(
                f"the detector with tpr {self.tpr} and fpr {self.fpr} judged none of the {len(pool)} images of the "
                f"pool of generation {ctx.generation} real"
            )
        return pool[judged_real]
