"""Files that baselines had before: what a record is that was made with one, as a method is known by its file's hash.

`earlier_files.toml` beside the baselines lists them. The method does what it did, so the record is read and shown; it
is never one of the seeds of the present file's records, and once the present file has been run, that one counts.
"""

import datetime
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench import paths
from bench.cells.cell import Cell, MethodIdentity
from bench.errors import BadInput
from bench.files.limits import MOST_TASK_BYTES, MethodName, Sha256, Text
from bench.files.untrusted import parse_toml, read_untrusted
from bench.files.validation import one_line, validate_strictly

FILE = "earlier_files.toml"


@dataclass(frozen=True)
class EarlierFile:
    """A file that a baseline had before.

    Attributes:
        date: when it was changed.
        what: what has changed.
    """

    date: datetime.date
    what: str


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    date: datetime.date
    what: Annotated[Text, Field(min_length=1)]
    files: dict[MethodName, Sha256]


class _Changes(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    changes: tuple[_Change, ...]


def earlier_file(method: MethodIdentity) -> EarlierFile | None:
    """Return the file of a record's method where it is one that a baseline had before, None where it is not."""
    return _of_the_package().get((method.name, method.sha256))


def earlier_cells(cell: Cell) -> list[Cell]:
    """Return a cell of a baseline with each of the files that the baseline had before, the latest first."""
    hashes = [sha256 for name, sha256 in reversed(_of_the_package()) if name == cell.method.name]
    methods = [cell.method.model_copy(update={"sha256": sha256}) for sha256 in hashes]
    return [cell.model_copy(update={"method": method}) for method in methods]


def read_earlier_files(path: Path) -> dict[tuple[str, str], EarlierFile]:
    """Return the earlier files by name and hash, in the order of the file.

    Raises:
        BadInput: the file is malformed.
    """
    try:
        found = validate_strictly(_Changes, parse_toml(path, read_untrusted(path, MOST_TASK_BYTES)))
    except ValidationError as error:
        raise BadInput(f"{path}: {one_line(error)}") from error
    return {
        (name, sha256): EarlierFile(change.date, change.what)
        for change in found.changes
        for name, sha256 in change.files.items()
    }


@cache
def _of_the_package() -> dict[tuple[str, str], EarlierFile]:
    return read_earlier_files(paths.BASELINES / FILE)
