"""The five commands of the documentation, word for word, as somebody gives them who has never been here.

The task of the name digits takes a second here, so that its results are of another task than the committed ones.
"""

import csv
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from builders import TINY_STYLEGAN

from bench import paths
from bench.cli.main import main
from bench.runs import environment

from .conftest import write_tiny_task

ROOT = Path(__file__).parents[2]
ROOMS = ("bench", "tasks", "baselines", "leaderboard", "docs")


def five_commands() -> list[str]:
    """Return the lines of the one block in the section "In five commands"."""
    text = (ROOT / "docs" / "submitting.md").read_text(encoding="utf-8")
    [section] = re.findall(r"(?ms)^## In five commands\n(.*?)^## ", text)
    [block] = re.findall(r"(?ms)^```sh\n(.*?)^```", section)
    return block.splitlines()


def hurried(folder: Path, task: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give four of the commands in this process and this folder, with a task of the same name that takes a second."""
    shutil.copytree(ROOT / "leaderboard", folder / "leaderboard")
    (folder / "tasks").mkdir()
    task.rename(folder / "tasks" / "digits.toml")
    monkeypatch.setattr(environment, "_git", lambda *arguments: None)  # the checkout that is tested may be dirty
    monkeypatch.chdir(folder)
    for line in five_commands():
        words = [sorted(map(str, Path().glob(word))) if "*" in word else [word] for word in shlex.split(line)]
        _, verb, *arguments = itertools.chain(*words)
        with monkeypatch.context() as patch:
            if verb in ("run", "submit"):
                patch.setattr(paths, "TASKS", folder / "tasks")
            if verb != "check":  # tests/methods/test_new.py does it
                assert main([verb, *arguments]) == 0, line
    return folder


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which the five commands were given."""
    copy = tmp_path_factory.mktemp("newcomer") / "repository"
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    task = write_tiny_task(copy / "tasks" / "digits.toml")
    task.write_text(task.read_text() + TINY_STYLEGAN)  # the board plans what the committed results are of
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # One thread: on a busy machine threads that wait for each other take many times longer.
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    for line in five_commands():
        done = subprocess.run(["sh", "-c", line], cwd=copy, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return copy


def test_there_are_five():
    assert [line.split()[:2] for line in five_commands()] == [
        ["autophagy", verb] for verb in ("new-method", "check", "run", "submit", "board")
    ]


def test_in_a_hurry_the_leaderboard_has_gained_the_method_and_the_page_shows_it(
    tmp_path: Path, tiny_task: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = hurried(tmp_path, tiny_task, monkeypatch)
    assert_gained(folder)
    assert "my_idea" in (folder / "site" / "index.html").read_text(encoding="utf-8")
    assert_in_the_download(folder)


@pytest.mark.slow
def test_the_leaderboard_has_gained_the_method_its_results_and_a_strip_and_lost_nothing(copy: Path):
    assert_gained(copy)


@pytest.mark.slow
def test_the_page_shows_the_method(copy: Path):
    assert "my_idea" in (copy / "site" / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_download_has_its_row_with_three_seeds(copy: Path):
    assert_in_the_download(copy)


def assert_gained(copy: Path) -> None:
    """Assert that the leaderboard folder has gained the method, its results and a strip, and lost nothing."""
    before, after = (
        {
            path.relative_to(root): path.read_bytes()
            for path in (root / "leaderboard").rglob("*")
            if path.is_file() and path.parent.name != "__pycache__"
        }
        for root in (ROOT, copy)
    )
    assert {path: after.get(path) for path in before} == before
    gained = sorted(str(path) for path in after.keys() - before.keys())
    slug = r"leaderboard/results/digits-ddpm-fully_synthetic-my_idea-smoke-seed"
    expected = [r"leaderboard/methods/my_idea\.py", rf"{slug}0-\w+\.json", rf"{slug}0-\w+\.png"]
    expected += [rf"{slug}0-\w+\.samples\.png"]
    expected += [rf"{slug}1-\w+\.json", rf"{slug}2-\w+\.json"]
    assert len(gained) == len(expected), gained
    assert [path for path, pattern in zip(gained, expected, strict=True) if not re.fullmatch(pattern, path)] == []


def assert_in_the_download(copy: Path) -> None:
    """Assert that the method's row in the download has three seeds."""
    download = copy / "site" / "downloads" / "results.csv"
    if not download.exists():
        pytest.skip("the page has no downloads")
    with download.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if "my_idea" in row.values()]
    assert [row["seeds"] for row in rows] == ["0 1 2"]
    # It is ranked, or the table says why not.
    assert [row for row in rows if bool(row["rank"]) == bool(row["unranked_because"])] == []
