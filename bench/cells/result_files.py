"""Folders of result files: the records of finished cells, apart from the run folders that they come from."""

from collections.abc import Sequence
from pathlib import Path

from bench.cells.cell import Cell
from bench.cells.record import Record, read_record
from bench.errors import BadInput
from bench.files.atomic import make_folder, write_text


def without_results(cells: Sequence[Cell], folder: Path) -> list[Cell]:
    """Return the cells whose record is not in the folder.

    Raises:
        BadInput: a record there is damaged, or of another cell than its name says.
    """
    return [cell for cell in cells if kept_result(cell, folder) is None]


def kept_result(cell: Cell, folder: Path) -> Record | None:
    """Return the record of a cell that the folder has, None where it has none.

    Raises:
        BadInput: the record is damaged, or of another cell than its name says.
    """
    path = _path(cell, folder)
    if not path.exists():
        return None
    record = read_record(path)
    if record.cell_id != cell.id:
        raise BadInput(f"{path}: is the record of another cell: remove it, or give it that cell's name")
    return record


def keep_result(record: Record, folder: Path) -> None:
    """Write a record to its file in the folder."""
    make_folder(folder)
    write_text(_path(record.cell, folder), record.to_json())


def _path(cell: Cell, folder: Path) -> Path:
    return folder / f"{cell.slug}.json"
