"""Since when the rule of a question stands: its file says so, and the history of the repository agrees."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bench.paths import LEADERBOARD

QUESTIONS = sorted((LEADERBOARD / "questions").glob("*.toml"))
IN_WORDS = ("label", "margin")  # of an item, which decide nothing


def git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=LEADERBOARD, check=True, capture_output=True, text=True).stdout


def rule(text: str) -> tuple[str, list[dict[str, Any]]]:
    """Return what decides: how the numbers are combined, and each number with what is expected of it."""
    content = tomllib.loads(text)
    items = [
        {name: value for name, value in item.items() if name not in IN_WORDS} for item in content.get("evidence", [])
    ]
    return content["combine"], items


@pytest.mark.parametrize("path", QUESTIONS, ids=lambda path: path.stem)
def test_the_rule_is_that_of_the_commit_and_of_its_day(path: Path) -> None:
    since = tomllib.loads(path.read_text(encoding="utf-8"))["since"]
    try:
        date = git("show", "--no-patch", "--format=%cd", "--date=short", since["commit"]).strip()
        then = git("show", f"{since['commit']}:./questions/{path.name}")
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no git, or a copy without the history")
    assert date == str(since["date"])
    assert rule(then) == rule(path.read_text(encoding="utf-8"))
