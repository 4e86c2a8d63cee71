"""What is chosen to run, as words and numbers that nobody has checked yet."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Choices:
    """What to run.

    A None stands for what the task file says of the tier and the loop, for all generators and loops that it has, and
    for all baselines, each in the settings that it is for.
    """

    tasks: Sequence[str]
    generators: Sequence[str] | None
    loops: Sequence[str] | None
    methods: Sequence[str] | None
    sampling_biases: Sequence[float]
    seeds: Sequence[int]
    tier: str
    pool: str
    protocol: str
    contamination: float | None = None
    generations: int | None = None
    n_initial: int | None = None
    n_real: int | None = None
    n_synthetic: int | None = None
