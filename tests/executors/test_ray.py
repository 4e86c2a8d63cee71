"""Cells on Ray. What happens when its nodes and processes die is in tests/faults."""

import builtins
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import comparable

from bench.errors import BadInput
from bench.executors.choose import Where, choose_executor
from bench.process.progress import Progress

GRID = ["--task", "gaussian", "--generator", "gaussian", "--generations", "2", "--loop", "fully_synthetic,fresh_data"]
FAILING = """\
from bench import Context, Method, Pool


class Failing(Method):
    def curate(self, pool: Pool, ctx: Context) -> Pool:
        raise ValueError("no such pool")
"""


def run(*arguments: object) -> tuple[int, Any, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "bench.cli.main", "run", *GRID, "--threads", "1", "--json", *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    return ended.returncode, json.loads(ended.stdout), ended.stderr


@pytest.mark.slow
def test_cells_on_ray_give_the_records_of_the_local_executor_and_a_failing_one_keeps_none_from_it(tmp_path: Path):
    pytest.importorskip("ray")
    method = tmp_path / "failing.py"
    method.write_text(FAILING)
    assert run("--runs", tmp_path / "local")[0] == 0
    status, outcomes, err = run(
        "--runs",
        tmp_path / "ray",
        "--executor",
        "ray",
        "--method",
        f"none,{method}",
        "--results",
        tmp_path / "results",
    )
    assert status == 1
    states = {(outcome["state"], outcome["error"]) for outcome in outcomes}
    assert states == {("finished", None), ("failed", "ValueError: no such pool (failing.py:6)")}
    local = {path.parent.name: comparable(path) for path in tmp_path.glob("local/cells/*/record.json")}
    assert len(local) == 2
    assert {path.parent.name: comparable(path) for path in tmp_path.glob("ray/cells/*/record.json")} == local
    assert {path.stem for path in tmp_path.glob("results/*.json")} == set(local)
    assert "2 of 4 cells done, 0 running, 2 failed" in err


WHERE = Where(executor="ray", device="auto", compiled=False, workers=None, threads=None, ray_address=None)


def test_without_ray_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    load = builtins.__import__

    def without_ray(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "ray":
            raise ImportError(name)
        return load(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(BadInput, match=r"Ray is not installed: pip install 'autophagy-bench\[ray\]'"):
        choose_executor(WHERE, tmp_path, None, Progress(visible=False))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", "localhost:", ":17", "localhost:99999"])
def test_where_there_is_no_cluster_the_error_says_so_at_once(tmp_path: Path, address: str):
    pytest.importorskip("ray")
    with pytest.raises(BadInput, match=f"--ray-address {address}: no Ray cluster there"):
        choose_executor(replace(WHERE, ray_address=address), tmp_path, None, Progress(visible=False))
