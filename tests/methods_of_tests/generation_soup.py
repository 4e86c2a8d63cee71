"""Generation soup: go on from the last generation's weights, and keep a share of them.

A method for the tests, to which the board must give the right mark: what it loses so little of is what it never gave
up. With decay=0 it is `none --protocol finetune` under another name.

Needs: a generator whose weights can be averaged. Costs: nothing. Loops: all.
"""

from typing import Annotated

from pydantic import Field

from bench import Context, Generator, Method, Pool


class GenerationSoup(Method):
    """Finetune, and average the weights with those of the generation before."""

    generators = ("ddpm", "stylegan")

    decay: Annotated[float, Field(ge=0, le=1, description="share of the old weights that is kept")] = 0.8
    rate: Annotated[float, Field(gt=0, description="learning rate, as a share of the task's")] = 1.0

    def fit(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        old = generator.state_dict()
        generator.fit(
            pool.data,
            seed=ctx.fit_seed,
            from_scratch=False,
            checkpoint=ctx.checkpoint,
            progress=ctx.progress,
            learning_rate=self.rate,
        )
        if self.decay == 0:
            return
        new = generator.state_dict()
        generator.load_state_dict(
            {
                name: self.decay * old[name] + (1 - self.decay) * value if value.is_floating_point() else value
                for name, value in new.items()
            }
        )
