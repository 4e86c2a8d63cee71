"""Run folders: what survives a kill, and what is said of a damaged file."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from board.made_up import make_record
from builders import make_cell, make_images, make_loop
from damaged import DAMAGES, Damage, cut_in_half, empty, flip_a_bit_of_the_first_half, flip_last_byte
from PIL import Image

from bench.cells.cell import Cell
from bench.cells.record import GenerationResult, Record
from bench.errors import BadInput, Damaged
from bench.files.sealed import read_sealed
from bench.process.progress import Progress
from bench.runs.pictures import mend_pictures
from bench.runs.run_folder import RunFolder
from bench.runs.samples import image_set, image_tensors
from bench.runs.sheet import draw_sheet
from bench.runs.stored import Conditions, read_stored_cell

CONDITIONS = Conditions(task_sha256="1" * 64, data_sha256="2" * 64, reference_sha256="3" * 64)
STATE = {"weight": torch.tensor([[0.1, -2.0]]), "step": torch.tensor(7)}


def result(t: int) -> GenerationResult:
    return make_record(fids=(1.5, 2.25, 4.125)).generations[t - 1]


def open_folder(runs: Path, cell: Cell | None = None, conditions: Conditions = CONDITIONS) -> RunFolder:
    return RunFolder.open(runs, cell or make_cell(loop=make_loop(generations=3)), conditions, Progress())


@pytest.fixture
def half_done(tmp_path: Path) -> RunFolder:
    """A run folder of three generations, two of which are finished."""
    folder = open_folder(tmp_path)
    for t in (1, 2):
        samples = make_images(4, seed=t)
        folder.finish_generation(result(t), {"samples": image_tensors(samples), "model": STATE})
    return folder


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(BadInput) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_finished_generations_are_given_back_from_the_first_on(tmp_path: Path, half_done: RunFolder):
    assert open_folder(tmp_path).finished() == [result(1), result(2)]


def test_a_new_folder_has_no_finished_generations_and_no_record(tmp_path: Path):
    folder = open_folder(tmp_path)
    assert folder.finished() == []
    assert folder.record() is None


def test_tensors_of_a_finished_generation_are_given_back(half_done: RunFolder):
    model = half_done.tensors(2, "model")
    assert {name: value.tolist() for name, value in model.items()} == {n: v.tolist() for n, v in STATE.items()}


def test_images_and_labels_of_a_finished_generation_are_given_back(half_done: RunFolder):
    assert image_set(half_done.tensors(2, "samples")).sha256 == make_images(4, seed=2).sha256


def test_images_without_labels_are_given_back_without_labels():
    images = make_images(3, n_classes=None)
    assert image_set(image_tensors(images)).labels is None


def test_a_generation_without_its_generation_json_is_not_finished(half_done: RunFolder):
    (half_done.path / "generation-002" / "generation.json").unlink()
    assert half_done.finished() == [result(1)]


def test_a_generation_without_its_generation_json_is_named_where_later_ones_are_there(
    tmp_path: Path, half_done: RunFolder, capsys: pytest.CaptureFixture[str]
):
    path = half_done.path / "generation-001" / "generation.json"
    path.unlink()
    assert open_folder(tmp_path).finished() == []
    assert not path.parent.exists()
    assert (half_done.path / "set-aside" / "generation-002.1" / "generation.json").is_file()
    assert f"{path}: damaged (missing, though later generations are there)" in capsys.readouterr().err


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["samples.safetensors", "model.safetensors"])
def test_a_damaged_generation_and_those_after_it_are_named_set_aside_and_do_not_count(
    tmp_path: Path, half_done: RunFolder, capsys: pytest.CaptureFixture[str], name: str, damage: Damage
):
    path = half_done.path / "generation-002" / name
    damage(path)
    assert open_folder(tmp_path).finished() == [result(1)]
    assert not path.parent.exists()
    assert (half_done.path / "set-aside" / "generation-002.1" / "generation.json").is_file()
    shown = capsys.readouterr().err
    assert f"{path}: damaged (" in shown
    assert "goes on after generation 1" in shown
    assert "Traceback" not in shown


def test_good_generations_after_a_damaged_one_are_set_aside_with_it(tmp_path: Path, half_done: RunFolder):
    flip_last_byte(half_done.path / "generation-001" / "model.safetensors")
    assert open_folder(tmp_path).finished() == []
    kept = {path.name for path in (half_done.path / "set-aside").iterdir()}
    assert kept == {"generation-001.1", "generation-002.1"}


def test_what_is_damaged_again_is_set_aside_beside_the_first(tmp_path: Path, half_done: RunFolder):
    for _ in range(2):
        flip_last_byte(half_done.path / "generation-002" / "model.safetensors")
        open_folder(tmp_path).finished()
        half_done.finish_generation(result(2), {"model": STATE})
    kept = {path.name for path in (half_done.path / "set-aside").iterdir()}
    assert kept == {"generation-002.1", "generation-002.2"}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"result": {}, "files": {}}', "9" * 5000],
    ids=["empty", "cut", "list", "no keys", "no scores", "digits"],
)
def test_a_damaged_generation_json_does_not_count(tmp_path: Path, half_done: RunFolder, text: str):
    (half_done.path / "generation-002" / "generation.json").write_text(text)
    assert open_folder(tmp_path).finished() == [result(1)]


def test_a_changed_score_does_not_count(tmp_path: Path, half_done: RunFolder):
    path = half_done.path / "generation-002" / "generation.json"
    path.write_text(path.read_text().replace("2.25", "1.25"))
    assert open_folder(tmp_path).finished() == [result(1)]


def test_a_generation_in_the_place_of_another_does_not_count(tmp_path: Path, half_done: RunFolder):
    shutil.rmtree(half_done.path / "generation-002")
    shutil.copytree(half_done.path / "generation-001", half_done.path / "generation-002")
    assert open_folder(tmp_path).finished() == [result(1)]


@pytest.mark.parametrize("name", ["samples", "model"])
def test_a_file_that_is_damaged_later_is_not_read(half_done: RunFolder, name: str):
    path = half_done.path / "generation-001" / f"{name}.safetensors"
    flip_last_byte(path)
    with pytest.raises(Damaged, match=re.escape(str(path))):
        half_done.tensors(1, name)


def test_a_cell_whose_generations_are_all_finished_needs_no_more_than_their_results(tmp_path: Path):
    folder = open_folder(tmp_path)
    for t in (1, 2, 3):
        folder.finish_generation(result(t), {"model": STATE})
        (folder.path / f"generation-00{t}" / "model.safetensors").unlink()
    assert open_folder(tmp_path).finished() == [result(1), result(2), result(3)]


def test_a_run_folder_can_be_moved(tmp_path: Path, half_done: RunFolder):
    (tmp_path / "cells").rename(tmp_path / "elsewhere")
    (tmp_path / "new").mkdir()
    (tmp_path / "elsewhere").rename(tmp_path / "new" / "cells")
    assert open_folder(tmp_path / "new").finished() == [result(1), result(2)]


@pytest.mark.parametrize("key", ["task_sha256", "data_sha256", "reference_sha256"])
def test_a_run_does_not_go_on_under_other_conditions(tmp_path: Path, half_done: RunFolder, key: str):
    other = CONDITIONS.model_copy(update={key: "9" * 64})
    message = refusal(lambda: open_folder(tmp_path, conditions=other))
    assert f"another {key}" in message
    assert str(half_done.path) in message


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_cell_json_is_set_aside_and_written_again(tmp_path: Path, half_done: RunFolder, text: str):
    path = half_done.path / "cell.json"
    before = path.read_bytes()
    path.write_text(text)
    assert open_folder(tmp_path).finished() == [result(1), result(2)]
    assert path.read_bytes() == before
    assert (half_done.path / "set-aside" / "cell.json.1").read_text() == text


def test_generations_do_not_go_on_under_other_conditions_where_cell_json_was_lost(
    tmp_path: Path, half_done: RunFolder
):
    (half_done.path / "cell.json").unlink()
    other = open_folder(tmp_path, conditions=CONDITIONS.model_copy(update={"data_sha256": "9" * 64}))
    assert "another data_sha256" in refusal(other.finished)


def test_a_new_folder_says_of_which_cell_it_is(tmp_path: Path):
    cell = make_cell(seed=7)
    stored = read_stored_cell(open_folder(tmp_path, cell).path)
    assert stored.cell_id == cell.id
    assert stored.cell == cell
    assert stored.conditions == CONDITIONS


def test_opening_a_folder_again_changes_nothing(tmp_path: Path, half_done: RunFolder):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()}
    assert open_folder(tmp_path).path == half_done.path
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_a_folder_of_another_cell_is_refused(tmp_path: Path, half_done: RunFolder):
    path = half_done.path / "cell.json"
    shutil.copy(open_folder(tmp_path, make_cell(seed=9)).path / "cell.json", path)
    message = refusal(lambda: open_folder(tmp_path))
    assert message.startswith(f"{path}: ")
    assert "another cell" in message


def test_the_parent_of_a_run_folder_is_made(tmp_path: Path):
    assert open_folder(tmp_path / "on" / "a" / "new" / "disk").path.is_dir()


def test_cells_have_folders_of_their_own(tmp_path: Path):
    assert open_folder(tmp_path, make_cell(seed=0)).path != open_folder(tmp_path, make_cell(seed=1)).path


def test_a_runs_folder_that_is_a_file_is_refused(tmp_path: Path):
    (tmp_path / "runs").write_text("")
    assert "cannot make this folder" in refusal(lambda: open_folder(tmp_path / "runs"))


def finished_record(tmp_path: Path) -> tuple[RunFolder, Record]:
    record = make_record()
    folder = open_folder(tmp_path, record.cell)
    folder.finish(record)
    return folder, record


def test_a_finished_cell_gives_its_record_back(tmp_path: Path):
    folder, record = finished_record(tmp_path)
    assert folder.record() == record


def test_an_edited_record_is_set_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder, _ = finished_record(tmp_path)
    content = json.loads(folder.record_path.read_text())
    content["generations"][0]["scores"]["fid"] = 0.0
    folder.record_path.write_text(json.dumps(content))
    assert folder.record() is None
    assert not folder.record_path.exists()
    assert f"{folder.record_path}: damaged (its sha256 does not fit" in capsys.readouterr().err


def test_the_record_of_another_cell_is_set_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder, _ = finished_record(tmp_path)
    folder.record_path.write_text(make_record(seed=1).to_json())
    assert folder.record() is None
    assert f"{folder.record_path}: damaged (is of another cell)" in capsys.readouterr().err


def test_a_finished_cell_keeps_no_unfinished_fit(tmp_path: Path):
    folder = open_folder(tmp_path, make_record().cell)
    folder.fit_checkpoint("key", "teacher").save(STATE)
    folder.finish(make_record())
    assert not list(folder.path.glob("fit*"))


def test_why_a_cell_has_failed_is_kept_until_it_is_tried_again(tmp_path: Path):
    folder = open_folder(tmp_path)
    folder.keep_failure("the loss is nan")
    assert read_sealed(folder.path / "failure.json")["error"] == "the loss is nan"
    folder.forget_failure()
    assert not (folder.path / "failure.json").exists()


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_generation_whose_files_were_not_all_written_is_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
):
    folder, replace, calls = open_folder(tmp_path), os.replace, []

    def die_later(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == killed_at:
            raise KeyboardInterrupt
        replace(*arguments)

    monkeypatch.setattr(os, "replace", die_later)
    with pytest.raises(KeyboardInterrupt):
        folder.finish_generation(result(1), {"samples": image_tensors(make_images(4)), "model": STATE})
    assert open_folder(tmp_path).finished() == []


ROWS = {"strip": {"images": make_images(20).images}}


def test_the_collapse_strip_has_a_row_for_each_generation(tmp_path: Path):
    folder = open_folder(tmp_path)
    heights = []
    for t in (1, 2):
        folder.finish_generation(result(t), ROWS)
        folder.draw_strip(t)
        with Image.open(folder.path / "strip.png") as image:
            heights.append(image.height)
    assert heights == [44, 86]  # rows of 40 pixels, with gaps of 2


@pytest.mark.parametrize("damage", [flip_a_bit_of_the_first_half, cut_in_half, empty, Path.unlink])
def test_a_damaged_strip_of_a_finished_cell_is_drawn_again(tmp_path: Path, damage: Damage):
    folder = open_folder(tmp_path)
    for t in (1, 2, 3):
        folder.finish_generation(result(t), ROWS)
    folder.draw_strip(3)
    strip = folder.path / "strip.png"
    before = strip.read_bytes()
    damage(strip)
    mend_pictures(folder, make_images(4), None)
    assert strip.read_bytes() == before


def with_samples(tmp_path: Path, *generations: int) -> RunFolder:
    folder = open_folder(tmp_path)
    for t in generations:
        folder.finish_generation(result(t), {"samples": image_tensors(make_images(4, seed=t))})
    return folder


def test_the_sheet_shows_samples_of_the_first_and_the_last_generation(tmp_path: Path):
    real, n_classes = make_images(9, seed=7), 10
    folder = with_samples(tmp_path, 1, 2, 3)
    folder.draw_sheet(real, n_classes)
    expected = draw_sheet(real, make_images(4, seed=1), make_images(4, seed=3), n_classes)
    assert (folder.path / "samples.png").read_bytes() == expected


@pytest.mark.parametrize("damage", [flip_a_bit_of_the_first_half, cut_in_half, empty, Path.unlink])
def test_a_damaged_sheet_of_a_finished_cell_is_drawn_again(tmp_path: Path, damage: Damage):
    folder = with_samples(tmp_path, 1, 2, 3)
    folder.draw_sheet(make_images(9), 10)
    sheet = folder.path / "samples.png"
    before = sheet.read_bytes()
    damage(sheet)
    mend_pictures(folder, make_images(9), 10)
    assert sheet.read_bytes() == before


def test_a_sheet_whose_samples_are_gone_is_left_as_it_is(tmp_path: Path):
    folder = with_samples(tmp_path, 1, 2, 3)
    (folder.path / "generation-001" / "samples.safetensors").unlink()
    mend_pictures(folder, make_images(9), 10)
    assert not (folder.path / "samples.png").exists()


def test_one_process_at_a_time_claims_a_folder(tmp_path: Path):
    first, second = open_folder(tmp_path), open_folder(tmp_path)
    assert first.claim()
    assert not second.claim()
    first.release()
    assert second.claim()
    second.release()


def test_what_killed_writes_have_left_goes_when_the_folder_is_claimed(tmp_path: Path):
    folder = open_folder(tmp_path)
    leftover = folder.path / ".fit.safetensors.0123456789abcdef.part"
    leftover.write_text("half")
    folder.claim()
    folder.release()
    assert not leftover.exists()
