"""Worker processes on this machine."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from builders import comparable
from end_to_end.conftest import write_tiny_task
from forked import CONTEXT, Command

from bench.cli.main import main
from bench.executors import processes
from bench.files.claim import read_holder

GRID = ["--task", "gaussian", "--generator", "gaussian", "--generations", "3", "--seeds", "0,1", "--threads", "1"]
FAILING = """\
from bench import Context, Method, Pool


class Failing(Method):
    def curate(self, pool: Pool, ctx: Context) -> Pool:
        raise ValueError("no such pool")
"""


def records(runs: Path) -> dict[str, object]:
    return {path.parent.name: comparable(path) for path in runs.glob("cells/*/record.json")}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The records of the grid, run in one process."""
    runs = tmp_path_factory.mktemp("alone")
    assert main(["run", *GRID, "--runs", str(runs)]) == 0
    return records(runs)


def test_several_processes_give_the_records_of_one(
    tmp_path: Path, alone: dict[str, object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(processes, "get_context", lambda _: CONTEXT)  # the next test starts them as a user does
    capsys.readouterr()
    status = main(["run", *GRID, "--runs", str(tmp_path / "several"), "--workers", "2", "--json"])
    out, err = capsys.readouterr()
    assert status == 0
    assert records(tmp_path / "several") == alone
    assert [outcome["state"] for outcome in json.loads(out)] == ["finished"] * 6
    assert "6 of 6 cells done, 0 running" in err


def test_a_cell_that_fails_keeps_no_other_from_running(
    tmp_path: Path, alone: dict[str, object], capsys: pytest.CaptureFixture[str]
):
    method = tmp_path / "failing.py"
    method.write_text(FAILING)
    grid = [*GRID, "--loop", "fully_synthetic", "--seeds", "0", "--method", f"{method},none"]
    command = Command(["run", *grid, "--runs", tmp_path / "runs", "--workers", "2"], tmp_path / "log")
    status, out, err = command.end()
    assert status == 1
    assert f"{method}:" in err  # the line of the method's own code, for its author
    assert "ValueError: no such pool" in out
    assert "1 of 2 cells failed. To try them again: autophagy run --task gaussian" in out
    [(name, record)] = records(tmp_path / "runs").items()
    assert record == alone[name]
    capsys.readouterr()
    assert main(["status", "--runs", str(tmp_path / "runs")]) == 0
    out = capsys.readouterr().out
    assert "failed" in out
    assert "ValueError: no such pool" in out
    assert "2 cells: 1 done, 1 failed" in out


def children(pid: int) -> list[int]:
    """Return the worker processes of a process."""
    tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(task) for task in tasks if "spawn_main" in Path(f"/proc/{task}/cmdline").read_text()]


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced_and_the_record_is_the_same(tmp_path: Path):
    task = write_tiny_task(tmp_path / "tiny.toml")
    grid = ["run", "--task", task, "--loop", "fully_synthetic", "--threads", "1"]
    assert main([*map(str, grid), "--runs", str(tmp_path / "alone")]) == 0
    command = Command([*grid, "--runs", tmp_path / "runs", "--workers", "2", "--seeds", "0,1"], tmp_path / "log")

    def holders() -> list[int]:
        found = (read_holder(folder) for folder in tmp_path.glob("runs/cells/*-seed0-*"))
        return [holder.process for holder in found if holder]

    command.wait_for(holders)
    os.kill(holders()[0], signal.SIGKILL)
    status, _, err = command.end()
    assert status == 0
    assert "its process was ended by SIGKILL" in err
    alone = records(tmp_path / "alone")
    assert len(alone) == 1
    assert {name: records(tmp_path / "runs")[name] for name in alone} == alone


@pytest.mark.slow
def test_sigterm_saves_what_every_process_does_and_the_same_command_goes_on(tmp_path: Path):
    grid = ["--task", "digits", "--generations", "1", "--loop", "fully_synthetic", "--threads", "1"]
    arguments = ["run", *grid, "--runs", tmp_path / "runs", "--workers", "2", "--seeds", "0,1"]
    command = Command(arguments, tmp_path / "log")

    def both_fit() -> bool:
        states = [json.loads(path.read_text()) for path in tmp_path.glob("runs/cells/*/progress.json")]
        return len(states) == 2 and all("fit" in state["doing"] and state["done"] for state in states)

    command.wait_for(both_fit)
    workers = children(command.pid)
    command.send(signal.SIGTERM)
    started = time.monotonic()
    status, _, err = command.end(60)
    assert status == 143
    assert "stopped by SIGTERM" in err
    assert "Traceback" not in err
    assert time.monotonic() - started < 30
    assert len(workers) == 2
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert len(list(tmp_path.glob("runs/g1/*/fit.safetensors"))) == 2
    status, _, err = Command(arguments, tmp_path / "again").end()
    assert status == 0
    assert err.count("goes on from step") == 2


@pytest.mark.slow
def test_workers_end_with_the_process_that_started_them(tmp_path: Path):
    command = Command(
        ["run", "--task", "digits", "--loop", "fully_synthetic", "--seeds", "0,1", "--workers", "2",
         "--runs", tmp_path / "runs"],
        tmp_path / "log",
    )  # fmt: skip
    command.wait_for(lambda: len(list(tmp_path.glob("runs/cells/*/.claim"))) == 2)
    workers = children(command.pid)
    assert len(workers) == 2
    command.send(signal.SIGKILL)
    command.end()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
