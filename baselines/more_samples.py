"""More samples: every generation adds several times as many synthetic images to the pools.

A claim of the public debate: what is lost between generations is lost to small samples, so draw more of them. In the
loops with real images their share of the pool falls by as much.

Source: the public debate; the growth of n_s in the fresh-data loop is section 3.3 of Alemohammad et al. 2023
(arXiv 2307.01850). The training budget in images stays what it is, so every image is seen less often.

Needs: nothing. Costs: `factor` times the sampling of the pool's images and the disk for them. Loops: all.
"""

from typing import Annotated

from pydantic import Field

from bench import BadInput, Loop, Method, Setting


class MoreSamples(Method):
    """Add several times as many synthetic images to the pools in each generation."""

    factor: Annotated[int, Field(ge=1, description="how many times as many synthetic images")] = 4

    def check(self, setting: Setting) -> None:
        if setting.loop.contamination is not None:
            raise BadInput(
                f"needs a loop without contamination, found {setting.loop.contamination:g}: more synthetic images "
                "would change this share"
            )

    def n_synthetic(self, loop: Loop) -> int:
        return self.factor * loop.n_synthetic
