"""Oracle filter: provenance is known, and every synthetic image is dropped.

The limit of all detectors: the detector with a true-positive rate of 1 and a false-positive rate of 0. In a
contaminated loop it says what perfect detection (or a watermark that always holds) would be worth. The other images
are trained on for as long as the plain loop trains.

Where the loop tells its real images from the others, this is the control `real_only`.

Needs: real images in the pool. Costs: nothing. Loops: synthetic_augmentation, fresh_data.
"""

from bench import Context, Control, Pool, RunFailed


class OracleFilter(Control):
    """Drop every synthetic image, by its known origin: the limit of what detection can do."""

    loops = ("synthetic_augmentation", "fresh_data")

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        if not pool.n_real:
            raise RunFailed(f"the oracle filter found no real image in the pool of generation {ctx.generation}")
        return pool[pool.real]
