"""Runs folders of versions before generators could be files: taken up as they are."""

import json
from pathlib import Path

import pytest

from bench.cells.record import read_record
from bench.errors import BadInput
from bench.runs.run_folder import RunFolder
from bench.runs.status import read_status
from bench.runs.stored import Conditions

# A record of schema 2, as 0.1.0 of this date wrote it: its run folder is of the version before as well.
EXAMPLE = Path(__file__).parents[1] / "cells" / "data_records" / "schema_2.json"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A runs folder with one finished cell, its files as they were written then."""
    content = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    record = read_record(EXAMPLE)
    folder = RunFolder.open(tmp_path, record.cell, conditions())
    written = json.loads((folder.path / "cell.json").read_text(encoding="utf-8"))
    assert (written["cell_id"], written["cell"]) == (content["cell_id"], content["cell"])
    (folder.path / "record.json").write_bytes(EXAMPLE.read_bytes())
    return tmp_path


def conditions(task_sha256: str = "1" * 64) -> Conditions:
    return Conditions(task_sha256=task_sha256, data_sha256="2" * 64, reference_sha256="3" * 64)


def test_a_finished_cell_is_finished_and_its_record_is_of_the_present_schema(runs: Path):
    expected = read_record(EXAMPLE)
    folder = RunFolder.open(runs, expected.cell, conditions())
    assert folder.record() == expected
    assert folder.path.name == expected.cell.slug
    [status] = read_status(runs)
    assert (status.name, status.state) == (expected.cell.slug, "done")
    assert (folder.path / "record.json").read_bytes() == EXAMPLE.read_bytes()


def test_one_that_was_started_with_another_task_file_is_refused_in_a_line(runs: Path):
    with pytest.raises(
        BadInput, match="the run was started with another task_sha256: give another --runs folder"
    ) as e:
        RunFolder.open(runs, read_record(EXAMPLE).cell, conditions("4" * 64))
    assert "\n" not in str(e.value)
