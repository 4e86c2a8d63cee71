"""What the files of a run folder say: the cell, a finished generation, a model of generation 1."""

import socket
from itertools import takewhile
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.cells.cell import Cell
from bench.cells.record import GenerationResult
from bench.errors import BadInput, Damaged
from bench.files.limits import Sha256
from bench.files.sealed import read_sealed, write_sealed
from bench.files.validation import one_line, validate_strictly

FAILURE = "failure.json"
Stored = TypeVar("Stored", bound=BaseModel)
FileName = Annotated[str, Field(pattern=r"^[a-z_]+\.safetensors$")]


class Conditions(BaseModel):
    """What a run folder was started with besides the cell; a run may only go on with the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task_sha256: Sha256
    data_sha256: Sha256
    reference_sha256: Sha256


class StoredCell(BaseModel):
    """The content of cell.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cell_id: Sha256
    cell: Cell
    conditions: Conditions


class StoredGeneration(BaseModel):
    """The content of generation.json: the result, what it was made with, and the hashes of the files beside it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cell_id: Sha256
    conditions: Conditions
    result: GenerationResult
    files: dict[FileName, Sha256]


class TrainingCost(BaseModel):
    """What it took to train one generation: images that went through a training step, and seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: int
    seconds: float


class StoredModel(BaseModel):
    """The content of cost.json beside a cached model of generation 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    training: TrainingCost
    model_sha256: Sha256


def read_stored_cell(path: Path) -> StoredCell:
    """Return the cell whose run folder is at `path`, and what it was started with.

    Raises:
        Damaged: its cell.json is missing or damaged.
    """
    return validated(StoredCell, path / "cell.json")


def check_same(file: Path, wanted: StoredCell | StoredGeneration, found: StoredCell | StoredGeneration) -> None:
    """Raise BadInput where what was found in a file was started with something else than what is wanted."""
    if found.cell_id != wanted.cell_id:
        raise BadInput(f"{file}: is of another cell: remove its folder, or give another --runs folder")
    for key, value in wanted.conditions:
        if getattr(found.conditions, key) != value:
            raise BadInput(
                f"{file}: the run was started with another {key}: give another --runs folder, or remove "
                f"this one to start again"
            )


def validated(kind: type[Stored], file: Path) -> Stored:
    """Return the content of a JSON file of this kind; Damaged where it is none."""
    try:
        return validate_strictly(kind, read_sealed(file))
    except ValidationError as error:
        raise Damaged(file, one_line(error)) from error


def keep_failure(path: Path, reason: str) -> None:
    """Keep in a run folder why its cell has failed."""
    write_sealed(path / FAILURE, {"error": reason, "where": socket.gethostname()})


def last_step(path: Path, generations: int) -> tuple[int, int]:
    """Return how far a cell has come: finished generations, and when an unfinished fit was last saved, 0 for never."""
    saved = [file.stat().st_mtime_ns for file in path.glob("fit*.safetensors")]
    return n_finished(path, generations), max(saved, default=0)


def n_finished(path: Path, generations: int) -> int:
    """Return how many of so many generations are finished in a run folder, from the first on."""
    there = ((path / f"generation-{t:03d}" / "generation.json").exists() for t in range(1, generations + 1))
    return sum(takewhile(bool, there))
