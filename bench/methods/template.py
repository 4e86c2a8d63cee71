"""My method: say in a sentence what it does, and where the idea comes from (authors, year, arXiv number).

Needs: images. Costs: nothing beyond the plain loop. Loops: all.

A method is one file with one class. Each hook below is one step of a generation, in the order in which the loop calls
them; a hook that is left out is that of the plain loop, so remove those that your idea does not change.
docs/interface.md has their full description. `autophagy check my_method.py` says whether the file keeps them:

- draw random numbers from `ctx.random`, or a torch.Generator seeded with `ctx.fit_seed`, never from a global state;
- keep what is learned in attributes of the instance, and return it from `state_dict`: a killed run is resumed;
- do not change the pool in place;
- read real images from `ctx.real` alone. In the fully synthetic loop there are none after generation 1;
- say in `uses` what the method may know that the loop does not hand to every method. It is shown beside the entry.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from bench import Context, Generator, ImageSet, Method, Pool


class MyMethod(Method):
    """Train on the synthetic images whose contrast is nearest to that of the real images of generation 1."""

    # Where the method can run. Others that can be said: loops, generators ("ddpm",), needs_labels.
    needs_images = True

    # What it may know: "real statistics", "real images" (kept), "stronger model", "labels"; without it, nothing.
    uses = ("real statistics",)

    # A parameter: an annotated attribute with a default, given as my_method.py:keep=0.8.
    keep: Annotated[float, Field(gt=0, le=1, description="share of the synthetic images that is kept")] = 0.5

    _contrast: Tensor  # with an underscore it is no parameter

    def prepare(self, generator: Generator, ctx: Context) -> None:
        """Generation 1: learn from G^1 and from the real images that it was trained on."""
        self._contrast = _contrast(ctx.real).mean()

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        """From generation 2 on: choose what the generation trains on (pool.weighted weighs it in the loss).

        `pool.real` says which images are real; in a contaminated loop it knows of none.
        """
        distance = (_contrast(pool.data) - self._contrast).abs()
        distance[pool.real] = -1  # the nearest of all: real images stay
        n_kept = pool.n_real + max(1, round(self.keep * (len(pool) - pool.n_real)))
        return pool[distance.argsort(stable=True)[:n_kept]]

    def fit(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        """From generation 2 on: train the generator on the curated pool."""
        super().fit(generator, pool, ctx)

    def refine(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        """From generation 2 on: change the trained generator."""

    def sample(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        """In every generation: draw n images of the model. They are scored."""
        return super().sample(generator, n, ctx)

    # Without `synthesize`, the images that are scored enter the next pool too. Add it where these should be others:
    #
    #     def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:

    def state_dict(self) -> dict[str, Tensor]:
        """After every generation: return all that was learned and is needed again, as tensors."""
        return {"contrast": self._contrast}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """In a resumed run: put it in place."""
        self._contrast = state["contrast"]


def _contrast(images: ImageSet) -> Tensor:
    """Return the standard deviation of each image's pixels, float32 (n,)."""
    return torch.std(images.images.float().flatten(1), dim=1)
