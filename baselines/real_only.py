"""Real images only at matched compute: the control that says what training again and again does by itself.

Needs: the loop's real images; in the fully synthetic loop, as a control, those of generation 1. Costs: as many
training images as the plain loop. Loops: all.

Every generation trains on real images alone, for the same number of training images as the plain loop. What still
changes from generation to generation is what another seed, and in the fresh-data loop another draw, changes.
"""

from bench import Context, Control, Pool


class RealOnly(Control):
    """Train every generation on real images alone, as long as the plain loop: the overtraining control."""

    uses = ("real images",)

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        if ctx.loop.kind == "fully_synthetic":
            return Pool.assemble(ctx.real, {})
        return pool[pool.real]
