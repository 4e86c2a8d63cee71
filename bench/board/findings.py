"""What the literature found, beside what the records say to it: leaderboard/findings.toml.

A finding is asked as a question is, of the same cells with the same statistic; but its file names neither task nor
generator: each of its numbers is computed in every setting of the file in which its cells can be run, so that nobody
chooses the data set on which a finding holds.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.board.answer import ItemAnswer, Verdict
from bench.board.answers import Series, decide
from bench.board.question_file import CellsSpec, EvidenceSpec, Since, Text
from bench.board.questions import Evidence, Plan, Question, Side, resolve, sides
from bench.board.seed_statistics import FEWEST_SEEDS
from bench.cells.record import Record
from bench.errors import BadInput, choose
from bench.files.limits import MOST_TASK_BYTES
from bench.files.untrusted import parse_toml, read_untrusted
from bench.files.validation import one_line, validate_strictly

Part = Literal["paper", "methods"]
Word = Literal["agrees", "disagrees", "not shown", "not tested", "beside the claim"]
Run = tuple[str, str, str, str, str]  # task, tier, generator, loop and method
Kind = Literal["images", "points"]
KINDS = get_args(Kind)


class _Setting(BaseModel):
    """A task with a generator, as the page calls it, and what all of its cells have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text
    kind: Kind
    cells: dict[str, Any]


class _Number(BaseModel):
    """An item of evidence in any setting: what `EvidenceSpec` has, `cells` without what the setting says.

    Attributes:
        label: what would have to be.
        of: the kinds of setting that it is asked of, or settings by their names; of all where it is empty.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    label: Text
    of: tuple[str, ...] = ()
    cells: dict[str, Any]

    def spec(self, setting: _Setting) -> dict[str, Any]:
        """Return the item for one setting; what it says of its cells comes before what the setting says."""
        return {**(self.model_extra or {}), "label": self.label, "cells": {**setting.cells, **self.cells}}


class _Finding(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    part: Part
    name: Text = Field(description="what it is called; a method by its name")
    claim: Text = Field(description="what the source says, in a sentence")
    source: Text = Field(description="who says it, and of what")
    differs: Text = Field(description="what is different here")
    numbers: tuple[_Number, ...]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Since
    settings: tuple[_Setting, ...]
    findings: tuple[_Finding, ...]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for names in ([each.name for each in self.settings], [each.name for each in self.findings]):
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"the name '{min(twice)}' is there twice")
        known = {*KINDS, *(setting.name for setting in self.settings)}
        for number in (number for finding in self.findings for number in finding.numbers):
            if unknown := [name for name in number.of if name not in known]:
                raise ValueError(f"of is '{unknown[0]}': {choose(sorted(known), unknown[0])}")
        return self


@dataclass(frozen=True)
class Finding:
    """A finding with its numbers.

    Attributes:
        part: of the paper that named the disorder, or of the source of a method.
        question: with the claim as its title, the source as its background and what differs as how it is decided.
        settings: of each item of the question's evidence.
        labels: of all of its numbers, in the order of the file.
    """

    part: Part
    question: Question
    settings: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class FoundNumber:
    """What the records say to one number of a finding, in one setting.

    Attributes:
        setting: its name; empty where there is no record in any.
        label: what would have to be.
        item: what the records say; None where there are none.
    """

    setting: str
    label: str
    item: ItemAnswer | None

    @property
    def word(self) -> Word:
        """Whether it agrees: where the whole interval lies as the claim says; three seeds are the fewest."""
        if self.item is None or len(self.item.seeds) < FEWEST_SEEDS:
            return "not tested"
        return _WORDS[self.item.verdict] if self.item.decides else "beside the claim"


_WORDS: dict[Verdict, Word] = {"supported": "agrees", "refuted": "disagrees", "undecided": "not shown"}


def load_findings(path: Path, plan: Plan, run: Collection[Run] | None = None) -> list[Finding]:
    """Read the findings with the cells that they mean.

    Args:
        path: the file.
        plan: gives the cells of choices, as for `load_questions`.
        run: of which cells there are records; a number of others is left out, as planning cells takes long. None
            plans all.

    Raises:
        BadInput: the file breaks a rule, or a number cannot be computed in any setting; the message names file, key,
            value and what is allowed.
    """
    try:
        found = validate_strictly(_File, parse_toml(path, read_untrusted(path, MOST_TASK_BYTES)))
        side = sides(plan)
        return [_resolve(finding, found, side, run) for finding in found.findings]
    except ValidationError as error:
        raise BadInput(f"{path}: {one_line(error)}") from error
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def _resolve(
    finding: _Finding, file: _File, side: Callable[[CellsSpec], Side], run: Collection[Run] | None
) -> Finding:
    found = [
        each
        for place, number in enumerate(finding.numbers)
        for each in _in_each_setting(number, file.settings, side, run, f"{finding.name}: numbers.{place}")
    ]
    question = Question(
        key=finding.name,
        title=finding.claim,
        background=finding.source,
        decided=finding.differs,
        since=file.since,
        combine="all",
        evidence=tuple(evidence for _, evidence in found),
        not_measurable=(),
    )
    settings, labels = tuple(name for name, _ in found), tuple(number.label for number in finding.numbers)
    return Finding(finding.part, question, settings, labels)


def _in_each_setting(
    number: _Number,
    settings: Iterable[_Setting],
    side: Callable[[CellsSpec], Side],
    run: Collection[Run] | None,
    what: str,
) -> Iterator[tuple[str, Evidence]]:
    """Yield a number with each setting in which its cells can be run: not every method is for every generator."""
    why, possible = "there is no such setting", False
    for setting in settings:
        if number.of and not {setting.kind, setting.name} & set(number.of):
            continue
        try:
            spec = validate_strictly(EvidenceSpec, number.spec(setting))
        except ValidationError as error:
            raise BadInput(f"{what}: {one_line(error)}") from error
        cells = spec.cells
        if run is not None and (cells.task, cells.tier, cells.generator, cells.loop, _name(cells.method)) not in run:
            possible = True
            continue
        try:
            evidence = resolve(spec, side)
        except BadInput as error:
            why = str(error)
            continue
        possible = True
        yield setting.name, evidence
    if not possible:
        raise BadInput(f"{what}: no setting can have it: {why}")


def _name(method: str) -> str:
    """Return the name of a method that is given with its parameters."""
    return method.partition(":")[0]


def run_of(record: Record) -> Run:
    """Return of which cells a record is, in the words of `load_findings`."""
    cell = record.cell
    return (cell.task, cell.tier, cell.generator.name, cell.loop.kind, cell.method.name)


def look_up(finding: Finding, records: Series) -> list[FoundNumber]:
    """Return what the records say to a finding, in the order of its numbers: those of the settings with any record.

    A number for which there is no record in any setting comes once, without a setting.
    """
    answers = zip(finding.settings, decide(finding.question, records).items, strict=True)
    found = [FoundNumber(setting, item.label, item) for setting, item in answers if item.seeds]
    tested = {number.label for number in found}
    return found + [FoundNumber("", label, None) for label in finding.labels if label not in tested]
