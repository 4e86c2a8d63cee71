"""docs/generators.md, word for word, in an empty folder; the task of the name digits takes a second here."""

import csv
import io
import re
import shlex
from pathlib import Path

import pytest

from bench.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "generators.md"


def commands() -> list[list[str]]:
    """Return the lines of the page's one block."""
    [block] = re.findall(r"(?ms)^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"))
    return [shlex.split(line)[1:] for line in block.splitlines()]


def test_they_are_those_of_the_way():
    assert [line[0] for line in commands()] == ["new-generator", "check", "run", "compare"]


@pytest.mark.slow
def test_a_flow_is_written_checked_run_beside_the_ddpm_and_compared(
    tiny_task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    tasks, here = tmp_path / "tasks", tmp_path / "here"
    for folder in (tasks, here):
        folder.mkdir()
    tiny_task.rename(tasks / "digits.toml")
    monkeypatch.setattr("bench.paths.TASKS", tasks)
    monkeypatch.chdir(here)
    for line in commands():
        capsys.readouterr()
        assert main(line) == 0, capsys.readouterr().err
        said = capsys.readouterr()
    assert "flow.py" in said.out
    assert main(["compare", "runs", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert sorted({row["method"] for row in rows}) == ["neon", "none", "random_subset"]
    assert sorted({row["generator"] for row in rows}) == ["ddpm", "flow"]
    assert len(rows) == 6


@pytest.mark.parametrize("n", [1, 2])
def test_what_is_left_out_of_the_way_is_quick(
    tiny_task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], n: int
):
    """The template at its smallest through a loop, with a method and a bias; what is finished stays."""
    monkeypatch.chdir(tmp_path)
    assert main(["new-generator", "flow"]) == 0
    run = ["run", "--task", str(tiny_task), "--generator", "flow.py:width=8:steps=1", "--loop", "fully_synthetic"]
    run += ["--method", "neon", "--sampling-bias", "0.5", "--device", "cpu"]
    assert main([*run, "--generations", str(n)]) == 0
    [record] = (tmp_path / "runs" / "cells").glob("*/record.json")
    assert '"width":8' in record.read_text()
    assert main([*run, "--generations", str(n)]) == 0  # is finished
    assert "digits-flow-fully_synthetic-bias0.5-neon-smoke-seed0-" in capsys.readouterr().out
