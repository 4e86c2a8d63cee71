"""Run folders: what survives a kill, and what is said of a damaged file."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from board.made_up import make_record
from builders import make_cell, make_images, make_loop

from bench import store
from bench.cell import Cell
from bench.errors import BadInput
from bench.record import GenerationResult, Record
from bench.store import Conditions, FirstGenerationCache, FitCheckpoint, RunFolder, TrainingCost

CONDITIONS = Conditions(task_sha256="1" * 64, data_sha256="2" * 64, reference_sha256="3" * 64)
STATE = {"weight": torch.tensor([[0.1, -2.0]]), "step": torch.tensor(7)}


def result(t: int) -> GenerationResult:
    return make_record(fids=(1.5, 2.25, 4.125)).generations[t - 1]


def open_folder(runs: Path, cell: Cell | None = None, conditions: Conditions = CONDITIONS) -> RunFolder:
    return RunFolder.open(runs, cell or make_cell(loop=make_loop(generations=3)), conditions)


@pytest.fixture
def half_done(tmp_path: Path) -> RunFolder:
    """A run folder of three generations, two of which are finished."""
    folder = open_folder(tmp_path)
    for t in (1, 2):
        samples = make_images(4, seed=t)
        folder.finish_generation(result(t), {"samples": store.image_tensors(samples), "model": STATE})
    return folder


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(BadInput) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


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
    assert store.image_set(half_done.tensors(2, "samples")).sha256 == make_images(4, seed=2).sha256


def test_images_without_labels_are_given_back_without_labels():
    images = make_images(3, n_classes=None)
    assert store.image_set(store.image_tensors(images)).labels is None


def test_a_generation_without_its_generation_json_is_not_finished(half_done: RunFolder):
    (half_done.path / "generation-002" / "generation.json").unlink()
    assert half_done.finished() == [result(1)]


def test_a_generation_after_a_missing_one_does_not_count(half_done: RunFolder):
    (half_done.path / "generation-001" / "generation.json").unlink()
    assert half_done.finished() == []


@pytest.mark.parametrize("damage", [flip_last_byte, cut_in_half, Path.unlink])
@pytest.mark.parametrize("name", ["samples.safetensors", "model.safetensors"])
def test_a_damaged_or_missing_file_of_a_finished_generation_is_refused_with_advice(
    half_done: RunFolder, name: str, damage: Callable[[Path], object]
):
    path = half_done.path / "generation-001" / name
    damage(path)
    message = refusal(half_done.finished)
    assert message.startswith(f"{path}: missing or damaged: remove {path.parent}")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"result": {}, "files": {}}'], ids=["empty", "cut", "list", "no keys", "no scores"]
)
def test_a_damaged_generation_json_is_refused_with_advice(half_done: RunFolder, text: str):
    path = half_done.path / "generation-002" / "generation.json"
    path.write_text(text)
    message = refusal(half_done.finished)
    assert message.startswith(f"{path}: ")
    assert f"remove {path.parent}" in message


def test_what_is_advised_for_a_damaged_generation_works(half_done: RunFolder):
    path = half_done.path / "generation-002" / "model.safetensors"
    flip_last_byte(path)
    advised = re.search(r"remove (\S+) and the generations after it", refusal(half_done.finished))
    assert advised is not None
    for file in Path(advised[1]).iterdir():
        file.unlink()
    assert half_done.finished() == [result(1)]


@pytest.mark.parametrize("key", ["task_sha256", "data_sha256", "reference_sha256"])
def test_a_run_does_not_go_on_under_other_conditions(tmp_path: Path, half_done: RunFolder, key: str):
    other = CONDITIONS.model_copy(update={key: "9" * 64})
    message = refusal(lambda: open_folder(tmp_path, conditions=other))
    assert f"another {key}" in message
    assert str(half_done.path) in message


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_damaged_cell_json_is_refused(tmp_path: Path, half_done: RunFolder, text: str):
    path = half_done.path / "cell.json"
    path.write_text(text)
    assert refusal(lambda: open_folder(tmp_path)).startswith(f"{path}: damaged")


def test_a_new_folder_says_of_which_cell_it_is(tmp_path: Path):
    cell = make_cell(seed=7)
    content = json.loads((open_folder(tmp_path, cell).path / "cell.json").read_text())
    assert content["cell_id"] == cell.id
    assert Cell.model_validate(content["cell"]) == cell


def test_opening_a_folder_again_changes_nothing(tmp_path: Path, half_done: RunFolder):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()}
    assert open_folder(tmp_path).path == half_done.path
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_a_folder_of_another_cell_is_refused(tmp_path: Path, half_done: RunFolder):
    path = half_done.path / "cell.json"
    path.write_text(path.read_text().replace('"n_synthetic": 30', '"n_synthetic": 31'))
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


def test_an_edited_record_is_refused_with_advice(tmp_path: Path):
    folder, _ = finished_record(tmp_path)
    content = json.loads(folder.record_path.read_text())
    content["generations"][0]["scores"]["fid"] = 0.0
    folder.record_path.write_text(json.dumps(content))
    message = refusal(folder.record)
    assert message.startswith(f"{folder.record_path}: ")
    assert "remove it" in message


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
        folder.finish_generation(result(1), {"samples": store.image_tensors(make_images(4)), "model": STATE})
    assert open_folder(tmp_path).finished() == []


def test_a_fit_checkpoint_gives_its_state_back(tmp_path: Path):
    FitCheckpoint(tmp_path / "fit", "key").save(STATE)
    state = FitCheckpoint(tmp_path / "fit", "key").load()
    assert state is not None
    assert {name: value.tolist() for name, value in state.items()} == {n: v.tolist() for n, v in STATE.items()}


def test_a_fit_checkpoint_of_another_fit_does_not_count(tmp_path: Path):
    FitCheckpoint(tmp_path / "fit", "key").save(STATE)
    assert FitCheckpoint(tmp_path / "fit", "other").load() is None


def test_a_fit_checkpoint_that_was_removed_does_not_count(tmp_path: Path):
    checkpoint = FitCheckpoint(tmp_path / "fit", "key")
    checkpoint.save(STATE)
    checkpoint.remove()
    assert checkpoint.load() is None


def test_removing_a_fit_checkpoint_that_was_never_saved_is_no_error(tmp_path: Path):
    checkpoint = FitCheckpoint(tmp_path / "fit", "key")
    checkpoint.remove()
    assert checkpoint.load() is None


def test_a_damaged_fit_checkpoint_is_refused_with_advice(tmp_path: Path):
    path = tmp_path / "fit"
    FitCheckpoint(path, "key").save(STATE)
    cut_in_half(path)
    message = refusal(FitCheckpoint(path, "key").load)
    assert message.startswith(f"{path}: damaged")
    assert "remove it" in message


class Clock:
    """A clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("bench.store.time.monotonic", clock)
    return clock


def test_a_fit_checkpoint_sums_the_seconds_of_all_attempts(tmp_path: Path, clock: Clock):
    first = FitCheckpoint(tmp_path / "fit", "key")
    clock.now += 20
    first.save(STATE)
    clock.now += 1000  # lost: nothing was saved before the kill
    second = FitCheckpoint(tmp_path / "fit", "key")
    second.load()
    assert second.earlier_seconds == 20
    clock.now += 5
    second.save(STATE)
    third = FitCheckpoint(tmp_path / "fit", "key")
    third.load()
    assert third.earlier_seconds == 25


def test_a_fit_without_a_checkpoint_has_no_earlier_seconds(tmp_path: Path):
    checkpoint = FitCheckpoint(tmp_path / "fit", "key")
    checkpoint.load()
    assert checkpoint.earlier_seconds == 0


def test_a_fit_checkpoint_is_due_when_its_time_has_passed_since_the_last_save(tmp_path: Path, clock: Clock):
    checkpoint = FitCheckpoint(tmp_path / "fit", "key")
    due = [checkpoint.due()]
    clock.now += store.CHECKPOINT_SECONDS
    due.append(checkpoint.due())
    checkpoint.save(STATE)
    due.append(checkpoint.due())
    assert due == [False, True, False]


@pytest.fixture
def cache(tmp_path: Path) -> FirstGenerationCache:
    """The cache of a model of generation 1 that has been trained."""
    cache = FirstGenerationCache(tmp_path, "key")
    cache.checkpoint("fit")
    cache.save(STATE, TrainingCost(images=640, seconds=1.5))
    return cache


def test_a_trained_first_generation_is_given_back_with_its_cost(tmp_path: Path, cache: FirstGenerationCache):
    found = FirstGenerationCache(tmp_path, "key").load()
    assert found is not None
    weights, cost = found
    assert {name: value.tolist() for name, value in weights.items()} == {n: v.tolist() for n, v in STATE.items()}
    assert cost == TrainingCost(images=640, seconds=1.5)


def test_a_first_generation_under_another_key_is_not_given_back(tmp_path: Path, cache: FirstGenerationCache):
    assert FirstGenerationCache(tmp_path, "other").load() is None


def test_a_first_generation_whose_fit_is_unfinished_is_not_given_back(tmp_path: Path):
    cache = FirstGenerationCache(tmp_path, "key")
    cache.checkpoint("fit").save(STATE)
    assert cache.load() is None


@pytest.mark.parametrize("damage", [flip_last_byte, cut_in_half, Path.unlink])
@pytest.mark.parametrize("name", ["model.safetensors", "cost.json"])
def test_a_damaged_first_generation_is_never_given_back(
    tmp_path: Path, cache: FirstGenerationCache, name: str, damage: Callable[[Path], object]
):
    path = tmp_path / "g1" / "key" / name
    if (name, damage) == ("cost.json", Path.unlink):
        path.unlink()
        assert cache.load() is None
        return
    if (name, damage) == ("cost.json", flip_last_byte):
        path.write_text(path.read_text().replace('"model_sha256": "', '"model_sha256": "x'))
    else:
        damage(path)
    message = refusal(cache.load)
    assert message.startswith(f"{path}: ")
    assert f"remove {path.parent}" in message


def test_the_collapse_strip_is_replaced(tmp_path: Path):
    folder = open_folder(tmp_path)
    folder.write_strip(b"first")
    folder.write_strip(b"second")
    assert (folder.path / "strip.png").read_bytes() == b"second"
