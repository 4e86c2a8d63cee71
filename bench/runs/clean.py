"""`autophagy clean`: makes room in a runs folder, and keeps what a result needs.

A finished cell keeps its cell.json, its record, its strip and, of each generation, generation.json and the samples:
what `board`, `submit`, `rescore` and `verify --samples` read. Its models, method states, separate synthetic images and
rows of the strip were for the generations after; they are removed. An unfinished cell keeps what it needs to go on.

Models of generation 1 stay unless they are asked for: on a GPU a model that is trained again is not the same bits, and
all loops and methods of a seed must begin with the same one. They are never removed while a cell is unfinished.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.cells.record import read_record
from bench.errors import BadInput, StorageFailed
from bench.files import set_aside
from bench.files.atomic import described
from bench.files.claim import Claim
from bench.process.tables import size, table
from bench.runs.stored import read_stored_cell

# What the generations after a finished one would need, and none comes.
OF_GENERATIONS = {
    "model.safetensors": "models",
    "method.safetensors": "method states",
    "synthetic.safetensors": "separate synthetic images",
    "strip.safetensors": "rows of strips",
}
SAMPLES = "samples.safetensors"
UNFINISHED_WRITE = re.compile(r"\..+\.part")


@dataclass
class Freed:
    """How much was removed of one kind."""

    files: int = 0
    bytes: int = 0


@dataclass
class Cleaning:
    """What was removed from a runs folder.

    Attributes:
        freed: by the kind of file.
        finished: cells that were finished.
        unfinished: names of cells that are not, and keep what they need.
        busy: folders that another process works on; nothing in them was touched.
        first_generations_kept: why models of generation 1 are kept though they were to go, None where they were not.
    """

    freed: dict[str, Freed] = field(default_factory=dict)
    finished: int = 0
    unfinished: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    first_generations_kept: str | None = None

    @property
    def total(self) -> Freed:
        """What was removed in all."""
        return Freed(sum(f.files for f in self.freed.values()), sum(f.bytes for f in self.freed.values()))


def clean(runs: Path, *, samples: bool = False, first_generations: bool = False, dry_run: bool = False) -> Cleaning:
    """Remove from a runs folder what can be done without; links are not followed.

    Args:
        runs: the folder.
        samples: whether the samples of finished cells go too.
        first_generations: whether the models of generation 1 go too, where all cells are finished.
        dry_run: whether to change nothing and only say what would be removed.

    Raises:
        BadInput: it is no runs folder.
        StorageFailed: a file cannot be removed.
    """
    if not (runs / "cells").is_dir() or (runs / "cells").is_symlink():
        raise BadInput(f"--runs {runs}: there is no folder cells in it: `autophagy run` makes one")
    cleaner = _Cleaner(samples, dry_run)
    for folder in _folders(runs / "cells"):
        cleaner.clean_cell(folder)
    open_cells = len(cleaner.done.unfinished) + len(cleaner.done.busy)
    if first_generations and open_cells:
        cleaner.done.first_generations_kept = f"cells that are not finished: {open_cells}"
    for folder in _folders(runs / "g1"):
        cleaner.clean_first_generation(folder, remove=first_generations and not open_cells)
    return cleaner.done


def cleaning_table(cleaning: Cleaning, dry_run: bool) -> str:
    """Return a line for each kind of file, and below it the sum and what was left alone."""
    rows = [("", "files", "size")]
    rows += [(kind, f"{freed.files}", size(freed.bytes)) for kind, freed in sorted(cleaning.freed.items())]
    total = cleaning.total
    lines = [table(rows)] if total.files else []
    lines.append(f"{'would be' if dry_run else 'were'} removed: {size(total.bytes)}, files: {total.files}")
    lines.append(
        f"finished cells: {cleaning.finished}, unfinished ones, which keep what they need: {len(cleaning.unfinished)}"
    )
    if cleaning.busy:
        lines.append(f"left alone, another process works on them: {', '.join(cleaning.busy)}")
    if cleaning.first_generations_kept is not None:
        lines.append(f"models of generation 1 are kept: {cleaning.first_generations_kept}")
    return "\n".join(lines)


def cleaning_json(cleaning: Cleaning, dry_run: bool) -> str:
    """Return the same as JSON."""
    return json.dumps({"dry_run": dry_run} | asdict(cleaning) | {"total": asdict(cleaning.total)}, indent=2)


class _Cleaner:
    def __init__(self, samples: bool, dry_run: bool) -> None:
        self._removed = OF_GENERATIONS | ({SAMPLES: "samples"} if samples else {})
        self._dry_run = dry_run
        self.done = Cleaning()

    def clean_cell(self, folder: Path) -> None:
        with self._claimed(folder) as claimed:
            if not claimed:
                return
            generations = [path for path in _folders(folder) if path.name.startswith("generation-")]
            for path in (folder, *generations):
                self._remove_leftovers(path)
            if not _is_finished(folder):
                self.done.unfinished.append(folder.name)
                return
            self.done.finished += 1
            for path in folder.glob("fit*.safetensors"):
                self._remove(path, "checkpoints of fits")
            for path in generations:
                for name, kind in self._removed.items():
                    self._remove(path / name, kind)

    def clean_first_generation(self, folder: Path, *, remove: bool) -> None:
        with self._claimed(folder) as claimed:
            if not claimed:
                return
            self._remove_leftovers(folder)
            if remove or (folder / "cost.json").is_file():
                self._remove(folder / "fit.safetensors", "checkpoints of fits")
            if remove:
                # The model is there as long as cost.json is.
                for name in ("cost.json", "model.safetensors"):
                    self._remove(folder / name, "models of generation 1")

    @contextmanager
    def _claimed(self, folder: Path) -> Iterator[bool]:
        """Keep others from working in a folder; False where one does."""
        claim = Claim(folder)
        if not claim.take():
            self.done.busy.append(f"{folder.parent.name}/{folder.name}")
            yield False
            return
        try:
            yield True
        finally:
            claim.release()

    def _remove_leftovers(self, folder: Path) -> None:
        """Remove what writes that were killed have left, and damaged files that were set aside."""
        for path in sorted(folder.iterdir()):
            if UNFINISHED_WRITE.fullmatch(path.name):
                self._remove(path, "unfinished writes")
        self._remove(folder / set_aside.FOLDER, "set aside")

    def _remove(self, path: Path, kind: str) -> None:
        """Remove a file, or a folder with all that is in it; a link stays."""
        if path.is_symlink() or not path.exists():
            return
        files = [file for file in path.rglob("*") if not file.is_dir()] if path.is_dir() else [path]
        freed = Freed(len(files), sum(file.lstat().st_size for file in files))
        if not self._dry_run:
            try:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            except OSError as error:
                raise StorageFailed(described(path, "cannot be removed", error)) from error
        so_far = self.done.freed.setdefault(kind, Freed())
        so_far.files += freed.files
        so_far.bytes += freed.bytes


def _folders(path: Path) -> list[Path]:
    """Return the folders in a folder, no links to others; none where it is not there or a link itself."""
    if path.is_symlink() or not path.is_dir():
        return []
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.is_symlink())


def _is_finished(folder: Path) -> bool:
    """Return whether a cell has its record; one that is damaged is written again, from what is there."""
    try:
        return read_record(folder / "record.json").cell_id == read_stored_cell(folder).cell_id
    except BadInput:
        return False
