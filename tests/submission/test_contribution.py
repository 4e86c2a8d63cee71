"""The check of what a branch adds to the leaderboard, in a repository made for it."""

import datetime
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cells.record import Record, read_record
from bench.cells.submitted import Submitted
from bench.files.limits import MOST_RECORD_BYTES
from bench.submission import contribution
from submission.place import Place, png


class Repository:
    """A git repository whose branch main has results of the plain loop, and whose branch mine is to be checked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.leaderboard = root / "leaderboard"

    def git(self, *arguments: str) -> None:
        author = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(self.root), *author, *arguments], check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--message", "a change")

    def result(self, seed: int, method: str = "mine") -> Path:
        [path] = self.leaderboard.glob(f"results/*-{method}-smoke-seed{seed}-*.json")
        return path

    def replace(self, path: Path, change: Callable[[Record], Record]) -> None:
        """Replace a record by another one, valid in itself."""
        path.write_text(change(read_record(path)).to_json())


@pytest.fixture
def repository(place: Place, submit: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The repository with a branch that adds a method and its three results as `autophagy submit` does."""
    repository = Repository(place.path / "repository")
    repository.leaderboard.mkdir(parents=True)
    (repository.root / "README.md").write_text("Read me.\n")
    repository.git("init", "--initial-branch", "main")
    option = ("--leaderboard", repository.leaderboard)
    submit(*(place.cell(seed, "none") for seed in (0, 1, 2)), *option)
    repository.commit()
    repository.git("switch", "--create", "mine")
    (place.cell(0) / "strip.png").write_bytes(png())
    submit(*(place.cell(seed) for seed in (0, 1, 2)), "--method", place.method, *option)
    repository.commit()
    monkeypatch.chdir(repository.root)
    return repository


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str]]]:
    """Check the branch against main; return the exit status and the lines of what is refused."""

    def run(base: str = "main") -> tuple[int, list[str]]:
        capsys.readouterr()
        status = contribution.main([base])
        lines = capsys.readouterr().out.splitlines()
        return status, [line.removeprefix("refused").strip() for line in lines if line.startswith("refused ")]

    return run


def test_what_submit_has_written_passes(repository: Repository, check, capsys):
    assert check() == (0, [])
    contribution.main(["main"])
    assert capsys.readouterr().out.splitlines() == [
        "added     4 files to leaderboard/results",
        "added     1 file to leaderboard/methods",
        "added     0 files to leaderboard/generators",
        "added     0 files to leaderboard/reproductions",
        "added     0 files to leaderboard/submissions",
    ]


def name(repository: Repository, *cells: str) -> Path:
    """Name somebody who has submitted cells, in a file of the branch."""
    submitted = Submitted(by="Ada", date=datetime.date(2026, 11, 28), cells=cells)
    path = repository.leaderboard / "submissions" / submitted.file_name
    path.parent.mkdir()
    path.write_text(submitted.to_json())
    repository.commit()
    return path


def test_who_submits_may_be_named_with_the_results(repository: Repository, check):
    name(repository, read_record(repository.result(0)).cell_id)
    assert check() == (0, [])


def test_nobody_is_named_for_results_that_were_there_before(repository: Repository, check):
    there = read_record(repository.result(0, "none")).cell_id
    path = name(repository, read_record(repository.result(0)).cell_id, there)
    refused = f"leaderboard/submissions/{path.name}: names cell {there[:12]}..., whose result is not added with it"
    assert check() == (1, [refused])


def test_a_submission_that_was_edited_is_refused(repository: Repository, check):
    path = name(repository, read_record(repository.result(0)).cell_id)
    path.write_text(path.read_text().replace("Ada", "Bob"))
    repository.commit()
    [refused] = check()[1]
    assert "it was edited after it was written" in refused


def test_no_method_is_executed(repository: Repository, check, place: Place):
    check()
    assert not place.method_was_imported


def test_what_main_got_meanwhile_is_no_part_of_the_branch(repository: Repository, check):
    repository.git("switch", "main")
    repository.result(2, "none").unlink()
    repository.commit()
    repository.git("switch", "mine")
    assert check() == (0, [])


def test_files_outside_are_named_and_allowed(repository: Repository, check, capsys):
    (repository.root / "README.md").write_text("Read me twice.\n")
    (repository.root / "new.md").write_text("New.\n")
    repository.commit()
    assert check() == (0, [])
    contribution.main(["main"])
    assert capsys.readouterr().out.splitlines()[-2:] == ["besides   README.md", "besides   new.md"]


def change(repository: Repository) -> str:
    path = repository.result(0, "none")
    path.write_text(path.read_text() + "\n")
    return f"leaderboard/results/{path.name}: was changed: files here are only added"


def delete(repository: Repository) -> str:
    path = repository.result(0, "none")
    path.unlink()
    return f"leaderboard/results/{path.name}: was deleted"


def rename(repository: Repository) -> str:
    path = repository.result(0, "none")
    path.rename(path.with_name("other.json"))
    return f"leaderboard/results/{path.name}: was deleted"


def replace_by_a_link(repository: Repository) -> str:
    path = repository.result(0, "none")
    path.unlink()
    path.symlink_to("/dev/zero")
    return f"leaderboard/results/{path.name}: was replaced by something else"


def add_a_link(repository: Repository) -> str:
    (repository.leaderboard / "results" / "link.json").symlink_to("/dev/zero")
    return "leaderboard/results/link.json: is no plain file (mode 120000)"


def make_a_folder_a_link(repository: Repository) -> str:
    (repository.leaderboard / "reproductions").symlink_to("/tmp")
    return "leaderboard/reproductions: is no plain file (mode 120000)"


def add_an_executable(repository: Repository) -> str:
    (repository.leaderboard / "methods" / "mine.py").chmod(0o755)
    return "leaderboard/methods/mine.py: is no plain file (mode 100755)"


def add_another_file(repository: Repository) -> str:
    (repository.leaderboard / "methods" / "mine.sh").write_text("echo")
    return "leaderboard/methods/mine.sh: does not belong here: choose one of leaderboard/methods/NAME.py"


def add_a_folder(repository: Repository) -> str:
    path = repository.result(2)
    (path.parent / "mine").mkdir()
    path.rename(path.parent / "mine" / path.name)
    return f"leaderboard/results/mine/{path.name}: does not belong here"


def add_an_odd_name(repository: Repository) -> str:
    (repository.leaderboard / "results" / "a\n::error::\x1b[2J.json").write_text("{}")
    return "leaderboard/results/a\\n::error::\\x1b[2J.json: does not belong here"


def edit_a_record(repository: Repository) -> str:
    path = repository.result(1)
    path.write_text(path.read_text().replace('"k":5', '"k":4'))
    return f"leaderboard/results/{path.name}: its sha256 does not fit its content"


def break_a_rule(repository: Repository) -> str:
    path = repository.result(1)
    repository.replace(path, lambda record: record.model_copy(update={
        "environment": record.environment.model_copy(update={"dirty": True})
    }))  # fmt: skip
    return f"leaderboard/results/{path.name}: environment.dirty = true"


def misname_a_record(repository: Repository) -> str:
    path = repository.result(2)
    path.rename(path.with_name("mine.json"))
    return (
        f"leaderboard/results/mine.json: is the record of another cell than its name says: it belongs to {path.stem}"
    )


def add_a_large_record(repository: Repository) -> str:
    path = repository.result(1)
    path.write_text(path.read_text() + " " * MOST_RECORD_BYTES)
    return f"leaderboard/results/{path.name}: 4,00"


def leave_the_method_out(repository: Repository) -> str:
    (repository.leaderboard / "methods" / "mine.py").unlink()
    return "the file of its method is missing: leaderboard/methods/mine.py"


def change_the_method(repository: Repository) -> str:
    with (repository.leaderboard / "methods" / "mine.py").open("a") as file:
        file.write("# another thought\n")
    return "was run with another file than leaderboard/methods/mine.py"


def add_a_method_without_results(repository: Repository) -> str:
    (repository.leaderboard / "methods" / "idle.py").write_text('"""Idle."""\n')
    return "leaderboard/methods/idle.py: no result was run with this file"


def add_a_method_that_is_not_allowed(repository: Repository) -> str:
    (repository.leaderboard / "methods" / "idle.py").write_text("import bench.scoring.scorer\n")
    return "leaderboard/methods/idle.py:1: imports bench.scoring.scorer"


def take_a_baselines_name(repository: Repository) -> str:
    (repository.leaderboard / "methods" / "none.py").write_text('"""Idle."""\n')
    return "leaderboard/methods/none.py: has the name of a baseline"


def leave_a_seed_out(repository: Repository) -> str:
    repository.result(1).unlink()
    return "gaussian-gaussian-fully_synthetic-mine-smoke: without the seeds 1: all from 0 on are needed"


def add_the_strip_of_another_seed(repository: Repository) -> str:
    path = repository.result(1).with_suffix(".png")
    path.write_bytes(png())
    return f"leaderboard/results/{path.name}: pictures are kept of seed 0 alone"


def add_the_strip_of_an_old_result(repository: Repository) -> str:
    path = repository.result(0, "none").with_suffix(".png")
    path.write_bytes(png())
    return f"leaderboard/results/{path.name}: is not a picture of a result that is added with it"


def add_a_strip_that_is_none(repository: Repository) -> str:
    path = repository.result(0).with_suffix(".png")
    path.write_text("no picture")
    return f"leaderboard/results/{path.name}: not a PNG image"


def add_the_sheet_of_an_old_result(repository: Repository) -> str:
    path = repository.result(0, "none").with_suffix(".samples.png")
    path.write_bytes(png(40, 20))
    return f"leaderboard/results/{path.name}: is not a picture of a result that is added with it"


def add_a_sheet_that_is_none(repository: Repository) -> str:
    path = repository.result(0).with_suffix(".samples.png")
    path.write_bytes(png(40, 21))
    return f"leaderboard/results/{path.name}: 40 x 21 pixels: must be 4 squares in each row"


@pytest.mark.parametrize(
    "spoil",
    [
        change, delete, rename, replace_by_a_link, add_a_link, make_a_folder_a_link, add_an_executable,
        add_another_file, add_a_folder, add_an_odd_name, edit_a_record, break_a_rule, misname_a_record,
        add_a_large_record, leave_the_method_out, change_the_method, add_a_method_without_results,
        add_a_method_that_is_not_allowed, take_a_baselines_name, leave_a_seed_out, add_the_strip_of_another_seed,
        add_the_strip_of_an_old_result, add_a_strip_that_is_none, add_the_sheet_of_an_old_result,
        add_a_sheet_that_is_none,
    ],
)  # fmt: skip
def test_a_contribution_that_breaks_a_rule_is_refused(
    repository: Repository, check, spoil: Callable[[Repository], str]
):
    words = spoil(repository)
    repository.commit()
    status, refused = check()
    assert status == 1
    assert [line for line in refused if words in line] != [], refused
    assert all(line.isprintable() for line in refused)


def test_everything_that_is_wrong_is_said(repository: Repository, check):
    expected = [change(repository), add_another_file(repository), edit_a_record(repository)]
    repository.commit()
    _, refused = check()
    assert [words for words in expected if not any(words in line for line in refused)] == []


def test_a_copy_of_a_method_changes_nothing_of_the_one_that_is_there(repository: Repository, check):
    repository.git("switch", "main")
    repository.git("merge", "mine")
    repository.git("switch", "--create", "next")
    with (repository.leaderboard / "methods" / "mine.py").open("a") as file:
        file.write("# another thought\n")
    repository.commit()
    assert check() == (1, ["leaderboard/methods/mine.py: was changed: files here are only added"])


def test_a_commit_that_is_not_there_is_said_in_one_line(repository: Repository, capsys):
    assert contribution.main(["nowhere"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert line.startswith("contribution: error: git ")
    assert "nowhere" in line


@pytest.mark.parametrize("arguments", [[], ["main", "mine"]])
def test_it_takes_one_commit(arguments: list[str], capsys):
    assert contribution.main(arguments) == 2
    assert "give the commit that the branch is to be merged into" in capsys.readouterr().err


def test_outside_of_a_repository_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert contribution.main(["main"]) == 2
    assert "not a git repository" in capsys.readouterr().err
