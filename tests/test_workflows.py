"""The workflows: that they can be read, and what they may do."""

import re
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_they_read_the_repository_and_write_nothing_but_the_page(path: Path):
    content = read(path)
    assert content["permissions"] == {"contents": "read"}
    granted = {name: job["permissions"] for name, job in content["jobs"].items() if "permissions" in job}
    assert granted in ({}, {"deploy": {"pages": "write", "id-token": "write"}})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_they_use_official_actions_of_a_fixed_version_alone(path: Path):
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    assert [name for name in used if not re.fullmatch(r"actions/[a-z-]+@v[0-9.]+", name)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_text_of_a_stranger_reaches_a_shell(path: Path):
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


def test_the_targets_and_modules_that_they_call_are_there():
    called = [step["run"] for path in WORKFLOWS for step in steps(path) if "run" in step]
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert {command.split()[1] for command in called if command.startswith("make ")} <= targets
    for module in re.findall(r"python -m (\S+)", "\n".join(called)):
        assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()
    assert ".ci/run" in called
