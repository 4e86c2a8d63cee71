"""Results of several folders, compared with any method, against the same figures computed by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bench.board.board import build_board
from bench.board.compare import compare_folders
from bench.board.results import find_results
from bench.board.trust import Trust
from bench.cells.cell import Cell
from bench.cells.record import Record
from bench.errors import BadInput

from .made_up import Results, add_scores, make_record

PLAIN, MINE, THEIRS = (4.0, 5.0, 4.5), (2.0, 2.4, 2.0), (3.0, 3.5, 3.0)


def cells(method: str, lasts: tuple[float, ...], **options: object) -> list[Record]:
    """A cell of two generations for each seed, with these FIDs in the second; in the first it is 2."""
    return [make_record(method=method, seed=seed, fids=(2.0, last), **options) for seed, last in enumerate(lasts)]  # type: ignore[arg-type]


def folder(path: Path, *records: Record) -> Path:
    results = Results(path)
    for record in records:
        results.add(record)
    return path


def changed(record: Record, **fields: object) -> Record:
    """The record of another cell."""
    cell = Cell.model_validate(record.cell.model_dump() | fields)
    return record.model_copy(update={"cell": cell, "cell_id": cell.id})


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return folder(tmp_path / "theirs", *cells("none", PLAIN), *cells("neon", THEIRS))


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A runs folder with the cells of a method of one's own, and one that is not finished."""
    runs = tmp_path / "runs"
    for record in cells("mine", MINE, params={"keep": 0.5, "strict": True}):
        cell = runs / "cells" / record.cell.slug
        cell.mkdir(parents=True)
        (cell / "record.json").write_text(record.to_json())
    (runs / "cells" / "unfinished").mkdir()
    return runs


def test_runs_and_result_files_are_laid_together(theirs: Path, mine: Path):
    (track,) = compare_folders([mine, theirs]).tracks
    assert [line.cell.method.name for line in track.lines] == ["mine", "neon", "none"]
    assert [line.row.rank for line in track.lines] == [1, 2, None]


def test_the_figures_beside_another_method_are_paired_with_its_seeds(theirs: Path, mine: Path):
    rows = {row["method"]: row for row in compare_folders([mine, theirs], "neon").rows()}
    differences = (np.log(MINE) - np.log(THEIRS)) / 2  # the area of two generations is their mean
    test = stats.ttest_1samp(differences, 0)
    interval = test.confidence_interval(0.95)
    assert rows["mine"]["log_fid_area_difference"] == pytest.approx(differences.mean())
    assert rows["mine"]["log_fid_area_difference_low"] == pytest.approx(interval.low)
    assert rows["mine"]["log_fid_area_difference_high"] == pytest.approx(interval.high)
    plain = stats.ttest_1samp((np.log(PLAIN) - np.log(THEIRS)) / 2, 0).pvalue
    adjusted = stats.false_discovery_control([test.pvalue, plain, 1.0, 1.0])[:2]  # F1 is the same in all
    assert [rows[name]["adjusted_p"] for name in ("mine", "none")] == pytest.approx(adjusted)
    assert rows["mine"]["fid_last_difference"] == pytest.approx(np.mean(np.subtract(MINE, THEIRS)))
    assert (rows["mine"]["word"], rows["none"]["word"]) == ("helps", "hurts")
    assert rows["neon"]["log_fid_area_difference"] is None
    assert rows["neon"]["unranked_because"] == "the reference"
    assert rows["none"]["unranked_because"] == "the plain loop"


def test_beside_the_plain_loop_the_figures_are_those_of_the_board(theirs: Path):
    results = find_results(theirs)
    (board,) = build_board(results, {result.record.cell_id: Trust() for result in results})
    (track,) = compare_folders([theirs]).tracks
    assert [(line.row.rank, line.row.comparison) for line in track.lines] == [
        (row.rank, row.comparison) for row in board.rows
    ]


def test_a_seed_that_the_reference_lacks_is_left_out(tmp_path: Path):
    records = [*cells("none", PLAIN), *cells("mine", MINE)]
    rows = compare_folders([folder(tmp_path / "x", *records[1:])]).rows()
    (row,) = [row for row in rows if row["method"] == "mine"]
    expected = np.mean(np.log(MINE[1:]) - np.log(PLAIN[1:])) / 2
    assert row["log_fid_area_difference"] == pytest.approx(expected)
    assert row["unranked_because"] == "fewer than 3 seeds"


@pytest.mark.parametrize("to", ["mine", "mine:keep=0.5", "mine:keep=.50", "mine:strict=true:keep=0.5", "a/mine.py"])
def test_a_reference_is_known_by_its_name_and_parameters(mine: Path, theirs: Path, to: str):
    (track,) = compare_folders([mine, theirs], to).tracks
    assert track.reference.cell.method.name == "mine"
    assert track.lines[-1].row.entry is track.reference


@pytest.mark.parametrize("to", ["mine:keep=0.6", "mine:kepe=0.5", "mine:strict=1", "yours", "mine:keep=x"])
def test_a_method_that_was_not_run_is_refused_with_those_that_were(mine: Path, theirs: Path, to: str):
    with pytest.raises(BadInput) as caught:
        compare_folders([mine, theirs], to)
    allowed = "mine:keep=0.5:strict=true, neon, none"
    assert str(caught.value).startswith(f"--to '{to}': no such method among the results: ")
    assert str(caught.value).endswith(f"choose one of {allowed}")


@pytest.mark.parametrize("to", ["mine:keep", "mine:keep=1:keep=2"])
def test_parameters_that_are_none_are_refused(theirs: Path, to: str):
    with pytest.raises(BadInput, match=f"^--to '{to}': write NAME:key=value"):
        compare_folders([theirs], to)


def test_parameters_must_say_which(tmp_path: Path):
    records = [*cells("mine", MINE, params={"keep": 0.5}), *cells("mine", MINE, params={"keep": 1.0})]
    with pytest.raises(
        BadInput, match=r"was run with other parameters too: choose one of mine:keep=0\.5, mine:keep=1\.0$"
    ):
        compare_folders([folder(tmp_path / "x", *records)], "mine")


def test_a_method_with_the_usual_pool_goes_before_one_with_another(tmp_path: Path):
    records = [*cells("none", PLAIN, pool="accumulated"), *cells("none", PLAIN)]
    (track,) = compare_folders([folder(tmp_path / "x", *records)]).tracks
    assert track.reference.cell.loop.pool == "previous"


def test_a_method_of_two_pools_must_be_one(tmp_path: Path):
    records = [*cells("none", PLAIN, pool="accumulated"), *cells("none", PLAIN, pool="last:2")]
    with pytest.raises(BadInput, match="was run with the pools accumulated, last:2: give folders that have one"):
        compare_folders([folder(tmp_path / "x", *records)])


def test_a_method_of_two_files_must_be_one(tmp_path: Path):
    first = cells("mine", MINE)
    second = [changed(record, method={"name": "mine", "sha256": "b" * 64}) for record in first]
    with pytest.raises(BadInput, match=r"was run from files that differ \(sha256 aaaaaaaa, bbbbbbbb\)"):
        compare_folders([folder(tmp_path / "x", *first, *second)], "mine")


def test_a_track_without_the_reference_is_left_out_and_noted(theirs: Path, tmp_path: Path):
    other = folder(tmp_path / "other", *cells("mine", MINE, kind="fresh_data"))
    found = compare_folders([theirs, other])
    assert [track.track.cell.loop.kind for track in found.tracks] == ["fully_synthetic"]
    assert found.notes == ("digits, smoke tier: fresh data, ddpm: left out, none was not run in it",)


def test_of_a_cell_in_two_folders_the_first_counts(theirs: Path, tmp_path: Path):
    (record, *_) = cells("none", (8.0,))
    again = folder(tmp_path / "again", record)
    found = compare_folders([again, theirs])
    assert found.tracks[0].reference.records[0].generations[-1].scores.fid == 8.0
    assert found.notes == (f"{theirs}: 1 of its cells are in an earlier folder too, whose records count",)


def test_every_feature_space_has_its_table(theirs: Path, tmp_path: Path):
    further = [add_scores(record, "pixels", (1.0, 2.0)) for record in cells("mine", MINE)]
    found = compare_folders([folder(tmp_path / "more", *further)], "mine")
    assert [track.view.conditions.features for track in found.tracks] == ["digits_cnn", "pixels"]


def test_a_task_of_ones_own_is_compared(tmp_path: Path):
    records = [changed(record, task="pets") for record in (*cells("none", PLAIN), *cells("mine", MINE))]
    (track,) = compare_folders([folder(tmp_path / "x", *records)]).tracks
    assert track.title == "pets, smoke tier: fully synthetic, ddpm"


def test_warnings_are_those_of_the_leaderboard_that_a_folder_is_of(tmp_path: Path):
    (tmp_path / "lb" / "questions").mkdir(parents=True)
    (tmp_path / "lb" / "warnings").mkdir()
    records = cells("mine", MINE)
    folder(tmp_path / "lb" / "results", *cells("none", PLAIN), *records)
    (tmp_path / "lb" / "warnings" / "x.toml").write_text(
        f'reason = "copies"\ndate = 2026-01-01\nby = "somebody"\ncells = ["{records[0].cell_id}"]\n'
    )
    (track,) = compare_folders([tmp_path / "lb" / "results"]).tracks
    assert track.lines[0].row.unranked_because == "warning"


def test_a_folder_without_a_record_is_refused(tmp_path: Path, theirs: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"empty: there is no record in it: give runs folders, or folders of"):
        compare_folders([theirs, tmp_path / "empty"])


def test_a_runs_folder_in_which_nothing_is_finished_is_refused(tmp_path: Path):
    (tmp_path / "runs" / "cells").mkdir(parents=True)
    with pytest.raises(BadInput, match=r"runs: no cell in it is finished: see autophagy status --runs "):
        compare_folders([tmp_path / "runs"])


def test_a_damaged_record_is_named(theirs: Path):
    path = next(theirs.rglob("*.json"))
    path.write_text(path.read_text()[:-20])
    with pytest.raises(BadInput, match=str(path)):
        compare_folders([theirs])


def test_rows_are_flat_and_can_be_written_as_json(theirs: Path, mine: Path):
    rows = compare_folders([theirs, mine], "neon").rows()
    assert all(isinstance(value, str | int | float | bool | None) for row in rows for value in row.values())
    assert json.loads(rows.to_json()) == list(rows)
    assert rows.to_csv().splitlines()[0].split(",") == list(rows[0])
    assert {row["reference"] for row in rows} == {"neon"}
    assert not any(isinstance(value, float) and not math.isfinite(value) for row in rows for value in row.values())
