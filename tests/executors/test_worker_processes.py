"""Worker processes on this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import comparable
from forked import CONTEXT, Command

from bench.cli.main import main
from bench.executors import processes

GRID = ["--task", "gaussian", "--generator", "gaussian", "--generations", "3", "--seeds", "0,1", "--threads", "1"]
FAILING = """\
from bench import Context, Method, Pool


class Failing(Method):
    def curate(self, pool: Pool, ctx: Context) -> Pool:
        raise ValueError("no such pool")
"""


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.cli.main", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def run(*arguments: object) -> tuple[int, str, str]:
    process = start(*arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


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


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 200
    while not condition():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """Return the worker processes of a process."""
    tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(task) for task in tasks if "spawn_main" in Path(f"/proc/{task}/cmdline").read_text()]


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced_and_the_record_is_the_same(tmp_path: Path):
    grid = ["--task", "digits", "--generations", "1", "--loop", "fully_synthetic", "--threads", "1"]
    assert run("run", *grid, "--runs", tmp_path / "alone")[0] == 0
    process = start("run", *grid, "--runs", tmp_path / "runs", "--workers", "2", "--seeds", "0,1")
    claims = lambda: list(tmp_path.glob("runs/cells/*-seed0-*/.claim"))  # noqa: E731
    wait_for(claims, process)
    holder = next(line for line in claims()[0].read_text().splitlines() if line.startswith("pid="))
    os.kill(int(holder.removeprefix("pid=")), signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "its process was ended by SIGKILL" in err
    alone = records(tmp_path / "alone")
    assert {name: records(tmp_path / "runs")[name] for name in alone} == alone


@pytest.mark.slow
def test_sigterm_saves_what_every_process_does_and_the_same_command_goes_on(tmp_path: Path):
    grid = ["--task", "digits", "--generations", "1", "--loop", "fully_synthetic", "--threads", "1"]
    command = ["run", *grid, "--runs", tmp_path / "runs", "--workers", "2", "--seeds", "0,1"]
    process = start(*command)

    def both_fit() -> bool:
        states = [json.loads(path.read_text()) for path in tmp_path.glob("runs/cells/*/progress.json")]
        return len(states) == 2 and all("fit" in state["doing"] and state["done"] for state in states)

    wait_for(both_fit, process)
    workers = children(process.pid)
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "stopped by SIGTERM" in err
    assert "Traceback" not in err
    assert time.monotonic() - started < 30
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert len(list(tmp_path.glob("runs/g1/*/fit.safetensors"))) == 2
    status, _, err = run(*command)
    assert status == 0
    assert err.count("goes on from step") == 2


@pytest.mark.slow
def test_workers_end_with_the_process_that_started_them(tmp_path: Path):
    process = start("run", "--task", "digits", "--loop", "fully_synthetic", "--seeds", "0,1", "--workers", "2",
                    "--runs", tmp_path / "runs")  # fmt: skip
    wait_for(lambda: len(list(tmp_path.glob("runs/cells/*/.claim"))) == 2, process)
    workers = children(process.pid)
    assert len(workers) == 2
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
