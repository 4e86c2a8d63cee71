"""Threads sleep while they wait: set before torch is loaded, wherever this package is imported first."""

import os
import subprocess
import sys

import pytest

from bench.process.waiting import SETTINGS, SPINS, wait_asleep


def test_threads_sleep_soon_where_nothing_is_said():
    environment = {"OMP_NUM_THREADS": "2"}
    wait_asleep(environment)
    assert environment == {"OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": str(SPINS)}


@pytest.mark.parametrize("said", [{"GOMP_SPINCOUNT": "0"}, {"OMP_WAIT_POLICY": "active"}])
def test_who_has_said_how_threads_wait_is_heard(said: dict[str, str]):
    environment = dict(said)
    wait_asleep(environment)
    assert environment == said


def loaded(code: str, **changes: str) -> str:
    """Return what GNU OpenMP says of its settings when a new process loads torch in running the code."""
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE"} | changes
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    if "GOMP_SPINCOUNT" not in found.stderr:
        pytest.skip("this torch has not brought GNU OpenMP")
    return found.stderr


@pytest.mark.parametrize(
    "code",
    [
        "import bench.cli.main, torch",  # the console script, and python -m
        "import bench.executors.processes",  # what a worker is started with
        "import bench; bench.Engine",  # a script or a notebook
    ],
)
def test_torch_is_loaded_with_it(code: str):
    assert f"GOMP_SPINCOUNT = '{SPINS}'" in loaded(code)


def test_torch_is_loaded_as_the_user_says():
    assert "GOMP_SPINCOUNT = '7'" in loaded("import bench, torch", GOMP_SPINCOUNT="7")


def test_processes_that_are_started_later_have_it_though_torch_was_loaded_first():
    code = "import torch, bench, subprocess, sys; subprocess.run([sys.executable, '-c', 'import torch'])"
    assert f"GOMP_SPINCOUNT = '{SPINS}'" in loaded(code)
