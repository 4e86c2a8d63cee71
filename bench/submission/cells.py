"""Find the finished cells that are to be submitted, and hold what their run folders keep against their records."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.board.results import SHEET, read_picture, read_sheet
from bench.cells.record import Record
from bench.cells.task import Task
from bench.cells.task_files import KnownTasks
from bench.errors import BadInput
from bench.runs.run_folder import RunFolder
from bench.scoring.rescore import finished_cell, stored_generations
from bench.submission.rules import STRIP_SEED, check_record


@dataclass(frozen=True)
class SubmittedCell:
    """A finished cell, checked.

    Attributes:
        path: its run folder.
        record: of the cell.
        task: of the cell.
        pictures: its collapse strip and its sheet of samples, if they are some that the leaderboard keeps, by what
            the name of the file ends in.
    """

    path: Path
    record: Record
    task: Task
    pictures: dict[str, bytes]


def find_cells(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the folders of the finished cells, and of the unfinished ones, that paths of the command line stand for.

    Args:
        paths: run folders of cells (RUNS/cells/NAME), or runs folders, which stand for all their cells.

    Raises:
        BadInput: a path is neither, or nothing in it is finished.
    """
    finished: dict[Path, Path] = {}
    unfinished: dict[Path, Path] = {}
    for path in paths:
        if path.is_file():
            raise BadInput(f"{path}: a file: give the folder of a cell (RUNS/cells/NAME), or a runs folder")
        if not path.is_dir():
            raise BadInput(f"{path}: no such folder: give the folder of a cell (RUNS/cells/NAME), or a runs folder")
        if (path / "cell.json").is_file():
            finished[path.resolve()] = path
            continue
        cells = sorted(file.parent for file in path.glob("cells/*/cell.json"))
        if not cells:
            raise BadInput(
                f"{path}: neither the folder of a cell (RUNS/cells/NAME) nor a runs folder with cells in it"
            )
        done = [cell for cell in cells if (cell / "record.json").is_file()]
        if not done:
            raise BadInput(f"{path}: none of its {len(cells)} cells is finished: `autophagy run` goes on with them")
        for cell in cells:
            (finished if cell in done else unfinished)[cell.resolve()] = cell
    return list(finished.values()), list(unfinished.values())


def read_cell(path: Path, tasks: KnownTasks) -> SubmittedCell:
    """Return the cell of a run folder, after every check that needs nothing but the folder and the task.

    Raises:
        BadInput: the cell is not finished, a file is missing, damaged or not of this cell, or the record is not what
            is asked of every result.
    """
    record = finished_cell(path)
    check_record(path / "record.json", record, tasks)
    stored = RunFolder.existing(path)
    if stored.cell != record.cell:
        raise BadInput(f"{path / 'cell.json'}: is not of the cell that record.json beside it is of")
    conditions = stored.conditions
    task = tasks.of_record(path, record.cell)
    if conditions.task_sha256 != task.sha256:
        raise BadInput(
            f"{path}: was run with another {task.path.name} than this version's (task_sha256 = "
            f"{conditions.task_sha256}, here {task.sha256}): run the cell again, in another --runs folder"
        )
    if conditions.data_sha256 != record.data.sha256:
        raise BadInput(f"{path}: cell.json and record.json name different real images (data_sha256, data.sha256)")
    for result, (kept, samples) in zip(record.generations, stored_generations(path, record), strict=True):
        if kept != result:
            raise BadInput(f"{path}: record.json says of generation {result.generation} what its own files do not say")
        if samples.sha256 != result.samples_sha256:
            raise BadInput(f"{path}: the samples of generation {result.generation} are not those of the record")
    return SubmittedCell(path, record, task, _pictures(path) if record.cell.seed == STRIP_SEED else {})


def _pictures(path: Path) -> dict[str, bytes]:
    found = {}
    for name, suffix, check in (("strip.png", ".png", read_picture), ("samples.png", SHEET, read_sheet)):
        if (picture := path / name).is_file():
            check(picture)
            found[suffix] = picture.read_bytes()
    return found
