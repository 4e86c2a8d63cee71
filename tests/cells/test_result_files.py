"""Folders of result files: which cells have a result, and how one is kept."""

import json
from pathlib import Path

import pytest
from board.made_up import make_record

from bench.cells.cell import Cell
from bench.cells.choices import Choices
from bench.cells.record import Record, read_record
from bench.cells.result_files import keep_result, without_results
from bench.errors import BadInput
from bench.executors.grid import plan_cells
from bench.files.hashing import canonical_sha256


def cells(*seeds: int) -> list[Cell]:
    choices = Choices(
        tasks=["digits"], generators=["ddpm"], loops=["fully_synthetic"], methods=["none"], sampling_biases=[1.0],
        seeds=seeds, tier="smoke", pool="previous", protocol="scratch", generations=3,
    )  # fmt: skip
    return [planned.cell for planned in plan_cells(choices)]


def record_of(cell: Cell) -> Record:
    made_up = make_record()
    return made_up.model_copy(update={"cell": cell, "cell_id": cell.id})


def test_a_cell_whose_record_is_kept_is_left_out_afterwards(tmp_path: Path):
    first, second = cells(0, 1)
    folder = tmp_path / "new" / "results"
    assert without_results([first, second], folder) == [first, second]
    keep_result(record_of(first), folder)
    assert without_results([first, second], folder) == [second]
    assert read_record(folder / f"{first.slug}.json") == record_of(first)


def test_a_damaged_record_is_no_reason_to_skip_a_cell(tmp_path: Path):
    [cell] = cells(0)
    keep_result(record_of(cell), tmp_path)
    path = tmp_path / f"{cell.slug}.json"
    path.write_text(path.read_text().replace("1.5", "1.4"))
    with pytest.raises(BadInput, match="edited after it was written"):
        without_results([cell], tmp_path)


def test_a_record_of_an_earlier_schema_is_a_result_and_stays_as_it_is(tmp_path: Path):
    [cell] = cells(0)
    keep_result(record_of(cell), tmp_path)
    path = tmp_path / f"{cell.slug}.json"
    content = json.loads(path.read_text())
    del content["sha256"], content["task_sha256"]
    content["schema_version"] = 1
    written = json.dumps(content | {"sha256": canonical_sha256(content)})
    path.write_text(written)
    assert without_results([cell], tmp_path) == []
    assert path.read_text() == written


def test_a_link_under_a_cells_name_is_refused(tmp_path: Path):
    [cell] = cells(0)
    keep_result(record_of(cell), tmp_path)
    path = tmp_path / f"{cell.slug}.json"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="a symbolic link"):
        without_results([cell], tmp_path)


def test_the_record_of_another_cell_under_this_ones_name_is_refused(tmp_path: Path):
    first, second = cells(0, 1)
    keep_result(record_of(second), tmp_path)
    (tmp_path / f"{second.slug}.json").rename(tmp_path / f"{first.slug}.json")
    with pytest.raises(BadInput, match="is the record of another cell"):
        without_results([first], tmp_path)
