"""Whether what was found agrees with what a record reports: the stated tolerance, in one place.

docs/verifying.md says in words what is allowed here and which measurements it rests on.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, model_serializer

from bench.cells.record import Cost, Environment, GenerationResult, Record, Scores
from bench.files.limits import Sha256

SCORES = tuple(Scores.model_fields)
COUNTS = ("images_trained", "network_evaluations", "real_images", "method_state_bytes")
_SHARES = ("precision", "recall", "coverage", "label_agreement", "class_imbalance")
_ROUNDING = 1e-12  # two shares that are two images apart differ by 2/n only to rounding
FLOOR = 0  # stands for the generation of the scores of real images
# When, and which benchmark it was; the rest of an environment is the machine and the versions of what it stands on.
_BENCHMARK = ("date", "package_version", "git_commit", "dirty")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Bound(_Part):
    """How far a number may be from the one that was found: the largest of these."""

    absolute: float = Field(default=0, ge=0)
    relative: float = Field(default=0, ge=0, description="share of the number that was found")
    standard_errors: float = Field(default=0, ge=0, description="of the number that was found, where it has one")

    @model_serializer
    def _those_that_allow(self) -> dict[str, float]:
        return {name: value for name, value in vars(self).items() if value}

    def allowed(self, found: float, standard_error: float = 0) -> float:
        """Return the largest difference that is allowed."""
        return max(self.absolute, self.relative * abs(found), self.standard_errors * standard_error)


class Tolerance(_Part):
    """What is allowed, in numbers.

    Attributes:
        same_samples: of each score, where the samples are the same bits.
        other_samples: of each score, where they are not.
        counts: of the counted costs, where the samples are not the same; otherwise they must be equal.
    """

    same_samples: dict[str, Bound]
    other_samples: dict[str, Bound]
    counts: Bound


class FoundGeneration(_Part):
    """One generation as it was found; cost and score_features_read are None where only its samples were scored."""

    generation: int = Field(ge=1)
    scores: Scores
    samples_sha256: Sha256
    cost: Cost | None = None
    score_features_read: bool | None = None

    @classmethod
    def of(cls, result: GenerationResult) -> "FoundGeneration":
        """Return a generation that was run again."""
        return cls.model_validate(result.model_dump(include=set(cls.model_fields)))


class Finding(_Part):
    """What was found when a cell was run again, or its samples scored again.

    Attributes:
        floor: the scores of real images.
        generations: from the first to the last.
        environment: what it was found on.
    """

    floor: Scores
    generations: tuple[FoundGeneration, ...]
    environment: Environment


@dataclass(frozen=True)
class Compared:
    """One number of the record beside the one that was found; None for a number that cannot be told.

    Attributes:
        generation: FLOOR for the scores of real images.
        name: of the score or the cost.
        allowed: the largest difference that agrees.
    """

    generation: int
    name: str
    reported: float | None
    found: float | None
    allowed: float

    @property
    def difference(self) -> float | None:
        """Found less reported; None where one of them cannot be told."""
        return None if self.reported is None or self.found is None else self.found - self.reported

    @property
    def agrees(self) -> bool:
        """Whether the difference is allowed; a number that only one side has never is."""
        if self.difference is None:
            return self.reported == self.found
        return abs(self.difference) <= self.allowed + _ROUNDING


@dataclass(frozen=True)
class Agreement:
    """The whole comparison.

    Attributes:
        same_samples: for each generation, whether its samples are the same bits.
        compared: the scores and costs of all generations, then the floor.
        tolerance: what was allowed.
        same_environment: whether the finding is from a machine of the same kind, with the same versions.
        rescored: whether only the samples were scored again; then they must be those of the record.
    """

    same_samples: tuple[bool, ...]
    compared: tuple[Compared, ...]
    tolerance: Tolerance
    same_environment: bool
    rescored: bool

    @property
    def identical(self) -> bool:
        """Whether the samples of all generations are the same bits."""
        return all(self.same_samples)

    @property
    def differing(self) -> tuple[Compared, ...]:
        """The numbers that are further apart than is allowed."""
        return tuple(compared for compared in self.compared if not compared.agrees)

    @property
    def agrees(self) -> bool:
        """Whether all numbers agree, and the samples where it must be these."""
        return not self.differing and (self.identical or not self.rescored)


def tolerance(n: int, same_environment: bool) -> Tolerance:
    """Return what is allowed.

    - Same samples, same environment: rounding, a millionth of the score.
    - Same samples, another device or version: a thousandth, as the features are not the same bits; of shares, and of
      density, two images, which may change sides.
    - Other samples: what another stream of random numbers in training moves, as a GPU has another than a CPU, and what
      n images leave to chance. FID a quarter; shares .05 and 2 / sqrt(n), which is nearly three standard errors of the
      difference of two shares of n images.
    - Counted costs are equal where the samples are. Otherwise a quarter: some methods choose images, and train on, or
      draw, as many as their choice gives.

    Args:
        n: how many images of each generation are scored.
        same_environment: whether both sides ran on the same kind of machine with the same versions.
    """
    if same_environment:
        same_samples = dict.fromkeys(SCORES, Bound(relative=1e-6))
    else:
        same_samples = dict.fromkeys(SCORES, Bound(relative=1e-3)) | {
            "kid": Bound(relative=1e-3, standard_errors=0.01),
            **dict.fromkeys(_SHARES, Bound(absolute=2 / n)),
            "density": Bound(absolute=2 / n, relative=1e-3),
            "authpct": Bound(absolute=100 * 2 / n),
        }
    chance = 0.05 + 2 / math.sqrt(n)
    other_samples = {
        "fid": Bound(relative=0.25),
        "kid": Bound(relative=0.4, standard_errors=3),
        "kid_standard_error": Bound(relative=0.5),
        **dict.fromkeys(_SHARES, Bound(absolute=chance)),
        "density": Bound(absolute=chance, relative=0.3),
        "authpct": Bound(absolute=100 * chance),
        "training_distance_ratio": Bound(relative=0.25),
    }
    return Tolerance(same_samples=same_samples, other_samples=other_samples, counts=Bound(relative=0.25))


def same_environment(one: Environment, other: Environment) -> bool:
    """Return whether two environments are the same but for the version of the benchmark."""
    return one.model_dump(exclude=set(_BENCHMARK)) == other.model_dump(exclude=set(_BENCHMARK))


def compare(record: Record, finding: Finding) -> Agreement:
    """Hold what was found against what a record reports, in the record's own feature space.

    Raises:
        ValueError: the finding has another number of generations.
    """
    same = same_environment(record.environment, finding.environment)
    allowed = tolerance(record.score.n, same)
    compared: list[Compared] = []
    same_samples: list[bool] = []
    for reported, found in zip(record.generations, finding.generations, strict=True):
        same_samples.append(reported.samples_sha256 == found.samples_sha256)
        bounds = allowed.same_samples if same_samples[-1] else allowed.other_samples
        compared += _scores(reported.generation, reported.scores, found.scores, bounds)
        compared += _costs(reported, found, allowed.counts, exact=all(same_samples))
    compared += _scores(FLOOR, record.score.floor, finding.floor, allowed.same_samples)
    rescored = all(found.cost is None for found in finding.generations)
    return Agreement(tuple(same_samples), tuple(compared), allowed, same, rescored)


def _scores(generation: int, reported: Scores, found: Scores, bounds: Mapping[str, Bound]) -> Iterator[Compared]:
    for name in SCORES:
        here, there = getattr(reported, name), getattr(found, name)
        error = found.kid_standard_error if name == "kid" else 0
        allowed = 0 if there is None else bounds[name].allowed(there, error)
        yield Compared(generation, name, here, there, allowed)


def _costs(reported: GenerationResult, found: FoundGeneration, bound: Bound, exact: bool) -> Iterator[Compared]:
    """Compare what was counted; some methods train on, or draw, as many images as their choice among them gives."""
    if found.cost is not None:
        for name in COUNTS:
            here, there = getattr(reported.cost, name), getattr(found.cost, name)
            yield Compared(reported.generation, name, here, there, 0 if exact else bound.allowed(there))
    if found.score_features_read is not None:
        name = "score_features_read"
        yield Compared(reported.generation, name, reported.score_features_read, found.score_features_read, 0)
