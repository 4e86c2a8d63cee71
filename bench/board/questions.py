"""The questions that the board answers: what a file of leaderboard/questions/ says, and the cells that it means.

A question is a claim that can be wrong. Its file names the cells that decide it, what is computed from them and what
the claim expects; `bench.board.answers` decides it from records.
"""

import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import ValidationError

from bench.board.conditions import SETTINGS
from bench.board.question_file import FEWEST_GENERATIONS, CellsSpec, EvidenceSpec, NotMeasurable, QuestionFile, Since
from bench.cells.cell import Cell
from bench.cells.choices import Choices
from bench.cells.record import Record
from bench.cells.task import Task, task_names
from bench.errors import BadInput, choose
from bench.files.limits import MOST_TASK_BYTES
from bench.files.untrusted import parse_toml, read_untrusted
from bench.files.validation import one_line, validate_strictly

SeriesKey = tuple[Any, ...]
SIDES = ("cells", "against", "control", "against_control")


class Planned(Protocol):
    """A cell that `autophagy run` would run, with its task."""

    @property
    def cell(self) -> Cell:
        """The cell."""

    @property
    def task(self) -> Task:
        """The task that it names."""


Plan = Callable[[Choices], Sequence[Planned]]


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
        words = ["autophagy", "run", "--task", cell.task, "--tier", cell.tier, "--generator", cell.generator.name]
        words += ["--loop", loop.kind, "--method", self.spec.method, "--seeds", ",".join(str(seed) for seed in seeds)]
        for name in self._unusual:
            words += [f"--{name.replace('_', '-')}", str(getattr(loop, name))]
        return shlex.join(words)

    @property
    def text(self) -> str:
        """The cells in words: what sets them apart, and in what they differ from what is usual for the task."""
        cell, loop = self.cell, self.cell.loop
        words = [
            f"{cell.task} ({SETTINGS[cell.tier]})",
            cell.generator.name,
            loop.kind.replace("_", " "),
            cell.method.option,
        ]
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
    """A number with the cells that it is computed from.

    Attributes:
        spec: what the file says of it.
        sides: the first one, two or all four of `SIDES`.
    """

    spec: EvidenceSpec
    sides: tuple[Side, ...]

    @property
    def cells(self) -> Side:
        """The cells whose number it is."""
        return self.sides[0]


@dataclass(frozen=True)
class Question:
    """A claim, with what decides it.

    Attributes:
        key: the name of its file, without the ending.
        title: the claim.
        background: who says it and why it matters.
        decided: how it is decided, in plain words.
        since: when the rule was written down.
        combine: `all`: supported if all evidence that decides is, refuted if any of it is. `any`: the other way round.
        evidence: in the order of the file.
        not_measurable: what no cell can tell yet.
    """

    key: str
    title: str
    background: str
    decided: str
    since: Since
    combine: Literal["all", "any"]
    evidence: tuple[Evidence, ...]
    not_measurable: tuple[NotMeasurable, ...]


def series_key(cell: Cell) -> SeriesKey:
    """Return what cells have in common that differ in nothing but their seed."""
    method = cell.method
    params = json.dumps(method.params, sort_keys=True)
    return (cell.task, cell.task_version, cell.tier, cell.generator, cell.loop, method.name, method.sha256, params)


def load_questions(folder: Path, plan: Plan) -> list[Question]:
    """Read every question of a folder, in the order of the files' names.

    Args:
        folder: of the files.
        plan: gives the cells of choices, and raises BadInput where a choice is wrong: what `autophagy run` does. The
            board itself knows no methods.

    Raises:
        BadInput: the folder is none, or a file breaks a rule; the message names file, key, value and what is allowed.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: not a folder of questions")
    side = sides(plan)
    return [_load_question(path, side) for path in sorted(folder.glob("[!.]*.toml"))]


def _load_question(path: Path, side: Callable[[CellsSpec], Side]) -> Question:
    if not re.fullmatch("[a-z0-9_]+", path.stem):
        raise BadInput(f"{path}: a question's file is named in lower case, digits and _, found '{path.stem}'")
    content = parse_toml(path, read_untrusted(path, MOST_TASK_BYTES))
    try:
        found = validate_strictly(QuestionFile, content)
    except ValidationError as error:
        raise BadInput(f"{path}: {one_line(error)}") from error
    evidence = []
    for place, spec in enumerate(found.evidence):
        try:
            evidence += [resolve(each, side) for each in spec.on_each_task()]
        except BadInput as error:
            raise BadInput(f"{path}: evidence.{place}: {error}") from error
    return Question(
        key=path.stem,
        title=found.title,
        background=found.background,
        decided=found.decided,
        since=found.since,
        combine=found.combine,
        evidence=tuple(evidence),
        not_measurable=found.not_measurable,
    )


def sides(plan: Plan) -> Callable[[CellsSpec], Side]:
    """Return what finds the cells that a table means, each once: many questions name the same."""
    return cache(partial(_side, plan=plan))


def resolve(spec: EvidenceSpec, side: Callable[[CellsSpec], Side]) -> Evidence:
    """Return the evidence with its cells, each of them checked as those of a run are.

    Raises:
        BadInput: a choice is wrong, two sides are the same, or the cells have too few generations.
    """
    specs = {"cells": spec.cells}
    for name, of in (("against", "cells"), ("control", "cells"), ("against_control", "against")):
        if (differs := getattr(spec, name)) is not None:
            specs[name] = specs[of].model_copy(update=differs.model_dump(exclude_unset=True))
    found = {name: side(each) for name, each in specs.items()}
    keys = {name: series_key(each.cell) for name, each in found.items()}
    for name, other in (("against", "cells"), ("control", "cells"), ("against_control", "against")):
        if name in keys and keys[name] == keys[other]:
            raise BadInput(f"{name}: the same cells, nothing could differ")
    if "control" in keys and keys["control"] == keys["against_control"]:
        raise BadInput("against_control: the same cells as control, both drop out of the number")
    needed = FEWEST_GENERATIONS[spec.statistic]
    for each in found.values():
        if (generations := each.cell.loop.generations) < needed:
            raise BadInput(f"statistic '{spec.statistic}' needs {needed} generations or more, found {generations}")
    return Evidence(spec, tuple(found.values()))


def _side(spec: CellsSpec, plan: Plan) -> Side:
    """Return the cells that a table of a question's file means."""
    if spec.task not in task_names():
        raise BadInput(f"cells.task = '{spec.task}': {choose(task_names(), spec.task)}")
    (planned,) = plan(
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
