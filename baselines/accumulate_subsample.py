"""Accumulate-subsample: all real and synthetic data is kept, but each model trains on a random part of fixed size.

Kazdan et al. 2024, "Collapse or Thrive? Perils and Promises of Synthetic Data in a Self-Generating World"
(arXiv 2410.16713). The part is as large as the pool of the plain loop with the policy `previous`, n_real + n_synthetic
images.

Needs: the pool policy `accumulated`. Costs: nothing but the disk for all synthetic images. Loops: all.
"""

import torch

from bench import BadInput, Context, Method, Pool, Setting


class AccumulateSubsample(Method):
    """A random subset, of the plain loop's size, of all real and synthetic images so far (Kazdan et al. 2024)."""

    def check(self, setting: Setting) -> None:
        if setting.loop.pool != "accumulated":
            raise BadInput(f"needs --pool accumulated, found {setting.loop.pool}")

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        size = ctx.loop.n_real + ctx.loop.n_synthetic
        return pool[torch.randperm(len(pool), generator=ctx.random)[:size]]
