"""Random subset: only a random part of the synthetic images is trained on.

The control for every method that selects: it shows what fewer synthetic images do, whichever they are. The pool keeps
its real images and the share `keep` of the synthetic ones. In a contaminated loop no method can tell the two apart,
so there the subset is of the whole pool, and the origin is not used.

Needs: nothing. Costs: nothing. Loops: all.
"""

from typing import Annotated

import torch
from pydantic import Field

from bench import Context, Control, Pool


class RandomSubset(Control):
    """Keep a random share of the synthetic images: the control for selection."""

    keep: Annotated[float, Field(gt=0, le=1, description="share of the synthetic images that is kept")] = 0.5

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        known = pool.real if ctx.loop.contamination is None else torch.zeros(len(pool), dtype=torch.bool)
        open_to_choice = torch.nonzero(~known).flatten()
        size = max(1, round(self.keep * len(open_to_choice)))
        chosen = open_to_choice[torch.randperm(len(open_to_choice), generator=ctx.random)[:size]]
        return pool[torch.cat([torch.nonzero(known).flatten(), chosen]).sort().values]
