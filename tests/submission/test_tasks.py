"""The task files that a submission brings."""

from pathlib import Path

import pytest
from board.made_up import make_record

from bench import paths
from bench.cells.task import load_task
from bench.errors import BadInput
from bench.submission.cells import SubmittedCell
from bench.submission.folder import LeaderboardFolder
from bench.submission.tasks import find_task_files


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A task of one's own with a feature network beside it."""
    text = (paths.TASKS / "digits.toml").read_text(encoding="utf-8").replace('"digits"', '"pets"')
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "digits.safetensors").write_bytes(b"weights")
    (tmp_path / "pets.toml").write_text(text, encoding="utf-8")
    return tmp_path / "pets.toml"


@pytest.fixture
def leaderboard(tmp_path: Path) -> Path:
    (tmp_path / "leaderboard").mkdir()
    return tmp_path / "leaderboard"


def found(task: Path, folder: Path) -> tuple[dict[Path, bytes], list[Path]]:
    cell = SubmittedCell(Path("runs/cells/mine"), make_record(), load_task(str(task)), None)
    return find_task_files([cell], LeaderboardFolder(folder, [task]))


def refusal(task: Path, folder: Path) -> str:
    with pytest.raises(BadInput) as caught:
        found(task, folder)
    return str(caught.value)


def test_the_file_and_its_network_go_into_the_tasks_of_the_leaderboard(own: Path, leaderboard: Path):
    files, kept = found(own, leaderboard)
    assert kept == []
    assert files == {
        leaderboard / "tasks" / "pets.toml": own.read_bytes(),
        leaderboard / "tasks" / "features" / "digits.safetensors": b"weights",
    }


def test_what_is_there_stays(own: Path, leaderboard: Path):
    (leaderboard / "tasks").mkdir()
    (leaderboard / "tasks" / "pets.toml").write_bytes(own.read_bytes())
    files, kept = found(own, leaderboard)
    assert kept == [leaderboard / "tasks" / "pets.toml"]
    assert list(files) == [leaderboard / "tasks" / "features" / "digits.safetensors"]


def test_another_file_of_the_name_is_never_replaced(own: Path, leaderboard: Path):
    (leaderboard / "tasks").mkdir()
    (leaderboard / "tasks" / "pets.toml").write_bytes(own.read_bytes() + b"# changed\n")
    assert refusal(own, leaderboard) == (
        f"{leaderboard}/tasks/pets.toml: is another file than that of the cells: files here are never replaced"
    )


@pytest.mark.parametrize("weights", ["../digits.safetensors", "/tmp/digits.safetensors"])
def test_a_network_that_lies_elsewhere_is_refused(own: Path, leaderboard: Path, weights: str):
    own.write_text(own.read_text(encoding="utf-8").replace("features/digits.safetensors", weights), encoding="utf-8")
    assert f"features.weights is {weights}: give a path below the task file" in refusal(own, leaderboard)


def test_a_task_that_no_cell_is_of_is_refused(own: Path, leaderboard: Path):
    cell = SubmittedCell(Path("runs/cells/mine"), make_record(), load_task("digits"), None)
    with pytest.raises(BadInput, match=r"^--task .*pets.toml: no cell is of the task 'pets'$"):
        find_task_files([cell], LeaderboardFolder(leaderboard, [own]))
