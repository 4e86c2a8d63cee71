"""Since when a rule or a plan stands: its file says so, and the history of the repository agrees."""

import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from bench.paths import LEADERBOARD

QUESTIONS = sorted((LEADERBOARD / "questions").glob("*.toml"))
# Rows of the table of what was written before its records: commits, and patterns of the records.
EVIDENCE = LEADERBOARD.parent / "docs" / "evidence.md"
WRITTEN = re.findall(r"^\| .* \| (`[0-9a-f]{7}`.*) \| (`.*/.*`) \|$", EVIDENCE.read_text("utf-8"), re.MULTILINE)
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


@pytest.mark.parametrize(("commits", "patterns"), WRITTEN)
def test_what_was_written_before_its_records_was_there_without_them(commits: str, patterns: str) -> None:
    for pattern in re.findall("`(.+?)`", patterns):
        assert list(LEADERBOARD.glob(pattern)), pattern
        for commit in re.findall("`(.+?)`", commits):
            try:
                then = git("ls-tree", "-r", "--name-only", commit)
            except (FileNotFoundError, subprocess.CalledProcessError):
                pytest.skip("no git, or a copy without the history")
            assert "boards.sh" in then
            assert [name for name in then.splitlines() if fnmatch(name, pattern)] == []


def test_the_plan_says_since_when_it_stands() -> None:
    assert len(WRITTEN) == 4
