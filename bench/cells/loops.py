"""The three self-consuming loops and their parameters (Alemohammad et al. 2023)."""

import re
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from bench.files.limits import MOST_GENERATIONS, Count, PositiveCount

LoopKind = Literal["fully_synthetic", "synthetic_augmentation", "fresh_data"]
LOOP_KINDS: tuple[LoopKind, ...] = get_args(LoopKind)
LOOP_SUMMARIES: dict[LoopKind, str] = {
    "fully_synthetic": "each generation trains on synthetic images alone",
    "synthetic_augmentation": "each generation trains on synthetic images and the same real images",
    "fresh_data": "each generation trains on synthetic images and real images that no generation has seen",
}

POOL = re.compile(r"^(previous|accumulated|last:[1-9][0-9]{0,8})$")
PoolPolicy = Annotated[str, StringConstraints(pattern=POOL.pattern)]
Protocol = Literal["scratch", "finetune"]


class Loop(BaseModel):
    """A loop with its parameters, in the paper's terms.

    Generation t trains on D^t: n_real real images and the synthetic images of the generations that the pool policy
    keeps, n_synthetic of each. G^1 trains on n_initial real images.

    With `contamination`, D^t is what is collected where real and synthetic images are mixed: of its n_real +
    n_synthetic images this share is synthetic, their order is random, and nobody is told which they are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: LoopKind
    n_real: Count
    n_synthetic: PositiveCount
    n_initial: PositiveCount
    pool: PoolPolicy
    sampling_bias: float = Field(gt=0, le=1, description="the paper's lambda; 1 is unbiased")
    generations: int = Field(ge=1, le=MOST_GENERATIONS)
    protocol: Protocol
    contamination: float | None = Field(
        default=None, gt=0, lt=1, description="share of the pool that is synthetic, where the loop does not say which"
    )

    @model_validator(mode="after")
    def _n_real_fits_kind(self) -> "Loop":
        if self.kind == "fully_synthetic" and self.n_real != 0:
            raise ValueError(f"n_real is {self.n_real}: the fully_synthetic loop uses no real images after G^1")
        if self.kind != "fully_synthetic" and self.n_real == 0:
            raise ValueError(f"n_real is 0: the {self.kind} loop needs at least 1 real image per generation")
        return self

    @model_validator(mode="after")
    def _sizes_fit_contamination(self) -> "Loop":
        if self.contamination is None:
            return self
        if self.kind == "fully_synthetic":
            raise ValueError(f"contamination is {self.contamination}: the fully_synthetic loop has no real images")
        if self.pool != "previous":
            raise ValueError(f"contamination is {self.contamination} and pool {self.pool}: choose pool previous")
        size = self.n_real + self.n_synthetic
        if self.n_synthetic != round(self.contamination * size):
            raise ValueError(
                f"contamination is {self.contamination} and n_synthetic {self.n_synthetic} of a pool of {size}: "
                f"must be {round(self.contamination * size)}"
            )
        return self

    def real_images_needed(self) -> int:
        """Return how many different real training images the loop uses from the first generation to the last."""
        if self.kind == "fresh_data":
            return self.n_initial + (self.generations - 1) * self.n_real
        return max(self.n_initial, self.n_real)

    def kept_generations(self, t: int) -> range:
        """Return the generations whose synthetic images generation t trains on."""
        if self.pool == "accumulated":
            return range(1, t)
        kept = 1 if self.pool == "previous" else int(re.sub(r"\D", "", self.pool))
        return range(max(1, t - kept), t)
