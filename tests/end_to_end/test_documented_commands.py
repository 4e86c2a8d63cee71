"""Every command that the documents show: run by a test, here or elsewhere, or marked with what it needs."""

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from builders import TINY_STYLEGAN
from PIL import Image

from bench import paths
from bench.cli.main import main, parser_of
from bench.runs import environment

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted(ROOT.glob("docs/*.md"))
NEEDS = re.compile(r"needs (a network|a GPU|several GPUs|a cluster)")
# Documents whose commands a test of their own gives, all or those of a section.
BY_A_TEST = {
    "docs/generators.md": "tests/end_to_end/test_bring_a_generator.py",
    "docs/tasks.md": "tests/end_to_end/test_own_task.py",
}
# Commands that take long, or that another test gives.
ELSEWHERE = {
    r"python tests/fuzz": "tests/fuzz/test_fuzz.py",
    r"python tests/faults|pytest -m faults": "tests/faults/test_faults.py",
    r"make board-digits.*": "tests/test_shipped_results.py",  # of what it has made
    r"make verify-tenth.*": "tests/end_to_end/test_verify_tenth.py",
    r"autophagy run .*--workers 2": "tests/executors/test_worker_processes.py",
    r"autophagy run .*--generator flow.py": "tests/end_to_end/test_bring_a_generator.py",
    r"autophagy run .*--log tensorboard|tensorboard --logdir": "tests/end_to_end/test_logging.py",
    r"autophagy threshold": "tests/end_to_end/test_threshold_command.py",
    r"autophagy verify": "tests/submission/test_verify.py",
    r"my_idea|--results leaderboard/results --out site": "tests/end_to_end/test_newcomer.py",
    r"autophagy check (restore_moments|my_method).py": "tests/test_docs.py",
    r"--method restore_moments$|-restore_moments-\*$": "tests/submission/test_submit.py",  # as a baseline
    r"git (switch|add|commit)|python -m bench.submission": "tests/submission/test_contribution.py",
}
HERE = ("README.md", "docs/run.md", "docs/scorer.md", "docs/machines.md", "docs/submitting.md")


@dataclass(frozen=True)
class Shown:
    """A command of a document."""

    document: str
    line: str
    marked: bool

    @property
    def words(self) -> list[str]:
        words = shlex.split(self.line, comments=True)
        while "=" in words[0]:
            words = words[1:]
        return [words[0].removeprefix(".venv/bin/"), *words[1:]]


def shown() -> Iterator[Shown]:
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        for mark, block in re.findall(r"(?ms)^(<!-- [^\n]* -->\n)? *```sh\n(.*?)^ *```", text):
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip():
                    marked = NEEDS.search(mark) or NEEDS.search(line.partition("#")[2])
                    yield Shown(path.relative_to(ROOT).as_posix(), line.strip(), bool(marked))


COMMANDS = list(shown())
OURS = [command for command in COMMANDS if command.words[0] == "autophagy"]


def elsewhere(command: Shown) -> str | None:
    """Return the test that gives a command."""
    if command.document in BY_A_TEST:
        return BY_A_TEST[command.document]
    return next((test for pattern, test in ELSEWHERE.items() if re.search(pattern, command.line)), None)


def test_there_are_some():
    assert len(OURS) > 50


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.document}: {command.line[:60]}")
def test_each_is_run_by_a_test_or_says_what_it_needs(command: Shown):
    test = elsewhere(command)
    if not command.marked and test is None:
        assert command in OURS
        assert command.document in HERE
    assert test is None or (ROOT / test).is_file()


@pytest.mark.parametrize("command", OURS, ids=lambda command: f"{command.document}: {command.line[:60]}")
def test_each_of_ours_has_options_that_there_are(command: Shown):
    words = [word for word in command.words[1:] if word != "..."]
    assert parser_of(words[:1]).parse_args(words).verb == words[0]


def test_targets_of_make_that_are_named_are_there():
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    boards = (ROOT / "leaderboard/boards.sh").read_text(encoding="utf-8")
    targets |= {f"board-{table}" for table in re.findall(r"(?m)^([a-z0-9_]+)_board\(\)", boards)}
    text = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    named = set(re.findall(r"(?m)(?:`|^)make ([a-z0-9_-]+)", text))
    assert named
    assert named <= targets


def code_of(document: str) -> str:
    """Return the one method that a document shows."""
    [code] = re.findall(r"(?ms)^```python\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"))
    return str(code)


@pytest.fixture
def folder(tmp_path: Path, tiny_task: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a clone is, with tasks of the same names that take a second, and with images to score."""
    shutil.copytree(ROOT / "leaderboard", tmp_path / "leaderboard")
    shutil.copytree(ROOT / "tasks", tmp_path / "tasks")
    (tmp_path / "tasks" / "digits.toml").write_text(tiny_task.read_text() + TINY_STYLEGAN)
    random = np.random.default_rng(0)
    for name in ("REAL", "FAKE", "TRAIN"):
        (tmp_path / name).mkdir()
        for i in range(140):
            Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / name / f"{i}.png")
    (tmp_path / "my_method.py").write_text(code_of("README.md"))
    monkeypatch.setattr(paths, "TASKS", tmp_path / "tasks")
    monkeypatch.setattr(environment, "_git", lambda *arguments: None)  # the checkout that is tested may be dirty
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("document", HERE)
def test_they_do_what_they_say_in_their_order(document: str, folder: Path, capsys: pytest.CaptureFixture[str]):
    given = 0
    for command in OURS:
        if command.document != document or command.marked or elsewhere(command) or "..." in command.words:
            continue
        words: list[str] = []
        for word in command.words[1:]:
            if word == "runs/cells/NAME":
                word = next(map(str, Path("runs/cells").glob("digits-*")))
            words += sorted(map(str, Path().glob(word))) if "*" in word else [word]
        if words[0] == "rescore":
            words[-1] = "identity"  # which is quick
        capsys.readouterr()
        assert main(words) == 0, f"{command.line}\n{capsys.readouterr().err}"
        if words == ["new-method", "restore_moments"]:
            Path("restore_moments.py").write_text(code_of(document))
        given += 1
    assert given
