"""What is asked of every result and every method file on the leaderboard."""

import re
from pathlib import Path
from typing import Any

import pytest
from board.made_up import make_record

from bench import paths
from bench.cells.cell import GeneratorIdentity
from bench.cells.record import Record, read_record
from bench.cells.task import load_task
from bench.cells.task_files import KnownTasks
from bench.errors import BadInput
from bench.files.limits import MOST_METHOD_BYTES
from bench.submission.rules import (
    check_code_file,
    check_record,
    group_id,
    group_name,
    missing_seeds,
)

PATH = Path("results/mine.json")
TASKS = KnownTasks()


@pytest.fixture(scope="module")
def record() -> Record:
    """A result of digits, as it is on the leaderboard."""
    path = min((paths.LEADERBOARD / "results").glob("digits-ddpm-fully_synthetic-none-smoke-seed0-*.json"))
    return read_record(path)


def refusal(record: Record) -> str:
    with pytest.raises(BadInput) as caught:
        check_record(PATH, record, TASKS)
    assert str(caught.value).startswith(f"{PATH}: ")
    return str(caught.value)


def changed(record: Record, part: str, **values: Any) -> Record:
    return record.model_copy(update={part: getattr(record, part).model_copy(update=values)})


def test_a_result_on_the_leaderboard_keeps_the_rules(record: Record):
    check_record(PATH, record, TASKS)


@pytest.mark.parametrize(
    ("part", "values", "words"),
    [
        ("cell", {"task": "nonsense"}, ["task = 'nonsense'", "digits, "]),
        ("cell", {"task": "../tasks/digits.toml"}, ["task = '../tasks/digits.toml'"]),
        ("cell", {"task_version": 7}, ["task_version = 7", "'digits'", "run the cell again"]),
        (
            "cell",
            {"generator": GeneratorIdentity(name="gaussian")},
            ["generator = 'gaussian'", "ddpm, stylegan", "smoke"],
        ),
        (
            "cell",
            {"generator": GeneratorIdentity(name="ddpm", sha256="a" * 64)},
            ["generator 'ddpm' is one of the benchmark", "choose another name"],
        ),
        ("score", {"features": "inception"}, ["score.features = inception", "has digits"]),
        ("score", {"features_sha256": "0" * 64}, ["score.features_sha256 = 000", "has 7232024a"]),
        ("score", {"n": 100}, ["score.n = 100", "has 500"]),
        ("score", {"k": 3}, ["score.k = 3", "has 5"]),
        ("score", {"reference_sha256": "0" * 64}, ["score.reference_sha256 = 000", "has 7a79c58d"]),
        ("data", {"sha256": "0" * 64}, ["data.sha256 = 000", "data.pinned = true", "pins 54be54f6"]),
        ("environment", {"dirty": True}, ["environment.dirty = true", "git status", "run the cell again"]),
    ],
)
def test_a_result_that_was_not_made_under_the_tasks_conditions_is_refused(
    record: Record, part: str, values: dict[str, Any], words: list[str]
):
    error = refusal(changed(record, part, **values))
    assert [word for word in words if word not in error] == []


def test_a_result_of_another_task_file_is_refused_where_the_record_says_so(record: Record):
    check_record(PATH, record.model_copy(update={"task_sha256": load_task("digits").sha256}), TASKS)
    check_record(PATH, record.model_copy(update={"task_sha256": None}), TASKS)  # of schema 1
    assert "task_sha256 = 000" in refusal(record.model_copy(update={"task_sha256": "0" * 64}))


def test_other_real_images_are_allowed_where_the_record_says_so(record: Record):
    check_record(
        PATH,
        changed(changed(record, "data", sha256="0" * 64, pinned=False), "score", reference_sha256="0" * 64),
        TASKS,
    )


def test_a_task_that_pins_no_hashes_has_no_pinned_results(record: Record):
    cell = changed(record, "cell", task="cifar10", task_version=load_task("cifar10").version)
    pinned = changed(cell.model_copy(update={"task_sha256": None}), "score", features="efficientnet-lite0")
    assert "data.pinned = true: task 'cifar10' pins no hashes" in refusal(pinned)
    check_record(PATH, changed(pinned, "data", pinned=False), TASKS)


def test_a_wheel_knows_no_commit_and_its_results_are_allowed(record: Record):
    check_record(PATH, changed(record, "environment", git_commit=None, dirty=None), TASKS)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("mine.txt", b"", "a method is one Python file"),
        ("Mine.py", b"", "named in lower case"),
        ("mine.py", b"#" * (MOST_METHOD_BYTES + 1), "100,001 bytes: the most is 100,000"),
        ("mine.py", b"# \xff\n", "cannot be read as UTF-8 text"),
        ("mine.py", b"# -*- coding: utf-7 -*-\n", "its encoding is utf-7: must be utf-8"),
        ("mine.py", b"# -*- coding: no-such -*-\n", "cannot be read as UTF-8 text"),
        ("mine.py", b"import bench.scoring.scorer\n", "mine.py:1: imports bench.scoring.scorer"),
        ("mine.py", b"def (\n", "cannot be imported: SyntaxError"),
        ("mine.py", b"\nopen('a', 'w')\n", "mine.py:2: uses open: a method sees what the loop hands it, and no files"),
        ("mine.py", b"import torch\ntorch.save(1, 'a')\n", "mine.py:2: uses torch.save: a method sees"),
        ("mine.py", b"import socket\nsocket.socket()\n", "mine.py:2: uses socket.socket: a method sees"),
        ("mine.py", b"from threading import Thread\n", "mine.py:1: uses threading.Thread: a method sees"),
        ("mine.py", b"import os\nos.environ['CI']\n", "mine.py:2: uses os.environ: a method sees"),
    ],
)
def test_a_method_file_that_is_not_allowed_is_refused(tmp_path: Path, name: str, content: bytes, words: str):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=re.escape(words)):
        check_code_file(path, "method")


def test_a_method_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(BadInput, match="a method is one Python file"):
        check_code_file(tmp_path / "mine.py", "method")


def test_a_method_file_is_not_executed(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text("raise RuntimeError('executed')\n")
    check_code_file(path, "method")


@pytest.mark.parametrize(
    ("seeds", "missing"),
    [({0}, []), ({0, 1, 2}, []), ({1}, [0]), ({0, 2, 5}, [1, 3, 4]), ({10**18}, list(range(20)))],
)
def test_seeds_start_at_0_and_have_no_gaps(seeds: set[int], missing: list[int]):
    assert missing_seeds(seeds) == missing


def test_cells_of_a_group_differ_in_the_seed_alone():
    same = [make_record(seed=seed).cell for seed in (0, 1)]
    other = make_record(method="mine").cell
    assert group_id(same[0]) == group_id(same[1]) != group_id(other)
    assert group_name(same[0]) == group_name(same[1]) == "digits-ddpm-fully_synthetic-none-smoke"
