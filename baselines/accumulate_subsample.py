"""Accumulate-subsample: all real and synthetic data is kept, but each model trains on a random part of fixed size.

Kazdan et al. 2024, "Collapse or Thrive? Perils and Promises of Synthetic Data in a Self-Generating World"
(arXiv 2410.16713). It runs with the pool policy `accumulated`; the part is as large as the pool of the plain loop
with the policy `previous`, n_real + n_synthetic images, so the method costs the same.
"""

import torch

from bench.errors import BadInput
from bench.loops import Loop
from bench.method import Context, Method
from bench.pool import Pool


class AccumulateSubsample(Method):
    """A random subset, of the plain loop's size, of all real and synthetic images so far (Kazdan et al. 2024)."""

    def check(self, loop: Loop) -> None:
        if loop.pool != "accumulated":
            raise BadInput(f"method accumulate_subsample needs --pool accumulated, found {loop.pool}")

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        size = ctx.loop.n_real + ctx.loop.n_synthetic
        return pool[torch.randperm(len(pool), generator=ctx.random)[:size]]
