"""A runs folder that was cleaned: everything that works with finished cells still does."""

import json
from pathlib import Path

import pytest
from builders import comparable

from bench.cli.main import main
from bench.runs import environment

GAUSSIAN = ["--task", "gaussian", "--generator", "gaussian", "--loop", "fresh_data", "--device", "cpu"]


@pytest.fixture
def autophagy(capsys: pytest.CaptureFixture[str]):
    """Run a command and return its exit status and what it has printed."""

    def run(*command: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main(command)
        return status, capsys.readouterr().out

    return run


def test_a_cleaned_cell_is_finished_and_can_be_rescored_and_shown(run_tiny, finished, tiny_task, tmp_path, autophagy):
    cell, runs = Path(finished("fresh_data")["record"]).parent, str(tmp_path / "runs")
    record, strip = comparable(cell / "record.json"), (cell / "strip.png").read_bytes()
    status, printed = autophagy("clean", "--runs", runs, "--json")
    assert status == 0
    assert json.loads(printed)["freed"]["models"]["files"] == 3
    assert not list(cell.rglob("model.safetensors"))

    status, _, log = run_tiny("--loop", "fresh_data")
    assert (status, "is finished" in log) == (0, True)
    assert comparable(cell / "record.json") == record
    assert (cell / "strip.png").read_bytes() == strip
    rescore = autophagy("rescore", str(cell), "--features", "identity", "--task", str(tiny_task), "--device", "cpu")
    assert rescore[0] == 0
    assert autophagy("board", "--results", runs, "--out", str(tmp_path / "site"))[0] == 0
    assert (tmp_path / "site" / "index.html").is_file()

    # The record is written again from what is left, without a fit.
    (cell / "record.json").unlink()
    status, _, log = run_tiny("--loop", "fresh_data")
    assert (status, "fit:" in log) == (0, False)
    assert comparable(cell / "record.json") == record
    assert (cell / "strip.png").read_bytes() == strip


def test_a_cleaned_cell_can_be_verified_and_submitted(tmp_path, autophagy, monkeypatch):
    monkeypatch.setattr(environment, "_git", lambda *arguments: None)  # the checkout that is tested may be dirty
    runs, leaderboard = tmp_path / "runs", tmp_path / "leaderboard"
    assert autophagy("run", *GAUSSIAN, "--runs", str(runs))[0] == 0
    assert autophagy("clean", "--runs", str(runs))[0] == 0
    [cell] = (runs / "cells").iterdir()
    assert autophagy("verify", str(cell / "record.json"), "--samples", str(cell), "--device", "cpu")[0] == 0
    (leaderboard / "results").mkdir(parents=True)
    assert autophagy("submit", str(cell), "--leaderboard", str(leaderboard))[0] == 0
    found = sorted(path.name for path in (leaderboard / "results").iterdir())
    assert found == [f"{cell.name}.json", f"{cell.name}.samples.png"]


def test_without_its_samples_a_cell_is_still_shown_but_not_verified(run_tiny, finished, tmp_path, autophagy):
    cell, runs = Path(finished("fresh_data")["record"]).parent, str(tmp_path / "runs")
    assert autophagy("clean", "--runs", runs, "--samples")[0] == 0
    assert autophagy("board", "--results", runs, "--out", str(tmp_path / "site"))[0] == 0
    assert autophagy("rescore", str(cell), "--features", "identity", "--device", "cpu")[0] == 2
    status, _, log = run_tiny("--loop", "fresh_data")
    assert (status, "is finished" in log) == (0, True)


def test_a_folder_that_is_no_runs_folder_is_refused_with_one_line(tmp_path, capsys):
    assert main(["clean", "--runs", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"autophagy: error: --runs {tmp_path}: there is no folder cells in it: `autophagy run` makes one\n"
    )
