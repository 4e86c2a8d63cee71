"""What a file of leaderboard/questions/ says: a claim, the cells that decide it, and what it expects of them."""

import datetime
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from bench.cells.generator_settings import GENERATOR_SETTINGS
from bench.cells.loops import LoopKind
from bench.cells.record import Scores
from bench.cells.task import TierName
from bench.errors import choose
from bench.paths import baseline_names

Statistic = Literal["last", "change", "trend", "late trend", "area"]
METRICS = tuple(name for name in Scores.model_fields if name != "kid_standard_error")
FEWEST_GENERATIONS: dict[Statistic, int] = {"last": 1, "change": 2, "trend": 2, "area": 2, "late trend": 3}


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
            raise ValueError(f"no method '{name}': {choose(baseline_names(), name)}")
        return method


def _of_the_benchmark(name: str) -> str:
    # A path would be a program, as above.
    if name not in GENERATOR_SETTINGS:
        raise ValueError(f"no generator '{name}': {choose(GENERATOR_SETTINGS, name)}")
    return name


GeneratorName = Annotated[str, AfterValidator(_of_the_benchmark)]


class CellsSpec(_Choices):
    """Cells that differ in nothing but their seed."""

    task: str
    tier: TierName
    generator: GeneratorName
    loop: LoopKind
    method: str = "none"


class AgainstSpec(_Choices):
    """In what the cells that are compared with differ. Task and tier are the same: else nothing could be compared."""

    generator: GeneratorName | None = None
    loop: LoopKind | None = None


class EvidenceSpec(_Part):
    """One number, and the side of a value on which the claim expects it.

    Attributes:
        label: what it shows, in words.
        cells: what the number is computed from, one value for each seed.
        also_on: further tasks that the same is asked of, with the same bound; `{task}` in the label is its name.
        against: if given, the number is the difference from these cells, paired by seed.
        control: if given, the number compares two gains: of `cells` over this control, which differs from them in
            what is said here, and of `against` over `against_control`. It is (cells - control) - (against -
            against_control), paired by seed, a ratio of ratios where `log` is true.
        against_control: in what the control of `against` differs from it; given where `control` is, and only there.
        statistic: of the metric's values over the generations: the last one (`last`), the last minus the first
            (`change`), the slope of a straight line over all of them (`trend`) or over those after the middle
            (`late trend`), or the area under them (trapezoids), divided by the number of steps (`area`).
        metric: the score's name in a record.
        log: whether the metric's natural logarithm is taken, so that the number is a ratio; for FID alone.
        above: the claim expects more than this: the difference, or the ratio where `log` is true.
        below: the claim expects less than this.
        margin: why the value is what it is, where it is not the one that says "no difference".
        decides: whether it enters the verdict; otherwise it is shown beside it.
        helps: whether it says that a remedy helps, though it may not stop the decline; such an item decides nothing.
    """

    label: Text
    cells: CellsSpec
    also_on: tuple[str, ...] = ()
    against: AgainstSpec | None = None
    control: AgainstSpec | None = None
    against_control: AgainstSpec | None = None
    statistic: Statistic
    metric: str
    log: bool = False
    above: float | None = None
    below: float | None = None
    margin: Text | None = None
    decides: bool = True
    helps: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.also_on and "{task}" not in self.label:
            raise ValueError("also_on is given and label is the same for all tasks: write {task} in it")
        if len({self.cells.task, *self.also_on}) <= len(self.also_on):
            raise ValueError("also_on names a task twice, or that of cells")
        if self.metric not in METRICS:
            raise ValueError(f"metric is '{self.metric}': {choose(METRICS, self.metric)}")
        if self.log and self.metric != "fid":
            raise ValueError(f"log is true and metric '{self.metric}': choose fid, a distance above 0")
        if (self.control is None) != (self.against_control is None):
            raise ValueError("give both of control and against_control, or none: each side has its own")
        if self.control is not None and self.against is None:
            raise ValueError("against is missing: control and against_control compare two gains")
        if (self.above is None) == (self.below is None):
            raise ValueError("give one of above and below")
        if self.log and self.bound <= 0:
            raise ValueError(f"{self.side} is {self.bound:g}: choose a number above 0, log makes it a ratio")
        if self.helps and self.decides:
            raise ValueError("helps is true and decides too: write helps with decides = false")
        if self.bound != self.no_difference and self.margin is None:
            raise ValueError(
                f"margin is missing: {self.side} is {self.bound:g} and not {self.no_difference:g}, say why"
            )
        return self

    def on_each_task(self) -> Iterator["EvidenceSpec"]:
        """Yield the item of each task, that of `cells` first."""
        for task in (self.cells.task, *self.also_on):
            cells = self.cells.model_copy(update={"task": task})
            label = self.label.replace("{task}", task)
            yield self.model_copy(update={"cells": cells, "label": label, "also_on": ()})

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


class Since(_Part):
    """When the rule of a question was written down, for who asks whether it was fixed before the results.

    Attributes:
        date: of the commit.
        commit: the start of its hash.
    """

    date: datetime.date
    commit: str = Field(pattern="^[0-9a-f]{7,40}$")


class QuestionFile(_Part):
    """The content of a file."""

    title: Text = Field(description="the claim, as people say it")
    background: Text = Field(description="who says it and why it matters, with the source")
    decided: Text = Field(description="how it is decided, in plain words")
    combine: Literal["all", "any"] = Field(description="of the evidence: what the claim needs to be supported")
    since: Since = Field(description="since when the rule stands")
    evidence: tuple[EvidenceSpec, ...] = ()
    not_measurable: tuple[NotMeasurable, ...] = ()

    @model_validator(mode="after")
    def _decidable(self) -> Self:
        if not self.not_measurable and not any(item.decides for item in self.evidence):
            raise ValueError("evidence is missing: at least one item must decide")
        return self
