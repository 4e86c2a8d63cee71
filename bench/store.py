"""Run folders: what is kept of a cell while it runs, so that a killed run goes on where it was.

- `RUNS/g1/KEY/`: models of generation 1, shared by the loops and methods of a seed.
- `RUNS/cells/SLUG/cell.json`: the cell, and what it was started with. Beside it:
- `generation-001/`: samples, model, method state; generation.json comes last, then the generation is finished.
- `fit.safetensors`: the state of an unfinished fit; `fit-PURPOSE.safetensors`, of one that a method asked for.
- `strip.png`: the collapse strip so far.
- `record.json`: the result; then the cell is finished.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from bench.atomic import make_folder, write_bytes, write_tensors, write_text
from bench.cell import Cell
from bench.data.image_set import ImageSet
from bench.errors import BadInput, first_line
from bench.hashing import file_sha256
from bench.record import GenerationResult, Record, read_record
from bench.task import Sha256
from bench.validation import one_line, validate_strictly

CHECKPOINT_SECONDS = 15.0


class Conditions(BaseModel):
    """What a run folder was started with besides the cell; a run may only go on with the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task_sha256: Sha256
    data_sha256: Sha256
    reference_sha256: Sha256


def read_conditions(path: Path, cell: Cell) -> Conditions:
    """Return what the run folder at `path` was started with.

    Raises:
        BadInput: its cell.json is damaged, or is of another cell.
    """
    file = path / "cell.json"
    content = _read_json(file, "remove it, and the command that started the cell writes it again")
    found = {key: content.pop(key, None) for key in ("cell_id", "cell")}
    if found != {"cell_id": cell.id, "cell": cell.model_dump(mode="json")}:
        raise BadInput(f"{file}: is not of the cell that record.json beside it is of")
    try:
        return validate_strictly(Conditions, content)
    except ValidationError as error:
        raise BadInput(f"{file}: {one_line(error)}") from error


class StoredGeneration(BaseModel):
    """The content of generation.json: the result, and the hashes of the files that stand beside it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    result: GenerationResult
    files: dict[str, Sha256]


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


class FitCheckpoint:
    """The state of an unfinished fit in one file, replaced from time to time.

    Attributes:
        earlier_seconds: what the fit had taken when the state that `load` returned was saved.
    """

    def __init__(self, path: Path, key: str) -> None:
        """Use `path`; a state found there counts only if it was saved under the same key, the identity of the fit."""
        self._path = path
        self._key = key
        self._started = self._saved_at = time.monotonic()
        self.earlier_seconds = 0.0

    def load(self) -> dict[str, Tensor] | None:
        """Return the saved state, or None where there is none of this fit."""
        if not self._path.exists():
            return None
        try:
            with safe_open(self._path, "pt") as file:
                metadata = file.metadata()
            if metadata["key"] != self._key:
                return None
            state = load_file(self._path)
        except SafetensorError as error:
            raise BadInput(
                f"{self._path}: damaged ({error}): remove it, and the same command repeats this fit"
            ) from error
        self.earlier_seconds = float(metadata["seconds"])
        return state

    def due(self) -> bool:
        """Return whether CHECKPOINT_SECONDS have passed since the last save."""
        return time.monotonic() - self._saved_at >= CHECKPOINT_SECONDS

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Replace the saved state, atomically."""
        self._saved_at = time.monotonic()
        seconds = self.earlier_seconds + self._saved_at - self._started
        write_tensors(self._path, state, {"key": self._key, "seconds": str(seconds)})

    def remove(self) -> None:
        """Forget the state: the fit is finished."""
        self._path.unlink(missing_ok=True)


class RunFolder:
    """The folder of one cell."""

    def __init__(self, path: Path, generations: int) -> None:
        """Use the folder at `path`, of a cell with this many generations."""
        self.path = path
        self._generations = generations

    @classmethod
    def open(cls, runs: Path, cell: Cell, conditions: Conditions) -> "RunFolder":
        """Make the folder of a cell under `runs`, or open the one that is there.

        Raises:
            BadInput: the folder cannot be written, or was started with other data or another task file.
        """
        path = runs / "cells" / cell.slug
        wanted = {"cell_id": cell.id, "cell": cell.model_dump(mode="json")} | conditions.model_dump()
        file = path / "cell.json"
        if file.exists():
            found = _read_json(file, "remove it, and the same command writes it again")
            for key, value in wanted.items():
                if found.get(key) != value:
                    raise BadInput(
                        f"{file}: the run was started with another {key}: give another --runs folder, or remove "
                        f"{path} to start again"
                    )
        else:
            make_folder(path)
            write_text(file, json.dumps(wanted, indent=2) + "\n")
        return cls(path, cell.loop.generations)

    @property
    def record_path(self) -> Path:
        """Where the record of the finished cell is."""
        return self.path / "record.json"

    def record(self) -> Record | None:
        """Return the record of a finished cell, None where it is not finished.

        Raises:
            BadInput: the record is damaged or was edited.
        """
        if not self.record_path.exists():
            return None
        try:
            return read_record(self.record_path)
        except BadInput as error:
            raise BadInput(
                f"{error}; remove it, and the same command writes it again from the finished generations"
            ) from error

    def finished(self) -> list[GenerationResult]:
        """Return the results of the finished generations, from the first on.

        Raises:
            BadInput: a file of a finished generation is damaged.
        """
        results = []
        for t in range(1, self._generations + 1):
            folder = self._generation(t)
            file = folder / "generation.json"
            if not file.exists():
                break
            advice = f"remove {folder} and the generations after it, and the same command computes them again"
            try:
                stored = validate_strictly(StoredGeneration, _read_json(file, advice))
            except ValidationError as error:
                raise BadInput(f"{file}: {one_line(error)}: {advice}") from error
            for name, sha256 in stored.files.items():
                if not (folder / name).is_file() or file_sha256(folder / name) != sha256:
                    raise BadInput(f"{folder / name}: missing or damaged: {advice}")
            results.append(stored.result)
        return results

    def finish_generation(self, result: GenerationResult, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Keep a generation: its files by name, then generation.json, with which it is finished."""
        folder = self._generation(result.generation)
        make_folder(folder)
        files = {}
        for name, content in tensors.items():
            path = folder / f"{name}.safetensors"
            write_tensors(path, content)
            files[path.name] = file_sha256(path)
        stored = StoredGeneration(result=result, files=files)
        write_text(folder / "generation.json", stored.model_dump_json(indent=2) + "\n")

    def tensors(self, t: int, name: str) -> dict[str, Tensor]:
        """Return the content of one file of a finished generation."""
        return load_file(self._generation(t) / f"{name}.safetensors")

    def fit_checkpoint(self, key: str, purpose: str = "") -> FitCheckpoint:
        """Return the place for the unfinished fit whose identity is `key`; fits of other purposes have others."""
        name = f"fit-{purpose}" if purpose else "fit"
        return FitCheckpoint(self.path / f"{name}.safetensors", key)

    def write_strip(self, png: bytes) -> None:
        """Replace the collapse strip."""
        write_bytes(self.path / "strip.png", png)

    def finish(self, record: Record) -> None:
        """Write the record, with which the cell is finished."""
        write_text(self.record_path, record.to_json())

    def _generation(self, t: int) -> Path:
        return self.path / f"generation-{t:03d}"


class FirstGenerationCache:
    """Models of generation 1, by the hash of everything that they are a function of."""

    def __init__(self, runs: Path, key: str) -> None:
        self._folder = runs / "g1" / key

    def load(self) -> tuple[dict[str, Tensor], TrainingCost] | None:
        """Return the weights and what their training cost, or None where the model has not been trained.

        Raises:
            BadInput: the model is damaged.
        """
        file = self._folder / "cost.json"
        if not file.exists():
            return None
        advice = f"remove {self._folder}, and the model is trained again"
        try:
            stored = validate_strictly(StoredModel, _read_json(file, advice))
        except ValidationError as error:
            raise BadInput(f"{file}: {one_line(error)}: {advice}") from error
        model = self._folder / "model.safetensors"
        if not model.is_file() or file_sha256(model) != stored.model_sha256:
            raise BadInput(f"{model}: missing or damaged: {advice}")
        return load_file(model), stored.training

    def checkpoint(self, key: str) -> FitCheckpoint:
        """Return the place for the unfinished fit of this model."""
        make_folder(self._folder)
        return FitCheckpoint(self._folder / "fit.safetensors", key)

    def save(self, weights: Mapping[str, Tensor], training: TrainingCost) -> None:
        """Keep a trained model."""
        model = self._folder / "model.safetensors"
        write_tensors(model, weights)
        stored = StoredModel(training=training, model_sha256=file_sha256(model))
        write_text(self._folder / "cost.json", stored.model_dump_json(indent=2) + "\n")


def image_tensors(images: ImageSet) -> dict[str, Tensor]:
    """Return an image set as the tensors that are saved."""
    return {"images": images.images} | ({} if images.labels is None else {"labels": images.labels})


def image_set(tensors: Mapping[str, Tensor]) -> ImageSet:
    """Return the image set that `image_tensors` made these tensors from."""
    return ImageSet(tensors["images"], tensors.get("labels"))


def _read_json(path: Path, advice: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: damaged, not readable JSON ({first_line(error)}): {advice}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path}: damaged, not a JSON object: {advice}")
    return content
