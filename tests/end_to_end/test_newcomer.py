"""The five commands of the documentation, word for word, as somebody gives them who has never been here."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("bench", "tasks", "baselines", "leaderboard", "docs")


def five_commands() -> list[str]:
    """Return the lines of the one block in the section "In five commands"."""
    text = (ROOT / "docs" / "submitting.md").read_text(encoding="utf-8")
    [section] = re.findall(r"(?ms)^## In five commands\n(.*?)^## ", text)
    [block] = re.findall(r"(?ms)^```sh\n(.*?)^```", section)
    return block.splitlines()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which the five commands were given."""
    copy = tmp_path_factory.mktemp("newcomer") / "repository"
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
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


def test_the_leaderboard_has_gained_the_method_its_results_and_a_strip_and_lost_nothing(copy: Path):
    before, after = (
        {path.relative_to(root): path.read_bytes() for path in (root / "leaderboard").rglob("*") if path.is_file()}
        for root in (ROOT, copy)
    )
    assert {path: after.get(path) for path in before} == before
    gained = sorted(str(path) for path in after.keys() - before.keys())
    slug = r"leaderboard/results/digits-ddpm-fully_synthetic-my_idea-smoke-seed"
    expected = [r"leaderboard/methods/my_idea\.py", rf"{slug}0-\w+\.json", rf"{slug}0-\w+\.png"]
    expected += [rf"{slug}1-\w+\.json", rf"{slug}2-\w+\.json"]
    assert len(gained) == len(expected), gained
    assert [path for path, pattern in zip(gained, expected, strict=True) if not re.fullmatch(pattern, path)] == []


def test_the_page_shows_the_method(copy: Path):
    assert "my_idea" in (copy / "site" / "index.html").read_text(encoding="utf-8")


def test_the_download_has_its_row_with_three_seeds(copy: Path):
    download = copy / "site" / "downloads" / "results.csv"
    if not download.exists():
        pytest.skip("the page has no downloads")
    with download.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if "my_idea" in row.values()]
    assert [row["seeds"] for row in rows] == ["0 1 2"]
    # It is ranked, or the table says why not.
    assert [row for row in rows if bool(row["rank"]) == bool(row["unranked_because"])] == []
