"""Finished cells, made once and copied for each test."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.cli.main import main
from bench.runs import environment
from submission.place import Place

# Importing the file leaves a trace: whoever does it is found out.
METHOD = '''"""Leaves things as they are: for tests."""

import torch

from bench import Method

torch.trace_of_mine = True


class Mine(Method):
    """The plain loop under another name."""
'''
GENERATIONS = 2


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Place:
    path = tmp_path_factory.mktemp("finished")
    place = Place(path)
    place.method.write_text(METHOD)
    cells = ["--task", "gaussian", "--generator", "gaussian", "--loop", "fully_synthetic", "--seeds", "0,1,2"]
    cells += ["--generations", str(GENERATIONS), "--method", f"none,{place.method}", "--runs", str(place.runs)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "_git", lambda *arguments: None)  # the checkout that is tested may be dirty
        assert main(["run", *cells, "--device", "cpu", "--json"]) == 0
    assert place.method_was_imported
    for sheet in place.runs.glob("cells/*/samples.png"):
        sheet.unlink()  # tests that are about pictures make their own
    return place


@pytest.fixture
def place(finished: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A copy of the finished cells, beside an empty leaderboard, and the folder that commands start in."""
    place = Place(tmp_path / "place")
    shutil.copytree(finished.path, place.path)
    place.leaderboard.mkdir()
    monkeypatch.chdir(place.path)
    monkeypatch.delattr(torch, "trace_of_mine", raising=False)
    return place


@pytest.fixture
def submit(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Submit, and return what was printed."""

    def run(*arguments: Any) -> str:
        capsys.readouterr()
        status = main(["submit", *map(str, arguments)])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out

    return run


@pytest.fixture
def refusal(place: Place, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Submit what cannot be submitted, and return the error: one line, and nothing is written."""

    def run(*arguments: Any) -> str:
        capsys.readouterr()
        before = place.files()
        assert main(["submit", *map(str, arguments)]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        [line] = captured.err.splitlines()
        assert line.startswith("autophagy: error: ")
        assert place.files() == before
        return line

    return run
