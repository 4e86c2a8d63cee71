"""leaderboard/verify_tenth.sh: which records it runs again."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bench import paths


@pytest.fixture
def leaderboard(tmp_path: Path) -> Path:
    """Return a leaderboard of five records, one verified, and beside it an `autophagy` that tells what it is asked."""
    folder = tmp_path / "leaderboard"
    (folder / "results").mkdir(parents=True)
    (folder / "reproductions").mkdir()
    for name in (
        "digits-none-seed0-0000000a",  # 10
        "digits-none-seed1-0000000b",
        "digits-none-seed2-80000002",  # 2,147,483,650
        "digits-none-seed3-00000014",  # 20, verified
        "mnist-none-seed0-00000064",  # 100
    ):
        (folder / "results" / f"{name}.json").touch()
    (folder / "reproductions" / "0000001400000000-maintainers-rerun.json").touch()
    shutil.copy(paths.LEADERBOARD / "verify_tenth.sh", folder)
    told = tmp_path / "autophagy"
    told.write_text('#!/bin/sh\necho "$2"\ncase "$2" in *mnist*) exit 2;; esac\n')
    told.chmod(0o755)
    return folder


def verified(leaderboard: Path, *words: str) -> tuple[int, set[str]]:
    command = [leaderboard / "verify_tenth.sh", leaderboard.parent / "autophagy", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, {Path(line).stem for line in done.stdout.splitlines()}


def test_chance_draws_them_and_what_is_verified_is_skipped(leaderboard: Path):
    assert verified(leaderboard, "digits") == (0, {"digits-none-seed0-0000000a", "digits-none-seed2-80000002"})


def test_one_that_does_not_agree_is_told_after_all_have_run(leaderboard: Path):
    status, records = verified(leaderboard)
    assert status == 1
    assert records == {"digits-none-seed0-0000000a", "digits-none-seed2-80000002", "mnist-none-seed0-00000064"}


def test_where_all_are_verified_there_is_nothing_to_do(leaderboard: Path):
    assert verified(leaderboard, "digits-none-seed3") == (0, set())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give the path of autophagy, and what the records begin with or nothing"),
        (["autophagy", "cifar10"], "no record in leaderboard/results begins with 'cifar10'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(leaderboard: Path, words: list[str], said: str):
    done = subprocess.run([leaderboard / "verify_tenth.sh", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"verify_tenth.sh: {said}\n")
