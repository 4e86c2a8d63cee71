"""Real images only: the synthetic part of every pool is left out, the control of the loops that have real images.

Every generation trains on the loop's real images alone, for the same number of training images as the plain loop. What
still changes from generation to generation is what training again, with another seed, changes by itself.
"""

from bench.errors import BadInput
from bench.loops import Loop
from bench.method import Context, Method
from bench.pool import Pool


class RealOnly(Method):
    """Train every generation on the real images of its pool alone: the control."""

    def check(self, loop: Loop) -> None:
        if loop.kind == "fully_synthetic":
            raise BadInput("method real_only needs real images: allowed are synthetic_augmentation and fresh_data")

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        return pool[pool.origin == 0]
