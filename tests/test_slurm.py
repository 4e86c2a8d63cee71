"""The example script for SLURM, run as SLURM runs it: with its variables, and a stand-in for scontrol."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "docs" / "slurm_array.sh"
GRID = ["--task", "gaussian", "--generator", "gaussian", "--generations", "2", "--seeds", "0,1"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a job, in which scontrol writes what it was asked for."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "autophagy").write_text(f'#!/bin/sh\nexec {sys.executable} -m bench.cli.main "$@"\n')
    (tools / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return os.environ | {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "RUNS": str(tmp_path / "runs"),
        "SLURM_ARRAY_JOB_ID": "4711",
        "SLURM_ARRAY_TASK_COUNT": "2",
        "SLURM_CPUS_PER_TASK": "1",
    }


def job(environment: dict[str, str], task: int, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", str(SCRIPT), *arguments],
        env=environment | {"SLURM_ARRAY_TASK_ID": str(task)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


STAND_IN = """#!/bin/sh
echo "$@"
trap 'exit 143' TERM
test "$WAITS" = "" || {{ touch {folder}/waits; while :; do sleep 0.02; done; }}
"""


@pytest.fixture
def stand_in(tmp_path: Path, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a job whose command says what it was given; where WAITS is set, it waits for SIGTERM."""
    command = tmp_path / "stand-in"
    command.write_text(STAND_IN.format(folder=tmp_path))
    command.chmod(0o755)
    return environment | {"AUTOPHAGY": str(command)}


def test_each_job_of_an_array_gets_its_part(tmp_path: Path, stand_in: dict[str, str]):
    for task in (1, 2):
        process = job(stand_in, task, *GRID)
        *_, given = process.communicate(timeout=60)[0].splitlines()
        assert process.returncode == 0
        assert given == f"run --runs {tmp_path / 'runs'} --shard {task}/2 {' '.join(GRID)}"
    assert not (tmp_path / "asked").exists()


def test_a_job_whose_command_was_stopped_asks_to_be_put_back_into_the_queue(tmp_path: Path, stand_in: dict[str, str]):
    process = job(stand_in | {"WAITS": "1"}, 1, *GRID)
    deadline = time.monotonic() + 60
    while not (tmp_path / "waits").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert (tmp_path / "asked").read_text() == "requeue 4711_1\n"


@pytest.mark.slow
def test_the_jobs_of_an_array_run_every_cell_once(tmp_path: Path, environment: dict[str, str]):
    done: list[set[str]] = []
    for task in (1, 2):
        process = job(environment, task, *GRID)
        said, _ = process.communicate(timeout=200)
        assert process.returncode == 0, said
        done.append({path.parent.name for path in (tmp_path / "runs").glob("cells/*/record.json")})
    assert [len(names) for names in done] == [3, 6]
    assert not (tmp_path / "asked").exists()


@pytest.mark.slow
def test_a_preempted_job_saves_its_fit_and_asks_to_be_put_back_into_the_queue(
    tmp_path: Path, environment: dict[str, str]
):
    process = job(environment, 1, "--task", "digits", "--loop", "fully_synthetic", "--seeds", "0,1")
    deadline = time.monotonic() + 200
    while not any("fit" in path.read_text() for path in (tmp_path / "runs").glob("cells/*/progress.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert (tmp_path / "asked").read_text() == "requeue 4711_1\n"
    assert list((tmp_path / "runs").glob("g1/*/fit.safetensors"))
