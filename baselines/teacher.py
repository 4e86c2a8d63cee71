"""Teacher: every generation is given the samples of one stronger fixed model, and never its own (distillation).

A claim of the public debate: models that are trained on the outputs of a better model do not collapse. The teacher is
the task's generator, trained on the real images of generation 1 with `compute` times the budget of a generation. The
images that enter the pools are the teacher's; what is scored is the student.

Source: the public debate; the rule is ours. The teacher is stronger by training time alone: its size is the student's,
because a task has one network. It samples with the loop's sampling bias, as the student would.

Needs: a generator with a budget of training. Costs: `compute` trainings in generation 1, and in every generation the
teacher's samples beside the student's; the teacher's weights are kept as state. Loops: all.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from torch import Tensor

from bench import BadInput, Context, Generator, ImageSet, Method, Setting, derive_seed


class Teacher(Method):
    """Train every generation on samples of one stronger model, trained longer on the real images (distillation)."""

    uses = ("real statistics", "stronger model")
    compute: Annotated[float, Field(gt=0, description="training of the teacher, in budgets of a generation")] = 4.0

    def __init__(self) -> None:
        self._weights: dict[str, Tensor] = {}

    def check(self, setting: Setting) -> None:
        if setting.generator == "gaussian":
            raise BadInput(
                "is not for gaussian, which has no budget: allowed are ddpm, stylegan, and those from files"
            )

    def prepare(self, generator: Generator, ctx: Context) -> None:
        own = generator.state_dict()
        generator.fit(
            ctx.real,
            seed=derive_seed(ctx.fit_seed, "teacher"),
            from_scratch=True,
            checkpoint=ctx.checkpoint_of("teacher"),
            progress=ctx.progress,
            budget=self.compute,
        )
        self._weights = generator.state_dict()
        generator.load_state_dict(own)

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        own = generator.state_dict()
        generator.load_state_dict(self._weights)
        images = self.sample(generator, n, ctx)
        generator.load_state_dict(own)
        return images

    def state_dict(self) -> dict[str, Tensor]:
        return self._weights

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._weights = dict(state)
