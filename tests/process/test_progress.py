"""What is said of long work: on stderr, and in a folder."""

import json
from pathlib import Path

import pytest

from bench.process import progress as module
from bench.process.progress import LOG, STATE, Progress


def test_notes_go_to_stderr_with_what_they_are_about(capsys: pytest.CaptureFixture[str]):
    Progress().within("cell").within("generation 1/3").note("FID 4.57")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "cell generation 1/3 FID 4.57\n")


def test_notes_are_kept_in_a_folder_with_the_time_and_without_what_the_folder_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    progress = Progress(visible=False).within("[1/6] cell").kept_in(tmp_path)
    progress.within("generation 1/3").note("FID 4.57")
    progress.note("failed:\nTraceback\n  line")
    lines = [line[20:] for line in (tmp_path / LOG).read_text().splitlines()]
    assert lines == ["generation 1/3 FID 4.57", "failed:", "Traceback", "  line"]
    assert capsys.readouterr().err == ""


def test_what_is_being_done_is_kept_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(module, "STATE_INTERVAL_SECONDS", 0.0)
    progress = Progress(visible=False).within("cell").kept_in(tmp_path).within("generation 2/3")
    with progress.bar("fit", total=10) as bar:
        for _ in range(4):
            bar.update(1)
    found = json.loads((tmp_path / STATE).read_text())
    assert found["doing"] == "generation 2/3 fit"
    assert found["total"] == 10
    assert 0 < found["done"] <= 4
    assert capsys.readouterr().err == ""


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path):
    progress = Progress(visible=False).kept_in(tmp_path / "missing")
    progress.note("goes on")
    with progress.bar("fit", total=2) as bar:
        bar.update(2)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_visible_and_kept_nowhere_is_said_nowhere(capsys: pytest.CaptureFixture[str]):
    progress = Progress(visible=False)
    progress.note("nothing")
    with progress.bar("fit", total=2) as bar:
        assert not bar.update(2)
    assert capsys.readouterr() == ("", "")
