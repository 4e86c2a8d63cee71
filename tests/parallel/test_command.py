"""A cell that two processes share from the command line, but for the launcher; that is in tests/end_to_end."""

import json
import os
import sys
from pathlib import Path

from builders import comparable
from forked import ranks
from group import COUNT, environment, free_port

from bench.cli.main import main

RUN = ("run", "--task", "gaussian", "--generator", "gaussian", "--loop", "fresh_data", "--generations", "2", "--json")


def run(rank: int, port: int, folder: Path) -> None:
    os.environ.update(environment(rank, port))
    with (folder / f"{rank}.json").open("w") as sys.stdout:
        status = main([*RUN, "--device", "cpu", "--runs", str(folder / "together")])
    assert status == 0


def test_two_processes_make_the_record_of_one(tmp_path: Path):
    ranks(run, COUNT, free_port(), tmp_path)
    assert main([*RUN, "--device", "cpu", "--runs", str(tmp_path / "alone")]) == 0
    [outcome] = json.loads((tmp_path / "0.json").read_text())
    assert (tmp_path / "1.json").read_text() == ""
    together = Path(outcome["record"])
    [alone] = tmp_path.glob("alone/cells/*/record.json")
    devices = [json.loads(path.read_text())["environment"]["device"] for path in (together, alone)]
    assert devices[0] == f"{devices[1]} x2"
    assert comparable(together) == comparable(alone)
