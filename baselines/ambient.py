"""Ambient: synthetic images are trained on at high noise alone, where they cannot be told from real ones.

Noise hides the ways in which bad images differ from good ones before it hides what they have in common. Real images
are trained on at all levels of the noise schedule; a synthetic one only above a level that rises with its generation:
what has gone through more models is trusted less.

Source: Daras et al. 2025, "Ambient Diffusion Omni: Training Good Models with Bad Data" (arXiv 2506.10038), which finds
the level of each image by a classifier of noisy images; and Rodriguez-Munoz et al. 2026, "Ambient Dataloops" (arXiv
2601.15417), which keeps the images of a loop from harm in this way. Differences: the level is fixed, `least` for the
images of generation 1 and `rise` more for each later one; an image is noised anew each time and not once, which has
the same optimum and needs no correction of the loss; a level counts for an image what it counts in the plain loss. The
default level is a guess, as the sources' are measured for each set.

Needs: a generator that takes a least noise (DDPM), pools with known real images: below `least` nothing is learned from
others. Costs: nothing. Loops: synthetic_augmentation, fresh_data.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from bench import BadInput, Context, Generator, LoopKind, Method, Pool, Setting


class Ambient(Method):
    """Train on synthetic images above a noise level alone (Daras et al. 2025)."""

    loops: ClassVar[tuple[LoopKind, ...]] = ("synthetic_augmentation", "fresh_data")
    generators: ClassVar[tuple[str, ...]] = ("ddpm",)

    least: Annotated[float, Field(ge=0, le=1, description="least noise of the images of generation 1")] = 0.4
    rise: Annotated[float, Field(ge=0, le=1, description="by how much it rises with each generation")] = 0.05

    def check(self, setting: Setting) -> None:
        if setting.loop.contamination is not None:
            raise BadInput("needs to know which images are real: choose a loop without --contamination")

    def fit(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        levels = (self.least + self.rise * (pool.origin - 1)).clamp(max=1)
        generator.fit(
            pool.data,
            seed=ctx.fit_seed,
            from_scratch=ctx.loop.protocol == "scratch",
            checkpoint=ctx.checkpoint,
            progress=ctx.progress,
            weights=pool.weights,
            least_noise=levels.where(~pool.real, 0.0),
        )
