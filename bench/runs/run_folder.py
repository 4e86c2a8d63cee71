"""Run folders: what is kept of a cell while it runs, so that a killed run goes on where it was.

- `RUNS/g1/KEY/`: models of generation 1, shared by the loops and methods of a seed.
- `RUNS/cells/SLUG/cell.json`: the cell, and what it was started with. Beside it:
- `generation-001/`: samples, model, method state; generation.json comes last, then the generation is finished.
- `fit.safetensors`: the state of an unfinished fit; `fit-PURPOSE.safetensors`, of one that a method asked for.
- `strip.png`: the collapse strip so far.
- `samples.png`: samples of the first and of the last generation beside each other, once all are finished.
- `record.json`: the result; then the cell is finished.
- `failure.json`: why the last attempt failed; `log.txt` and `progress.json`: what is and was being done.
- `.claim`: who works on the cell; `set-aside/`: damaged files.

Every JSON file carries its own hash, and generation.json and cost.json those of the files beside them. What is read is
held against its hash. What is damaged is set aside and computed again from the last good step. No path is stored, so a
folder can be moved.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor

from bench.cells.cell import Cell
from bench.cells.record import GenerationResult, Record, read_record
from bench.data.image_set import ImageSet
from bench.errors import BadInput, Damaged
from bench.files.atomic import make_folder, remove_unfinished, write_bytes, write_text
from bench.files.claim import Claim, Holder, read_holder
from bench.files.sealed import check_hash, write_sealed
from bench.files.set_aside import set_aside
from bench.files.tensors import read_hashed_tensors, write_hashed_tensors
from bench.process.progress import Progress
from bench.runs.fit_checkpoint import FitCheckpoint
from bench.runs.samples import image_set
from bench.runs.sheet import draw_sheet
from bench.runs.stored import (
    FAILURE,
    Conditions,
    StoredCell,
    StoredGeneration,
    check_same,
    keep_failure,
    n_finished,
    read_stored_cell,
    validated,
)
from bench.runs.strip import draw_strip

QUIET = Progress(visible=False)


class RunFolder:
    """The folder of one cell. Whoever writes to it claims it first.

    Attributes:
        path: of the folder.
        cell: whose folder it is.
        conditions: what the cell was started with.
        progress: where damaged files are named.
    """

    def __init__(self, path: Path, cell: Cell, conditions: Conditions, progress: Progress = QUIET) -> None:
        """Use the folder at `path`, of this cell."""
        self.path = path
        self.cell = cell
        self.conditions = conditions
        self.progress = progress
        self._claim = Claim(path)

    @classmethod
    def open(cls, runs: Path, cell: Cell, conditions: Conditions, progress: Progress = QUIET) -> "RunFolder":
        """Make the folder of a cell under `runs`, or open the one that is there.

        Raises:
            BadInput: the folder was started with other data or another task file.
            StorageFailed: the folder cannot be written.
        """
        path = runs / "cells" / cell.slug
        file = path / "cell.json"
        wanted = StoredCell(cell_id=cell.id, cell=cell, conditions=conditions)
        make_folder(path)
        if file.exists():
            try:
                found = read_stored_cell(path)
            except Damaged as error:
                set_aside([file], error, "written again", progress)
            else:
                check_same(file, wanted, found)
        if not file.exists():
            write_sealed(file, wanted.model_dump(mode="json"))
        return cls(path, cell, conditions, progress.kept_in(path))

    @classmethod
    def existing(cls, path: Path) -> "RunFolder":
        """Open the folder of a cell to read from it.

        Raises:
            BadInput: there is no such folder, or its cell.json is damaged.
        """
        if not (path / "cell.json").is_file():
            raise BadInput(f"{path}: not the folder of a cell (RUNS/cells/NAME): there is no cell.json in it")
        try:
            stored = read_stored_cell(path)
        except Damaged as error:
            raise BadInput(f"{error}: the command that started the cell writes it again") from error
        return cls(path, stored.cell, stored.conditions)

    @property
    def record_path(self) -> Path:
        """Where the record of the finished cell is."""
        return self.path / "record.json"

    def claim(self) -> bool:
        """Become the one that runs this cell, until `release`; False where another process does."""
        if not self._claim.take():
            return False
        remove_unfinished(self.path)
        return True

    @contextmanager
    def claimed(self, progress: Progress) -> Iterator["RunFolder"]:
        """Be the only one that works on this cell; wait for whoever does."""
        self._claim.wait(progress)
        try:
            yield self
        finally:
            self._claim.release()

    def release(self) -> None:
        """Let others run this cell."""
        self._claim.release()

    @property
    def holder(self) -> Holder | None:
        """The process whose claim lies in the folder; it may be dead."""
        return read_holder(self.path)

    def keep_failure(self, reason: str) -> None:
        """Keep why an attempt to run the cell has failed; the next attempt forgets it."""
        keep_failure(self.path, reason)

    def forget_failure(self) -> None:
        """Forget why the last attempt failed."""
        (self.path / FAILURE).unlink(missing_ok=True)

    def record(self) -> Record | None:
        """Return the record of a finished cell, None where it is not finished; a damaged one is set aside."""
        if not self.record_path.exists():
            return None
        try:
            record = read_record(self.record_path)
            if record.cell_id == self.cell.id:
                return record
            reason = "is of another cell"
        except BadInput as error:
            reason = str(error).removeprefix(f"{self.record_path}: ")
        damage = Damaged(self.record_path, reason)
        set_aside([self.record_path], damage, "written again from the generations", self.progress)
        return None

    @property
    def n_finished(self) -> int:
        """How many generations are finished, from the first on; whether they are damaged is not looked at."""
        return n_finished(self.path, self.cell.loop.generations)

    def finished(self) -> list[GenerationResult]:
        """Return the results of the finished generations, from the first on.

        A damaged generation and all after it are set aside: they are computed again.

        Raises:
            BadInput: they were made with other data or another task file.
        """
        found: list[StoredGeneration] = []
        try:
            for t in range(1, self.cell.loop.generations + 1):
                file = self._generation(t) / "generation.json"
                if not file.exists():
                    if any((self._generation(k) / file.name).exists() for k in self._after(t)):
                        raise Damaged(file, "missing, though later generations are there")
                    break
                found.append(self._stored(t))
            # When all are finished, the record needs no more than their results.
            if len(found) < self.cell.loop.generations:
                for t, stored in enumerate(found, start=1):
                    for name, sha256 in stored.files.items():
                        check_hash(self._generation(t) / name, sha256)
        except Damaged as error:
            first = int(error.path.parent.name.removeprefix("generation-"))
            later = [self._generation(t) for t in (first, *self._after(first))]
            instead = "the loop begins again" if first == 1 else f"goes on after generation {first - 1}"
            set_aside(later, error, instead, self.progress)
            found = found[: first - 1]
        return [stored.result for stored in found]

    def finish_generation(self, result: GenerationResult, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Keep a generation: its files by name, then generation.json, with which it is finished."""
        self._claim.check()
        folder = self._generation(result.generation)
        make_folder(folder)
        remove_unfinished(folder)
        files = {}
        for name, content in tensors.items():
            path = folder / f"{name}.safetensors"
            files[path.name] = write_hashed_tensors(path, content)
        stored = StoredGeneration(cell_id=self.cell.id, conditions=self.conditions, result=result, files=files)
        write_sealed(folder / "generation.json", stored.model_dump(mode="json"))

    def result(self, t: int, *needed: str) -> GenerationResult:
        """Return the result of a finished generation, once the files that are needed of it are known to be whole.

        Raises:
            Damaged: a file is missing or damaged.
        """
        stored = self._stored(t)
        for name in needed:
            file = f"{name}.safetensors"
            check_hash(self._generation(t) / file, stored.files.get(file, ""))
        return stored.result

    def tensors(self, t: int, name: str) -> dict[str, Tensor]:
        """Return the content of one file of a finished generation.

        Raises:
            Damaged: the file is missing or damaged.
        """
        return self._tensors(t, f"{name}.safetensors")

    def fit_checkpoint(self, key: str, purpose: str = "") -> FitCheckpoint:
        """Return the place for the unfinished fit whose identity is `key`; fits of other purposes have others."""
        name = f"fit-{purpose}" if purpose else "fit"
        return FitCheckpoint(self.path / f"{name}.safetensors", key, self.progress, self._claim.check)

    def strip(self, n: int) -> bytes | None:
        """Return the collapse strip of the first n generations, a PNG; None where they have no images to show.

        Raises:
            Damaged: a row is missing or damaged.
        """
        if "strip.safetensors" not in self._stored(n).files:
            return None
        return draw_strip([self.tensors(t, "strip")["images"] for t in range(1, n + 1)])

    def draw_strip(self, n: int) -> None:
        """Keep the collapse strip of the first n generations, where they have images to show."""
        if (png := self.strip(n)) is not None:
            write_bytes(self.path / "strip.png", png)

    def draw_sheet(self, real: ImageSet, n_classes: int | None) -> None:
        """Keep the sheet of samples of a cell whose generations are all finished; see `bench.runs.sheet`.

        Args:
            real: the real images that the loop trains on.
            n_classes: of the task; None where it has no labels.

        Raises:
            Damaged: samples are missing or damaged.
        """
        last = self.cell.loop.generations
        if last > 1:
            of_first, of_last = (image_set(self.tensors(t, "samples")) for t in (1, last))
            if (png := draw_sheet(real, of_first, of_last, n_classes)) is not None:
                write_bytes(self.path / "samples.png", png)

    def finish(self, record: Record) -> None:
        """Write the record, with which the cell is finished, and forget what only an unfinished cell needs."""
        self._claim.check()
        write_text(self.record_path, record.to_json())
        for leftover in self.path.glob("fit*.safetensors"):
            leftover.unlink(missing_ok=True)

    def _after(self, t: int) -> range:
        return range(t + 1, self.cell.loop.generations + 1)

    def _generation(self, t: int) -> Path:
        return self.path / f"generation-{t:03d}"

    def _stored(self, t: int) -> StoredGeneration:
        file = self._generation(t) / "generation.json"
        stored = validated(StoredGeneration, file)
        check_same(file, StoredCell(cell_id=self.cell.id, cell=self.cell, conditions=self.conditions), stored)
        if stored.result.generation != t:
            raise Damaged(file, f"is of generation {stored.result.generation}")
        return stored

    def _tensors(self, t: int, file: str) -> dict[str, Tensor]:
        path = self._generation(t) / file
        return read_hashed_tensors(path, self._stored(t).files.get(file, ""))
