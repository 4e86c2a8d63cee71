"""Source flag: the model is told which images are real, and draws as if all were.

Each image of the pool has, beside its label, the condition "real" or "synthetic". What both kinds have in common the
network learns from all of them; what sets them apart it learns with the condition, and all images, those that are
scored and those of the pools, are drawn under "real".

Source: "Conditional Augmentation with Synthetic Data" (CASD, openreview.net/forum?id=fZfl8xyfPU), which conditions on
the source of images that foundation models have made, and fixes it to the real domain in sampling; no loop is run
there. Here the condition is a learned row that is added to the embedding of time and label, zero for "real", and the
label alone is dropped for guidance. G^1 has seen real images only.

Needs: a generator with conditions (DDPM), pools with known real images. Costs: a row of weights.
Loops: synthetic_augmentation, fresh_data.
"""

from typing import ClassVar

from bench import BadInput, Context, Generator, LoopKind, Method, Pool, Setting

SYNTHETIC = 1  # 0 is real, and what is drawn


class SourceFlag(Method):
    """Train with the condition real or synthetic, draw under real (CASD, openreview fZfl8xyfPU)."""

    loops: ClassVar[tuple[LoopKind, ...]] = ("synthetic_augmentation", "fresh_data")
    generators: ClassVar[tuple[str, ...]] = ("ddpm",)

    def check(self, setting: Setting) -> None:
        if setting.loop.contamination is not None:
            raise BadInput("needs to know which images are real: choose a loop without --contamination")

    def fit(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        generator.fit(
            pool.data,
            seed=ctx.fit_seed,
            from_scratch=ctx.loop.protocol == "scratch",
            checkpoint=ctx.checkpoint,
            progress=ctx.progress,
            weights=pool.weights,
            conditions=(~pool.real).long() * SYNTHETIC,
        )
