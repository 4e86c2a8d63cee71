"""Cells that two processes share, as `accelerate launch` starts them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from builders import comparable

RUN = ("run", "--loop", "fully_synthetic", "--device", "cpu", "--json")
LAUNCH = (
    "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1",
    "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0", "-m", "bench.cli.main",
)  # fmt: skip
METHOD = '''
import os

from bench import Context, Method, Pool, RunFailed


class Curating(Method):
    """For a test."""

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        {body}
'''


def start(runs: Path, task: Path, *more: str) -> subprocess.Popen:
    command = [sys.executable, *LAUNCH, *RUN, "--task", str(task), "--runs", str(runs), *more]
    # One thread in each process, as in this one: rounding depends on it.
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


def killed_at_generation_2(runs: Path, task: Path) -> list[psutil.Process]:
    """Kill the second process when generation 1 is finished, and return both once the launcher has ended."""
    launcher = start(runs, task)
    deadline = time.monotonic() + 240
    while not list(runs.glob("cells/*/generation-001/generation.json")):
        assert launcher.poll() is None, launcher.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    members = {
        int(child.environ()["RANK"]): child
        for child in psutil.Process(launcher.pid).children(recursive=True)
        if "RANK" in child.environ()
    }
    members[1].send_signal(signal.SIGKILL)
    launcher.communicate(timeout=120)
    assert launcher.returncode != 0
    return list(members.values())


@pytest.mark.slow
def test_two_processes_make_the_record_of_one_and_outlive_a_kill_and_failing_methods(
    run_tiny, tiny_task: Path, tmp_path: Path
):
    tiny_task.write_text(tiny_task.read_text().replace("images = 256\n", "images = 1600\n"))
    failing, differing = tmp_path / "failing.py", tmp_path / "differing.py"
    failing.write_text(METHOD.format(body='raise RunFailed("no idea")'))
    differing.write_text(METHOD.format(body='return pool[pool.origin.cumsum(0) > int(os.environ["RANK"])]'))
    status, [alone], _ = run_tiny("--loop", "fully_synthetic", runs="alone")
    assert status == 0

    # The death of one process ends all of them.
    members = killed_at_generation_2(tmp_path / "runs", tiny_task)
    assert len(members) == 2
    assert not any(member.is_running() for member in members)
    assert not list(tmp_path.glob("runs/cells/*/record.json"))

    # The same command goes on; a cell that fails in both processes does not keep the others from running.
    launcher = start(tmp_path / "runs", tiny_task, "--method", f"none,{failing},{differing}")
    printed, log = launcher.communicate(timeout=240)
    assert launcher.returncode == 1
    assert log.count("resumes: generations 1 to ") == 1
    none, failed, refused = json.loads(printed)
    assert failed["error"] == "no idea"
    assert refused["error"].startswith("the pool or the settings of a fit came out differently")

    together, one = (json.loads(Path(outcome["record"]).read_text()) for outcome in (none, alone))
    assert together["environment"]["device"] == f"{one['environment']['device']} x2"
    for ours, theirs in zip(together["generations"], one["generations"], strict=True):
        assert ours["scores"] == pytest.approx(theirs["scores"], rel=1e-3, nan_ok=True)
    ours, theirs = (comparable(Path(outcome["record"])) for outcome in (none, alone))
    for record in (ours, theirs):
        for generation in record["generations"]:
            del generation["scores"], generation["samples_sha256"]
    assert ours == theirs
