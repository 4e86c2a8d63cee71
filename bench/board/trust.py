"""How far each result can be trusted: who has found it again, and what is known against it.

A result is `reproduced` where somebody has run its cell again and found its scores, and `verified` where one of them
is named in maintainers.toml. Scoring the kept samples again does not raise the level: it says nothing of where the
samples are from. No file can say that who reproduces is not who has submitted; the review of the pull request sees to
it.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.cells.agreement import compare
from bench.cells.cell import Cell
from bench.cells.record import Record
from bench.cells.reproduction import Name, Reproduction, read_reproduction
from bench.errors import BadInput
from bench.files.limits import MOST_TASK_BYTES, Sha256, printable
from bench.files.untrusted import parse_toml, read_untrusted
from bench.files.validation import one_line, validate_strictly

Level = Literal["self-reported", "reproduced", "verified"]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class ResultWarning:
    """What is known against a result.

    Attributes:
        reason: in words.
        by: who says so.
        date: when it was said; None where it follows from a reproduction.
    """

    reason: str
    by: str
    date: datetime.date | None = None


@dataclass(frozen=True)
class Trust:
    """How far a result can be trusted.

    Attributes:
        level: by the reproductions.
        reproductions: of this record, in the order of their files.
        warnings: those that were written first, then those of reproductions that do not agree.
        passed_over: why a reproduction of this cell does not count, one sentence for each.
    """

    level: Level = "self-reported"
    reproductions: tuple[Reproduction, ...] = ()
    warnings: tuple[ResultWarning, ...] = ()
    passed_over: tuple[str, ...] = ()


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Maintainers(_Part):
    names: tuple[Name, ...]


class _MethodVersion(_Part):
    name: str
    sha256: Sha256


class _WarningFile(_Part):
    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(printable)]
    date: datetime.date
    by: Name
    cells: tuple[Sha256, ...] = ()
    method: _MethodVersion | None = None

    @model_validator(mode="after")
    def _about_something(self) -> "_WarningFile":
        if bool(self.cells) == (self.method is not None):
            raise ValueError("give one of cells = [ids] and method = { name, sha256 }: what the warning is about")
        return self

    def is_about(self, cell: Cell) -> bool:
        if self.method is not None:
            return (self.method.name, self.method.sha256) == (cell.method.name, cell.method.sha256)
        return cell.id in self.cells


def read_trust(leaderboard: Path, records: Iterable[Record]) -> dict[str, Trust]:
    """Return how far each record can be trusted, by its cell id.

    Reproductions and warnings of cells that are not among the records are left alone: the records may be somebody's
    own runs. A reproduction of another record of a cell (the cell was run anew since) does not count, and
    `passed_over` says so.

    Args:
        leaderboard: the folder with reproductions/, warnings/ and maintainers.toml, each of which may be missing.
        records: in their own feature space, one for each cell.

    Raises:
        BadInput: a file that is malformed, or a reproduction whose verdict does not follow from its numbers.
    """
    maintainers = _maintainers(leaderboard / "maintainers.toml")
    written = [
        _read(_WarningFile, path, _toml(path)) for path in sorted((leaderboard / "warnings").glob("[!.]*.toml"))
    ]
    reproductions: dict[str, list[tuple[Path, Reproduction]]] = defaultdict(list)
    for path in sorted((leaderboard / "reproductions").glob("[!.]*.json")):
        reproduction = read_reproduction(path)
        reproductions[reproduction.cell_id].append((path, reproduction))
    return {record.cell_id: _trust(record, reproductions[record.cell_id], written, maintainers) for record in records}


def _trust(
    record: Record,
    attempts: Sequence[tuple[Path, Reproduction]],
    written: Sequence[_WarningFile],
    maintainers: frozenset[str],
) -> Trust:
    counted, passed_over = [], []
    for path, reproduction in attempts:
        if reproduction.record_sha256 == record.verified_sha256:
            _check_verdict(path, record, reproduction)
            counted.append(reproduction)
        else:
            passed_over.append(
                f"{path.name} is of another record of this cell, sha256 {reproduction.record_sha256[:12]}..., not of "
                f"{record.verified_sha256[:12]}..."
            )
    warnings = [ResultWarning(known.reason, known.by, known.date) for known in written if known.is_about(record.cell)]
    warnings += [
        ResultWarning(f"a {attempt.mode} by {attempt.by} does not agree with the reported scores", attempt.by)
        for attempt in counted
        if not attempt.agrees
    ]
    found_by = {attempt.by for attempt in counted if attempt.agrees and attempt.mode == "rerun"}
    level: Level = "verified" if found_by & maintainers else "reproduced" if found_by else "self-reported"
    return Trust(level, tuple(counted), tuple(warnings), tuple(passed_over))


def _check_verdict(path: Path, record: Record, reproduction: Reproduction) -> None:
    """Raise BadInput where a reproduction says another thing than its numbers say by the tolerance in force."""
    if len(reproduction.found.generations) != len(record.generations):
        raise BadInput(f"{path}: has {len(reproduction.found.generations)} generations of {len(record.generations)}")
    agreement = compare(record, reproduction.found)
    follows = {"agrees": agreement.agrees, "kind": "identical" if agreement.identical else "statistical"}
    for key, value in follows.items():
        if (said := getattr(reproduction, key)) != value:
            raise BadInput(f"{path}: {key} is {said}, by its numbers and the record's it is {value}")


def _maintainers(path: Path) -> frozenset[str]:
    return frozenset(_read(_Maintainers, path, _toml(path)).names) if path.exists() else frozenset()


def _toml(path: Path) -> dict[str, Any]:
    return parse_toml(path, read_untrusted(path, MOST_TASK_BYTES))


def _read(model: type[Model], path: Path, content: dict[str, Any]) -> Model:
    try:
        return validate_strictly(model, content)
    except ValidationError as error:
        raise BadInput(f"{path}: {one_line(error)}") from error
