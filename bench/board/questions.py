"""The questions that the board answers: what a file of leaderboard/questions/ says, and the cells that it means.

A question is a claim that can be wrong. Its file names the cells that decide it, what is computed from them and what
the claim expects; `bench.board.answers` decides it from records.
"""

import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bench.cells.cell import Cell
from bench.cells.loops import LoopKind
from bench.cells.record import Record, Scores
from bench.cells.task import Task, TierName, task_names
from bench.errors import BadInput
from bench.executors.grid import Choices, plan_cells
from bench.files.limits import MOST_TASK_BYTES
from bench.files.untrusted import parse_toml, read_untrusted
from bench.files.validation import one_line, validate_strictly
from bench.methods.file import baseline_names

Statistic = Literal["last", "change", "trend", "late trend", "area"]
METRICS = tuple(name for name in Scores.model_fields if name != "kid_standard_error")
FEWEST_GENERATIONS: dict[Statistic, int] = {"last": 1, "change": 2, "trend": 2, "area": 2, "late trend": 3}
SeriesKey = tuple[Any, ...]


def _flowing(text: str) -> str:
    """Return a text without the line breaks of its file; an empty one is refused."""
    if not (words := text.split()):
        raise ValueError("a text is missing")
    return " ".join(words)


Text = Annotated[str, AfterValidator(_flowing)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Choices(_Part):
    """What can be chosen of both sides of a comparison; None for what the task's file says of tier and loop."""

    method: str | None = Field(default=None, description="a baseline, with parameters as on the command line")
    pool: str | None = None
    sampling_bias: float | None = None
    contamination: float | None = None
    generations: int | None = None
    n_initial: int | None = None
    n_real: int | None = None
    n_synthetic: int | None = None

    @field_validator("method")
    @classmethod
    def _is_a_baseline(cls, method: str | None) -> str | None:
        # A path would be a program that this file names and nobody has reviewed.
        if method is not None and (name := method.partition(":")[0]) not in baseline_names():
            raise ValueError(f"no method '{name}': there are {', '.join(baseline_names())}")
        return method


class CellsSpec(_Choices):
    """Cells that differ in nothing but their seed."""

    task: str
    tier: TierName
    generator: str
    loop: LoopKind
    method: str = "none"


class AgainstSpec(_Choices):
    """In what the cells that are compared with differ. Task and tier are the same: else nothing could be compared."""

    generator: str | None = None
    loop: LoopKind | None = None


class EvidenceSpec(_Part):
    """One number, and the side of a value on which the claim expects it.

    Attributes:
        label: what it shows, in words.
        cells: what the number is computed from, one value for each seed.
        against: if given, the number is the difference from these cells, paired by seed.
        statistic: of the metric's values over the generations: the last one (`last`), the last minus the first
            (`change`), the slope of a straight line over all of them (`trend`) or over those after the middle
            (`late trend`), or the area under them (trapezoids), divided by the number of steps (`area`).
        metric: the score's name in a record.
        log: whether the metric's natural logarithm is taken, so that the number is a ratio; for FID alone.
        above: the claim expects more than this: the difference, or the ratio where `log` is true.
        below: the claim expects less than this.
        margin: why the value is what it is, where it is not the one that says "no difference".
        decides: whether it enters the verdict; otherwise it is shown beside it.
    """

    label: Text
    cells: CellsSpec
    against: AgainstSpec | None = None
    statistic: Statistic
    metric: str
    log: bool = False
    above: float | None = None
    below: float | None = None
    margin: Text | None = None
    decides: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.metric not in METRICS:
            raise ValueError(f"metric is '{self.metric}': allowed are {', '.join(METRICS)}")
        if self.log and self.metric != "fid":
            raise ValueError(f"log is true and metric '{self.metric}': allowed is fid, a distance above 0")
        if (self.above is None) == (self.below is None):
            raise ValueError("allowed is one of above and below")
        if self.log and self.bound <= 0:
            raise ValueError(f"{self.side} is {self.bound:g}: allowed are numbers above 0, log makes it a ratio")
        if self.bound != self.no_difference and self.margin is None:
            raise ValueError(
                f"margin is missing: {self.side} is {self.bound:g} and not {self.no_difference:g}, say why"
            )
        return self

    @property
    def side(self) -> Literal["above", "below"]:
        """On which side of the bound the claim expects the number."""
        return "below" if self.above is None else "above"

    @property
    def bound(self) -> float:
        """The value that the number is held against."""
        value = self.below if self.above is None else self.above
        assert value is not None  # one of the two is given
        return value

    @property
    def no_difference(self) -> float:
        """The number where nothing changes and nothing differs."""
        return 1.0 if self.log else 0.0


class NotMeasurable(_Part):
    """What the claim also says and no cell can tell yet; it keeps the question undecided.

    Attributes:
        label: what is not measured, in words.
        missing: what would have to be there.
    """

    label: Text
    missing: Text


class _QuestionFile(_Part):
    title: Text = Field(description="the claim, as people say it")
    background: Text = Field(description="who says it and why it matters, with the source")
    decided: Text = Field(description="how it is decided, in plain words")
    combine: Literal["all", "any"] = Field(description="of the evidence: what the claim needs to be supported")
    evidence: tuple[EvidenceSpec, ...] = ()
    not_measurable: tuple[NotMeasurable, ...] = ()

    @model_validator(mode="after")
    def _decidable(self) -> Self:
        if not self.not_measurable and not any(item.decides for item in self.evidence):
            raise ValueError("evidence is missing: at least one item must decide")
        return self


@dataclass(frozen=True)
class Side:
    """The cells of one side of a comparison, and which of their records count.

    Attributes:
        spec: what the file says of them.
        cell: one of them, with seed 0.
        task: their task.
    """

    spec: CellsSpec
    cell: Cell
    task: Task

    def accepts(self, record: Record) -> bool:
        """Return whether a record of these cells is of the task's own data and of its own score, as both are now."""
        score, own = record.score, self.task.features
        conditions = (self.task.space_name(self.cell.tier), self.task.tiers[self.cell.tier].n_score, self.task.score.k)
        return (
            record.data.pinned
            and (score.features, score.n, score.k) == conditions
            and (own is None or score.features_sha256 == own.sha256)
        )

    def command(self, seeds: Sequence[int]) -> str:
        """Return the command line that runs the cells with these seeds, for a shell."""
        cell, loop = self.cell, self.cell.loop
        words = ["autophagy", "run", "--task", cell.task, "--tier", cell.tier, "--generator", cell.generator]
        words += ["--loop", loop.kind, "--method", self.spec.method, "--seeds", ",".join(str(seed) for seed in seeds)]
        for name in self._unusual:
            words += [f"--{name.replace('_', '-')}", str(getattr(loop, name))]
        return shlex.join(words)

    @property
    def text(self) -> str:
        """The cells in words: what sets them apart, and in what they differ from what is usual for the task."""
        cell, loop = self.cell, self.cell.loop
        words = [f"{cell.task} ({cell.tier})", cell.generator, loop.kind.replace("_", " "), cell.method.option]
        return ", ".join([*words, *(f"{name.replace('_', ' ')} {getattr(loop, name)}" for name in self._unusual)])

    @property
    def _unusual(self) -> list[str]:
        """The loop's parameters that are neither the plain loop's nor those of the task's file."""
        loop = self.cell.loop
        sizes = self.task.tiers[self.cell.tier].loops[loop.kind]
        usual = sizes.model_dump() | {"pool": "previous", "sampling_bias": 1.0, "contamination": None}
        found = [name for name, value in usual.items() if getattr(loop, name) != value]
        if loop.contamination is not None and loop.n_real + loop.n_synthetic == sizes.n_real + sizes.n_synthetic:
            found = [name for name in found if name not in ("n_real", "n_synthetic")]  # the share gives them
        return found


@dataclass(frozen=True)
class Evidence:
    """A number with the cells that it is computed from."""

    spec: EvidenceSpec
    cells: Side
    against: Side | None

    @property
    def sides(self) -> tuple[Side, ...]:
        """The cells, and those that they are compared with if there are any."""
        return (self.cells,) if self.against is None else (self.cells, self.against)


@dataclass(frozen=True)
class Question:
    """A claim, with what decides it.

    Attributes:
        key: the name of its file, without the ending.
        title: the claim.
        background: who says it and why it matters.
        decided: how it is decided, in plain words.
        combine: `all`: supported if all evidence that decides is, refuted if any of it is. `any`: the other way round.
        evidence: in the order of the file.
        not_measurable: what no cell can tell yet.
    """

    key: str
    title: str
    background: str
    decided: str
    combine: Literal["all", "any"]
    evidence: tuple[Evidence, ...]
    not_measurable: tuple[NotMeasurable, ...]


def series_key(cell: Cell) -> SeriesKey:
    """Return what cells have in common that differ in nothing but their seed."""
    method = cell.method
    params = json.dumps(method.params, sort_keys=True)
    return (cell.task, cell.task_version, cell.tier, cell.generator, cell.loop, method.name, method.sha256, params)


def load_questions(folder: Path) -> list[Question]:
    """Read every question of a folder, in the order of the files' names.

    Raises:
        BadInput: the folder is none, or a file breaks a rule; the message names file, key, value and what is allowed.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: not a folder of questions")
    side = cache(_side)  # many questions name the same cells
    return [_load_question(path, side) for path in sorted(folder.glob("*.toml"))]


def _load_question(path: Path, side: Callable[[CellsSpec], Side]) -> Question:
    if not re.fullmatch("[a-z0-9_]+", path.stem):
        raise BadInput(f"{path}: a question's file is named in lower case, digits and _, found '{path.stem}'")
    content = parse_toml(path, read_untrusted(path, MOST_TASK_BYTES))
    try:
        found = validate_strictly(_QuestionFile, content)
    except ValidationError as error:
        raise BadInput(f"{path}: {one_line(error)}") from error
    evidence = []
    for place, spec in enumerate(found.evidence):
        try:
            evidence.append(_resolve(spec, side))
        except BadInput as error:
            raise BadInput(f"{path}: evidence.{place}: {error}") from error
    return Question(
        key=path.stem,
        title=found.title,
        background=found.background,
        decided=found.decided,
        combine=found.combine,
        evidence=tuple(evidence),
        not_measurable=found.not_measurable,
    )


def _resolve(spec: EvidenceSpec, side: Callable[[CellsSpec], Side]) -> Evidence:
    """Return the evidence with its cells, each of them checked as those of a run are."""
    cells, against = side(spec.cells), None
    if spec.against is not None:
        against = side(spec.cells.model_copy(update=spec.against.model_dump(exclude_unset=True)))
        if series_key(against.cell) == series_key(cells.cell):
            raise BadInput("against: the same cells, nothing could differ")
    needed = FEWEST_GENERATIONS[spec.statistic]
    for each in filter(None, (cells, against)):
        if (found := each.cell.loop.generations) < needed:
            raise BadInput(f"statistic '{spec.statistic}' needs {needed} generations or more, found {found}")
    return Evidence(spec, cells, against)


def _side(spec: CellsSpec) -> Side:
    """Return the cells that a table of a question's file means."""
    if spec.task not in task_names():
        raise BadInput(f"cells.task = '{spec.task}': allowed are {', '.join(task_names())}")
    (planned,) = plan_cells(
        Choices(
            tasks=[spec.task],
            generators=[spec.generator],
            loops=[spec.loop],
            methods=[spec.method],
            sampling_biases=[1.0 if spec.sampling_bias is None else spec.sampling_bias],
            seeds=[0],
            tier=spec.tier,
            pool=spec.pool or "previous",
            protocol="scratch",
            contamination=spec.contamination,
            generations=spec.generations,
            n_initial=spec.n_initial,
            n_real=spec.n_real,
            n_synthetic=spec.n_synthetic,
        )
    )
    return Side(spec, planned.cell, planned.task)
