"""What a GPU day leaves, and what of it is not accepted."""

import json
from pathlib import Path

import pytest
from gpu_day.report import Folder, Part, read_report

from bench.errors import BadInput
from benchmarks.reports import DEVICE, made_up


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "out")
    folder.make()
    return folder


def test_a_report_is_read_as_it_was_written(folder: Folder):
    folder.check_device(DEVICE)
    for name, part in made_up().parts.items():
        folder.keep(name, part)
    assert read_report(folder.write_report()) == made_up()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"device": None}, "device = None"),
        ({"device": {"name": ""}}, "device.name = ''"),
        ({"schema_version": 2}, "schema_version = 2"),
        ({"more": 1}, "more is not a known key"),
    ],
)
def test_a_report_without_a_device_or_of_another_kind_is_refused(tmp_path: Path, change: dict, message: str):
    content = made_up().model_dump(mode="json")
    if "name" in (change.get("device") or {}):
        change = {"device": content["device"] | change["device"]}
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content | change))
    with pytest.raises(BadInput) as raised:
        read_report(path)
    assert f"{path}: not a report of benchmarks/gpu.py: {message}" in str(raised.value)


def test_a_report_that_does_not_say_what_it_was_measured_on_is_refused(tmp_path: Path):
    content = made_up().model_dump(mode="json")
    del content["device"]
    (tmp_path / "report.json").write_text(json.dumps(content))
    with pytest.raises(BadInput, match=r"report.json: not a report of benchmarks/gpu.py: device"):
        read_report(tmp_path / "report.json")


@pytest.mark.parametrize(
    "change",
    [{"name": "NVIDIA Other"}, {"driver": "581.0"}, {"torch": "2.12.0"}, {"memory_bytes": 2**34}],
    ids=lambda change: next(iter(change)),
)
def test_a_folder_of_another_device_is_refused(folder: Folder, change: dict):
    folder.check_device(DEVICE)
    [(key, value)] = change.items()
    with pytest.raises(BadInput) as raised:
        folder.check_device(DEVICE.model_copy(update=change))
    assert str(raised.value) == (
        f"--out {folder.path}: is of another device: {key} is {getattr(DEVICE, key)} there and {value} here: "
        "choose another folder"
    )


def test_the_same_device_on_another_day_and_commit_goes_on(folder: Folder):
    folder.check_device(DEVICE)
    folder.check_device(DEVICE.model_copy(update={"date": "2026-02-01", "commit": "b" * 40, "dirty": True}))
    assert folder.device() == DEVICE


def test_a_damaged_part_is_named_with_what_to_do(folder: Folder):
    folder.check_device(DEVICE)
    (folder.parts / "a.eager.json").write_text('{"whole": "perhaps"}')
    with pytest.raises(BadInput, match=r"a.eager.json: damaged: whole = 'perhaps'.*: remove it, and it is measured"):
        folder.report()


def test_a_folder_in_which_nothing_was_measured_says_so(tmp_path: Path):
    with pytest.raises(
        BadInput, match=r"nothing measured there \(device.json is missing\): run benchmarks/gpu.py first"
    ):
        Folder(tmp_path).report()


def test_two_processes_do_not_measure_in_one_folder(folder: Folder):
    with folder.lock(), pytest.raises(BadInput, match="another process measures there"):
        Folder(folder.path).lock()


def test_what_a_killed_write_has_left_is_removed(folder: Folder):
    left = folder.parts / ".a.eager.json.0123456789abcdef.part"
    left.write_text("{")
    folder.running("a.cell-eager").write_text("a.eager")
    folder.make()
    assert list(folder.parts.iterdir()) == []


def test_a_part_is_done_when_it_is_whole_and_has_not_failed(folder: Folder):
    for name, part in {"cut": Part(found={}), "failed": Part(failed="no"), "done": Part(found={}, whole=True)}.items():
        folder.keep(name, part)
    assert [folder.is_done(name) for name in ("cut", "failed", "done", "never")] == [False, False, True, False]
