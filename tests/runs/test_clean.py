"""What `autophagy clean` removes, and what it must not touch."""

import json
from pathlib import Path

import pytest
import torch
from board.made_up import make_record

from bench.cells.record import Record
from bench.errors import BadInput
from bench.files.claim import Claim
from bench.runs.clean import clean, cleaning_json, cleaning_table
from bench.runs.run_folder import RunFolder
from bench.runs.stored import Conditions

CONDITIONS = Conditions(task_sha256="1" * 64, data_sha256="2" * 64, reference_sha256="3" * 64)
RECORD = make_record(fids=(1.5, 2.25))
FILES = ("samples", "model", "method", "synthetic", "strip")


def make_cell(runs: Path, record: Record, *, finished: bool) -> Path:
    """Write the run folder of a cell as a run leaves it; of one that is not finished, all but the record."""
    folder = RunFolder.open(runs, record.cell, CONDITIONS)
    for result in record.generations:
        tensors = {name: {"values": torch.full((result.generation, 4), 1.0)} for name in FILES}
        folder.finish_generation(result, tensors)
    (folder.path / "strip.png").write_bytes(b"a picture")
    (folder.path / "log.txt").write_text("a note\n")
    if finished:
        folder.finish(record)
    (folder.path / "fit-second.safetensors").write_bytes(b"left by a kill")
    return folder.path


def make_first_generation(runs: Path) -> Path:
    folder = runs / "g1" / ("a" * 64)
    folder.mkdir(parents=True)
    for name in ("cost.json", "model.safetensors", "fit.safetensors"):
        (folder / name).write_bytes(b"1234567890")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def names(folder: Path) -> list[str]:
    return list(content(folder))


def test_a_finished_cell_keeps_its_record_strip_and_samples(tmp_path):
    path = make_cell(tmp_path, RECORD, finished=True)
    before = content(path)
    cleaning = clean(tmp_path)
    kept = ["cell.json", "log.txt", "record.json", "strip.png"]
    of_each = ["generation.json", "samples.safetensors"]
    expected = sorted([*kept, *(f"generation-00{t}/{name}" for t in (1, 2) for name in of_each)])
    assert content(path) == {name: before[name] for name in expected}

    removed = {name: before[name] for name in before if name not in expected}
    assert len(removed) == 2 * 4 + 1
    assert cleaning.finished == 1
    assert cleaning.total.files == len(removed)
    assert cleaning.total.bytes == sum(map(len, removed.values()))
    assert {kind: freed.files for kind, freed in cleaning.freed.items()} == {
        "models": 2, "method states": 2, "separate synthetic images": 2, "rows of strips": 2, "checkpoints of fits": 1,
    }  # fmt: skip


def test_the_samples_of_a_finished_cell_go_when_asked_for(tmp_path):
    path = make_cell(tmp_path, RECORD, finished=True)
    assert clean(tmp_path, samples=True).freed["samples"].files == 2
    assert [name for name in names(path) if "generation-" in name] == [
        "generation-001/generation.json",
        "generation-002/generation.json",
    ]


def test_an_unfinished_cell_keeps_all_that_it_needs_to_go_on(tmp_path):
    path = make_cell(tmp_path, RECORD, finished=False)
    before = content(path)
    cleaning = clean(tmp_path, samples=True, first_generations=True)
    assert content(path) == before
    assert (cleaning.finished, cleaning.unfinished, cleaning.total.files) == (0, [path.name], 0)


@pytest.mark.parametrize("text", ["", "{}", "record of another cell"])
def test_a_cell_whose_record_is_not_its_record_counts_as_unfinished(tmp_path, text):
    path = make_cell(tmp_path, RECORD, finished=True)
    (path / "record.json").write_text(make_record(seed=7).to_json() if "another" in text else text)
    before = content(path)
    assert clean(tmp_path).unfinished == [path.name]
    assert content(path) == before


@pytest.mark.parametrize("finished", [True, False])
def test_leftovers_of_killed_writes_and_what_was_set_aside_go_everywhere(tmp_path, finished):
    path = make_cell(tmp_path, RECORD, finished=finished)
    first = make_first_generation(tmp_path)
    for folder in (path, path / "generation-001", first):
        (folder / ".model.safetensors.0123456789abcdef.part").write_bytes(b"half")
    (path / ".progress.json.part").write_bytes(b"half")
    for folder in (path, first):
        (folder / "set-aside" / "generation-001.1").mkdir(parents=True)
        (folder / "set-aside" / "generation-001.1" / "model.safetensors").write_bytes(b"damaged")
    freed = clean(tmp_path).freed
    assert (freed["unfinished writes"].files, freed["unfinished writes"].bytes) == (4, 16)
    assert (freed["set aside"].files, freed["set aside"].bytes) == (2, 14)
    assert not list(tmp_path.rglob("*.part"))
    assert not list(tmp_path.rglob("set-aside"))


def test_a_dry_run_says_what_would_go_and_changes_nothing(tmp_path):
    make_cell(tmp_path, RECORD, finished=True)
    make_first_generation(tmp_path)
    before = content(tmp_path)
    options = {"samples": True, "first_generations": True}
    foreseen = clean(tmp_path, **options, dry_run=True)
    assert content(tmp_path) == before
    assert foreseen == clean(tmp_path, **options)
    assert content(tmp_path) != before


def test_a_folder_that_another_process_works_on_is_left_alone(tmp_path):
    path = make_cell(tmp_path, RECORD, finished=True)
    first = make_first_generation(tmp_path)
    (path / ".strip.png.0123456789abcdef.part").write_bytes(b"being written")
    before = content(tmp_path)
    claims = [Claim(path), Claim(first)]
    assert all(claim.take() for claim in claims)
    cleaning = clean(tmp_path, first_generations=True)
    for claim in claims:
        claim.release()
    assert content(tmp_path) == before
    assert cleaning.busy == [f"cells/{path.name}", f"g1/{first.name}"]


def test_models_of_generation_1_stay_but_not_the_checkpoints_of_their_fits(tmp_path):
    make_cell(tmp_path, RECORD, finished=True)
    first = make_first_generation(tmp_path)
    clean(tmp_path)
    assert names(first) == ["cost.json", "model.safetensors"]


def test_the_checkpoint_of_an_unfinished_generation_1_stays(tmp_path):
    make_cell(tmp_path, RECORD, finished=False)
    first = make_first_generation(tmp_path)
    (first / "cost.json").unlink()
    clean(tmp_path, first_generations=True)
    assert names(first) == ["fit.safetensors", "model.safetensors"]


def test_models_of_generation_1_go_when_asked_for_and_all_cells_are_finished(tmp_path):
    make_cell(tmp_path, RECORD, finished=True)
    first = make_first_generation(tmp_path)
    cleaning = clean(tmp_path, first_generations=True)
    assert names(first) == []
    assert cleaning.freed["models of generation 1"].files == 2
    assert cleaning.first_generations_kept is None


def test_models_of_generation_1_stay_while_a_cell_is_unfinished_though_they_were_asked_for(tmp_path):
    make_cell(tmp_path, RECORD, finished=True)
    make_cell(tmp_path, make_record(seed=1), finished=False)
    first = make_first_generation(tmp_path)
    cleaning = clean(tmp_path, first_generations=True)
    assert "model.safetensors" in names(first)
    assert cleaning.first_generations_kept == "cells that are not finished: 1"


def test_links_are_not_followed(tmp_path):
    runs, elsewhere = tmp_path / "runs", tmp_path / "elsewhere"
    path = make_cell(runs, RECORD, finished=True)
    other = make_cell(elsewhere, make_record(seed=1), finished=True)
    kept = elsewhere / "kept"
    kept.mkdir()
    (kept / "model.safetensors").write_bytes(b"not of the runs folder")
    before = content(elsewhere)
    (runs / "cells" / other.name).symlink_to(other)
    (runs / "g1").symlink_to(elsewhere)
    (path / "generation-003").symlink_to(kept)
    (path / "set-aside").symlink_to(kept)
    model = path / "generation-001" / "model.safetensors"
    model.unlink()
    model.symlink_to(kept / "model.safetensors")
    clean(runs, samples=True, first_generations=True)
    assert content(elsewhere) == before
    assert not (path / "generation-002" / "model.safetensors").exists()


def test_a_folder_in_what_was_set_aside_that_is_a_link_is_not_followed(tmp_path):
    runs, kept = tmp_path / "runs", tmp_path / "kept"
    path = make_cell(runs, RECORD, finished=True)
    kept.mkdir()
    (kept / "precious").write_bytes(b"not of the runs folder")
    (path / "set-aside").mkdir()
    (path / "set-aside" / "generation-001.1").symlink_to(kept)
    clean(runs)
    assert not (path / "set-aside").exists()
    assert (kept / "precious").exists()


@pytest.mark.parametrize("made", [[], ["notes"], ["cell.json"]])
def test_a_folder_that_is_no_runs_folder_is_refused(tmp_path, made):
    for name in made:
        (tmp_path / name).write_text("something")
    with pytest.raises(BadInput) as caught:
        clean(tmp_path)
    assert str(caught.value) == f"--runs {tmp_path}: there is no folder cells in it: `autophagy run` makes one"


def test_the_table_has_a_line_for_each_kind_and_the_sum(tmp_path):
    make_cell(tmp_path, RECORD, finished=True)
    make_cell(tmp_path, make_record(seed=1), finished=False)
    cleaning = clean(tmp_path, first_generations=True, dry_run=True)
    lines = cleaning_table(cleaning, dry_run=True).splitlines()
    assert lines[0].split() == ["files", "size"]
    assert [line.split("  ")[0] for line in lines[1:6]] == [
        "checkpoints of fits", "method states", "models", "rows of strips", "separate synthetic images",
    ]  # fmt: skip
    assert lines[6].startswith("would be removed: ")
    assert lines[7:] == [
        "finished cells: 1, unfinished ones, which keep what they need: 1",
        "models of generation 1 are kept: cells that are not finished: 1",
    ]


def test_the_json_has_the_same(tmp_path):
    path = make_cell(tmp_path, RECORD, finished=False)
    (path / ".record.json.0123456789abcdef.part").write_bytes(b"half")
    found = json.loads(cleaning_json(clean(tmp_path), dry_run=False))
    assert found == {
        "dry_run": False,
        "freed": {"unfinished writes": {"files": 1, "bytes": 4}},
        "finished": 0,
        "unfinished": [path.name],
        "busy": [],
        "first_generations_kept": None,
        "total": {"files": 1, "bytes": 4},
    }
