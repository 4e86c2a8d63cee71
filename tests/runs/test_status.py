"""What is said of a runs folder."""

import json
import os
import socket
import time
from pathlib import Path

import pytest
from board.made_up import make_record
from builders import make_cell

from bench.cli.main import main
from bench.files.claim import FILE, LEASE_SECONDS, Claim
from bench.runs.run_folder import RunFolder
from bench.runs.status import CellStatus, read_status
from bench.runs.stored import Conditions

CONDITIONS = Conditions(task_sha256="1" * 64, data_sha256="2" * 64, reference_sha256="3" * 64)


def folder(runs: Path, seed: int, finished: int = 0) -> RunFolder:
    opened = RunFolder.open(runs, make_cell(seed=seed), CONDITIONS)
    for result in make_record(fids=(1.5, 2.25, 4.125)).generations[:finished]:
        opened.finish_generation(result, {})
    return opened


def status(runs: Path) -> CellStatus:
    [found] = read_status(runs)
    return found


def claim(path: Path, host: str, pid: int, seen: float) -> None:
    """Leave a claim as a process of a machine writes it, `seen` seconds ago."""
    file = path / FILE
    file.write_text(f"filelock/2\npid={pid}\nhost={host}\nmode=lease\ntoken={'a' * 32}\nduration={LEASE_SECONDS!r}\n")
    os.utime(file, (time.time() - seen,) * 2)


def test_a_cell_with_a_record_is_done(tmp_path: Path):
    folder(tmp_path, 0, finished=3).finish(make_record())
    assert (status(tmp_path).state, status(tmp_path).finished) == ("done", 3)


def test_a_cell_that_nobody_works_on_is_resumable(tmp_path: Path):
    folder(tmp_path, 0, finished=2)
    found = status(tmp_path)
    assert (found.state, found.finished, found.generations) == ("resumable", 2, 5)


def test_a_cell_that_is_worked_on_says_what_is_done_and_where(tmp_path: Path):
    path = folder(tmp_path, 0).path
    (path / "progress.json").write_text(json.dumps({"doing": "generation 1/5 fit", "done": 30, "total": 120}))
    held = Claim(path)
    assert held.take()
    found = status(tmp_path)
    held.release()
    assert found.state == "running"
    assert found.detail == f"generation 1/5 fit 25% on {socket.gethostname()}, process {os.getpid()}"


def test_a_cell_of_another_machine_runs_while_that_gives_signs_of_life(tmp_path: Path):
    path = folder(tmp_path, 0).path
    claim(path, "elsewhere", 17, seen=10)
    assert status(tmp_path).state == "running"
    claim(path, "elsewhere", 17, seen=300)
    found = status(tmp_path)
    assert (found.state, found.detail) == ("resumable", "elsewhere, process 17 gave no sign of life for 300 s")


def test_a_cell_whose_process_is_dead_is_resumable_at_once(tmp_path: Path):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    claim(folder(tmp_path, 0).path, socket.gethostname(), pid, seen=0)
    found = status(tmp_path)
    assert (found.state, found.detail) == ("resumable", f"{socket.gethostname()}, process {pid} has ended")


def test_a_failed_cell_says_why(tmp_path: Path):
    folder(tmp_path, 0).keep_failure("the loss is nan")
    found = status(tmp_path)
    assert (found.state, found.detail) == ("failed", f"the loss is nan (on {socket.gethostname()})")


def test_a_cell_that_nobody_can_tell_is_damaged(tmp_path: Path):
    (folder(tmp_path, 0).path / "cell.json").write_text("{")
    assert status(tmp_path).state == "damaged"


def test_the_command_lists_what_is_not_done_and_counts_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder(tmp_path, 0, finished=3).finish(make_record())
    folder(tmp_path, 1).keep_failure("the loss is nan")
    assert main(["status", "--runs", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "seed0" not in out
    assert "the loss is nan" in out
    assert out.endswith("2 cells: 1 done, 1 failed\n")
    assert main(["status", "--runs", str(tmp_path), "--all"]) == 0
    assert "seed0" in capsys.readouterr().out


def test_the_command_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    claim(folder(tmp_path, 0).path, "elsewhere", 17, seen=300)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert main(["status", "--runs", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "resumable"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_is_no_runs_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str):
    assert main(["status", "--runs", str(tmp_path / name)]) == 2
    assert "there is no folder cells in it" in capsys.readouterr().err
