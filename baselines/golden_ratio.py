"""Golden-ratio weighting: the loss weighs the real part of the pool by w and the synthetic part by 1 - w.

With k = n_real / n_synthetic of the pool, w = (sqrt(k^2 + 4k) - k) / 2, and the loss is w times the mean over the real
images and 1 - w times the mean over the synthetic ones. For k = 1, w is the reciprocal of the golden ratio, 0.618.

Source: He, Xu & Cheng 2025 (arXiv 2502.18049), who derive it for the fresh-data loop whose pool is `previous`, in
Gaussian and regression problems. In the synthetic-augmentation loop, and where the pool keeps more than the previous
generation (n_synthetic then counts all synthetic images of the pool), the same formula is used though not derived.

Needs: a pool that tells which images are real. Costs: nothing. Loops: synthetic augmentation, fresh data.
"""

import math
from typing import ClassVar

import torch

from bench import BadInput, Context, LoopKind, Method, Pool, Setting


class GoldenRatio(Method):
    """Weigh the real part of the pool by w = (sqrt(k^2 + 4k) - k) / 2, k = n_r / n_s (He, Xu & Cheng 2025)."""

    loops: ClassVar[tuple[LoopKind, ...]] = ("synthetic_augmentation", "fresh_data")

    def check(self, setting: Setting) -> None:
        if setting.loop.contamination is not None:
            raise BadInput(
                f"needs a pool that tells which images are real, found contamination {setting.loop.contamination:g}"
            )

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        n_synthetic = len(pool) - pool.n_real
        k = pool.n_real / n_synthetic
        w = (math.sqrt(k**2 + 4 * k) - k) / 2
        return pool.weighted(torch.where(pool.real, w / pool.n_real, (1 - w) / n_synthetic))
