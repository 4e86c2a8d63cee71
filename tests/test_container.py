"""The container file: what it copies is there, and its command is the demo, which any user can run."""

import json
import re
import shlex
from pathlib import Path

import pytest
from end_to_end.conftest import write_tiny_task

from bench import paths
from bench.cli.main import main, parser_of

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")


def instructions(name: str) -> list[str]:
    """Return what follows an instruction, each time that it is there."""
    return re.findall(rf"(?m)^{name} (.*)$", TEXT)


def demo() -> list[list[str]]:
    """Return the commands that a container runs."""
    [command] = instructions("CMD")
    shell, option, script = json.loads(command)
    assert (shell, option) == ("sh", "-c")
    return [shlex.split(part) for part in script.split(" && ")]


def test_it_has_no_instruction_that_is_misspelt():
    lines = [line for line in TEXT.splitlines() if line and not line.startswith("#")]
    assert {line.split()[0] for line in lines} == {"FROM", "ARG", "WORKDIR", "COPY", "RUN", "ENV", "CMD"}


def test_what_it_copies_is_there_and_is_all_that_a_wheel_is_built_of():
    copied = {name for line in instructions("COPY") for name in line.split()[:-1]}
    assert [name for name in copied if not (ROOT / name).exists()] == []
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    forced = re.search(r"(?ms)^\[tool\.hatch\.build\.targets\.wheel\.force-include\]\n(.*?)^$", project)
    assert forced is not None
    needed = set(re.findall(r"(?m)^(\w+) = ", forced[1])) | {"bench", "pyproject.toml", "README.md", "LICENSE"}
    assert copied == needed


def test_what_it_leaves_out_are_no_parts_of_it():
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = {name for line in instructions("COPY") for name in line.split()[:-1]}
    assert not copied & set(left_out)


def test_its_commands_are_those_of_make_demo():
    [made] = re.findall(r"(?m)^demo: setup\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert demo() == [shlex.split(line.replace("$(BIN)/", "")) for line in made.splitlines()]
    for _, *words in demo():
        parser_of(words[:1]).parse_args(words)


def test_the_extra_that_it_installs_is_there_and_no_host_is_named():
    [extra] = re.findall(r"'\.\[([\w-]+)\]'", TEXT)
    assert re.search(rf"(?m)^{extra} = ", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "://" not in TEXT


def test_the_demo_runs_for_a_user_whom_no_list_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr("pwd.getpwuid", unknown)
    for name in ("HOME", "USER", "LOGNAME", "AUTOPHAGY_CACHE", "AUTOPHAGY_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    work = tmp_path / "work"
    work.mkdir()
    for setting in instructions("ENV"):
        name, _, value = setting.partition("=")
        monkeypatch.setenv(name, value.replace("/out", str(work)))
    (tmp_path / "tasks").mkdir()
    write_tiny_task(tmp_path / "tasks" / "digits.toml")  # of the same name: it takes a second
    monkeypatch.chdir(work)
    for _, *words in demo():
        with monkeypatch.context() as patch:
            if words[0] == "run":
                patch.setattr(paths, "TASKS", tmp_path / "tasks")
            assert main(words) == 0, capsys.readouterr().err
    assert (work / "site" / "index.html").is_file()
