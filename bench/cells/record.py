"""The record of a finished cell: schema 3, written once, validated whenever it is read."""

import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import to_json

from bench.cells.cell import Cell
from bench.cells.data_identity import DataIdentity
from bench.cells.record_upgrades import upgraded
from bench.cells.retraining import LEAST_DRAWN, LEAST_FINETUNED, Retrained, Use, Uses, undeclared
from bench.errors import BadInput, first_line
from bench.files.hashing import canonical_sha256
from bench.files.limits import (
    MOST_GENERATIONS,
    MOST_RECORD_BYTES,
    Count,
    Distance,
    Duration,
    KernelError,
    KernelValue,
    Name,
    PositiveCount,
    Ratio,
    Sha256,
    Share,
    Text,
)
from bench.files.sealed import sealed_text
from bench.files.untrusted import read_untrusted_json
from bench.files.validation import one_line, shown


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Scores(_Part):
    """The scores of one set of images against the reference; None for what cannot be told.

    Attributes:
        fid: Frechet distance of the features, at least 0, lower is better.
        kid: unbiased kernel distance, 0 for equal distributions and negative by chance, lower is better.
        kid_standard_error: of kid, over draws of both sets.
        precision: share of generated images inside the reference's manifold, higher is better.
        recall: share of reference images inside the generated images' manifold, higher is better.
        density: reference balls that a generated image lies in, on average, divided by k; about 1 for equal
            distributions, higher is better.
        coverage: share of reference balls with a generated image in them, higher is better.
        authpct: percentage of images that are no copy of a training image, 0 to 100; compare with the floor's.
        training_distance_ratio: median distance to the nearest training image, divided by that of the reference; 1 is
            right, towards 0 are copies, far above 1 are images unlike the data.
        label_agreement: share of images that a classifier of the task gives the label they were generated for, higher
            is better: that of the feature space or, where it has none, a linear probe of its features; None where the
            task has no labels.
        class_imbalance: total variation distance of the classes that the classifier sees from the classes of the
            training images, 0 to 1, lower is better.
    """

    fid: Distance
    kid: KernelValue
    kid_standard_error: KernelError
    precision: Share
    recall: Share
    density: Ratio
    coverage: Share
    authpct: float | None = Field(default=None, ge=0, le=100)
    training_distance_ratio: Ratio | None = None
    label_agreement: Share | None = None
    class_imbalance: Share | None = None


class ProbeConditions(_Part):
    """The linear probe that label agreement and class imbalance were read with.

    Attributes:
        images: real training images that it has learned from.
        accuracy: share of the reference images that it labels right.
    """

    images: PositiveCount
    accuracy: Share


class ScoreConditions(_Part):
    """What the scores were measured in and against, with the real-against-real floor under the same conditions.

    Attributes:
        probe: what labels were read with where the feature space has no classifier of the task; None where it has one,
            and in records that have no label agreement.
    """

    features: Name
    features_sha256: Sha256
    resize: Text
    n: Annotated[Count, Field(ge=2)]
    k: PositiveCount
    reference_sha256: Sha256
    floor: Scores
    probe: ProbeConditions | None = None


class FurtherScores(_Part):
    """The scores of the same images in another feature space, one for each generation."""

    score: ScoreConditions
    generations: tuple[Scores, ...] = Field(max_length=MOST_GENERATIONS, fail_fast=True)


class Seconds(_Part):
    """Wall-clock seconds; not a function of the cell."""

    fit: Duration
    sample: Duration
    score: Duration


class Cost(_Part):
    """What a generation cost, counted by the engine.

    Attributes:
        images_trained: images that went through a training step.
        network_evaluations: forward passes of the network for one image, but for those of training.
        real_images: different real images that the generation was trained on or the method has read.
        method_state_bytes: size of what the method keeps for later generations.
        seconds: wall-clock time.
        peak_memory_bytes: of the process on a CPU, of the device on a GPU.
    """

    images_trained: Count
    network_evaluations: Count
    real_images: Count
    method_state_bytes: Count
    seconds: Seconds
    peak_memory_bytes: Count


class GenerationResult(_Part):
    """One generation: its scores, its cost, and the hash of the images that were scored.

    Attributes:
        score_features_read: whether the method has read features in the score's own space, and so could choose what
            the score rewards.
        spaces_read: the feature spaces that it has read features in, in alphabetical order.
        retrained: how the weights came about that the samples were drawn with; None in records of before, and where
            another generator drew them.
        drawn: share of the samples that the benchmark's generator drew, and not a model of the method's own; None in
            records of before.
        used: what the engine saw the method use beyond what the loop hands to everybody.
    """

    generation: PositiveCount
    scores: Scores
    cost: Cost
    samples_sha256: Sha256
    score_features_read: bool = False
    spaces_read: tuple[Name, ...] = Field(default=(), max_length=20, fail_fast=True)
    retrained: Retrained | None = None
    drawn: Share | None = None
    used: Uses = ()


class Environment(_Part):
    """What the cell ran on, and on which day (UTC) it was begun; not a function of the cell."""

    date: datetime.date | None = None
    package_version: Text
    git_commit: Text | None
    dirty: bool | None
    python: Text
    platform: Text
    torch: Text
    diffusers: Text
    device: Text
    driver: Text | None
    threads: Count
    bfloat16: bool
    compiled: bool
    deterministic: bool


class Record(_Part):
    """The result of a cell.

    Attributes:
        task_sha256: of the task file that the cell was run with; None where a record of schema 1 did not say.
        uses: what the method's class declares that it uses beyond what the loop hands to everybody; None in records of
            before.
    """

    schema_version: Literal[3] = 3
    cell_id: Sha256
    cell: Cell
    task_sha256: Sha256 | None
    uses: Uses | None = None
    score: ScoreConditions
    data: DataIdentity
    # Where one is wrong the others are not looked at: a million of them would take gigabytes of errors.
    generations: tuple[GenerationResult, ...] = Field(max_length=MOST_GENERATIONS, fail_fast=True)
    further_scores: tuple[FurtherScores, ...] = Field(default=(), max_length=20, fail_fast=True)
    environment: Environment

    @model_validator(mode="after")
    def _consistent(self) -> "Record":
        if self.cell_id != self.cell.id:
            raise ValueError(f"cell_id is {self.cell_id[:12]}..., the cell in the file has {self.cell.id[:12]}...")
        expected = list(range(1, self.cell.loop.generations + 1))
        if [g.generation for g in self.generations] != expected:
            raise ValueError(f"generations must be 1 to {self.cell.loop.generations} in their order")
        spaces = [self.score.features] + [further.score.features for further in self.further_scores]
        if len(set(spaces)) != len(spaces):
            raise ValueError(f"further_scores must be of feature spaces of their own, found {shown(spaces)}")
        if any(len(further.generations) != len(expected) for further in self.further_scores):
            raise ValueError(f"further_scores must have {len(expected)} generations")
        return self

    def in_each_space(self) -> list["Record"]:
        """Return one record for each feature space, the cell's own first, each with that space's scores alone."""
        views = [self.model_copy(update={"further_scores": ()})]
        for further in self.further_scores:
            generations = tuple(
                result.model_copy(update={"scores": scores})
                for result, scores in zip(self.generations, further.generations, strict=True)
            )
            views.append(views[0].model_copy(update={"score": further.score, "generations": generations}))
        return views

    @property
    def reuses_weights(self) -> bool | None:
        """Whether a generation's samples were drawn with weights of earlier ones; None where the record does not say.

        Where the protocol is finetune the plain loop goes on from them too: there it is reuse where less than half of
        the budget was trained in a generation, which keeps more of the weights than the protocol does. What another
        generator has drawn reuses none of this one's.
        """
        of_generator = [
            result for result in self.generations[1:] if result.drawn is None or result.drawn >= LEAST_DRAWN
        ]
        later = [result.retrained for result in of_generator]
        known = [each for each in later if each is not None]
        if len(known) < len(later):
            return None
        if self.cell.loop.protocol == "finetune":
            return any(each.kind == "not" or each.share < LEAST_FINETUNED for each in known)
        return any(each.kind != "from scratch" for each in known)

    @property
    def another_generator(self) -> bool | None:
        """Whether a generation's samples are not the benchmark's generator's; None where the record does not say."""
        known = [result.drawn for result in self.generations if result.drawn is not None]
        return any(share < LEAST_DRAWN for share in known) if len(known) == len(self.generations) else None

    @property
    def undeclared(self) -> tuple[Use, ...]:
        """What the engine saw the method use that its class does not declare."""
        return undeclared({use for result in self.generations for use in result.used}, self.uses or ())

    @property
    def verified_sha256(self) -> str:
        """The hash of what a reproduction verifies: the scores in the cell's own space, their conditions, and costs.

        It stays what it is when scores in other spaces are added, or the record is written in a later schema.
        """
        verified = {"cell_id", "score", "data", "generations"}
        return canonical_sha256(self.model_dump(mode="json", include=verified, exclude_defaults=True))

    def to_json(self) -> str:
        """Return the file's text: the record and, as `sha256`, the hash that shows when it was changed afterwards."""
        return sealed_text(self.model_dump(mode="json"))


def read_record(path: Path) -> Record:
    """Read and validate a record of the present schema or of an earlier one; the file stays as it is.

    Raises:
        BadInput: the file cannot be read, was changed after it was written, or breaks the schema.
    """
    content = read_untrusted_json(path, MOST_RECORD_BYTES)
    written_hash = content.pop("sha256", None)
    try:
        if written_hash != canonical_sha256(content):
            raise BadInput(f"{path}: its sha256 does not fit its content: the file was edited after it was written")
        # As `validate_strictly`, which would need a third more time: there may be thousands of records.
        return Record.model_validate_json(to_json(upgraded(content)), strict=True)
    except ValidationError as error:
        raise BadInput(f"{path}: not a valid record: {one_line(error)}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not a valid record: {first_line(error)}") from error
