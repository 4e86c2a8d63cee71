"""Frozen: the model of generation 1, for ever.

Nothing is trained after generation 1, so nothing can be lost: what changes from generation to generation are the
samples. A method that keeps weights of earlier generations, and does not beat this line, has shown that it forgets
the loop, and not that it learns from it.

Needs: nothing. Costs: no training after generation 1. Loops: all.
"""

from bench import Context, Control, Generator, Pool


class Frozen(Control):
    """Do not retrain: the model of generation 1 in every generation, the line for what keeps old weights."""

    def fit(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        """Leave the weights as they are."""
