"""How OpenMP's threads wait for each other: a moment awake, and then asleep.

The threads of one process meet after each operation of a network. In GNU OpenMP, which torch brings on Linux, one that
waits spins for 3 ms: where other processes want the cores too, most of what they are given is spent like this.
"""

import os
from collections.abc import MutableMapping

# Of its settings these say how threads wait; who has set one knows why.
SETTINGS = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
SPINS = 3_000  # about 30 us; with two threads and nothing beside, a digits step took 1% longer than with 3 ms


def wait_asleep(environment: MutableMapping[str, str] = os.environ) -> None:
    """Have the threads of this process, and of those that it starts, sleep soon, unless the user says how they wait.

    OpenMP reads it once, when torch is loaded: later it holds for the processes that are started from here alone.
    """
    if not any(name in environment for name in SETTINGS):
        environment["GOMP_SPINCOUNT"] = str(SPINS)
