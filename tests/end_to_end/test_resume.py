import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders import comparable

from bench.process.progress import Progress
from bench.runs import fit_checkpoint


class _InterruptedBar:
    """A progress bar that is interrupted at its n-th update, as by Ctrl-C."""

    def __init__(self, updates: int) -> None:
        self.updates = updates

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def set_postfix(self, **_):
        return None

    def update(self, _: int) -> bool:
        self.updates -= 1
        if self.updates < 0:
            raise KeyboardInterrupt
        return False


@pytest.mark.parametrize("generation", [1, 3])
def test_an_interrupted_fit_goes_on_where_it_was_and_ends_with_the_same_record(
    run_tiny, monkeypatch, capsys, generation
):
    _, [undisturbed], _ = run_tiny("--loop", "fully_synthetic", runs="undisturbed")

    monkeypatch.setattr(fit_checkpoint, "CHECKPOINT_SECONDS", 0.0)
    original = Progress.bar

    def bar(self, stage, total, initial=0, **named):
        if stage == "fit" and f"generation {generation}/3" in self.prefix:
            return _InterruptedBar(5)
        return original(self, stage, total, initial, **named)

    monkeypatch.setattr(Progress, "bar", bar)
    status, _, log = run_tiny("--loop", "fully_synthetic")
    assert status == 130
    assert f"interrupted with {generation - 1} of 3 generations finished" in log
    assert "the same command goes on from there" in log

    monkeypatch.setattr(Progress, "bar", original)
    status, [resumed], log = run_tiny("--loop", "fully_synthetic")
    assert status == 0
    assert "goes on from step 5 of 8" in log
    assert comparable(Path(resumed["record"])) == comparable(Path(undisturbed["record"]))


def test_a_killed_run_repeats_no_finished_generation(run_tiny, tiny_task, tmp_path):
    tiny_task.write_text(tiny_task.read_text().replace("images = 512\n", "images = 6400\n"))
    _, [undisturbed], _ = run_tiny("--loop", "fresh_data", runs="undisturbed")

    command = [sys.executable, "-m", "bench.cli.main", "run", "--task", str(tiny_task), "--loop", "fresh_data"]
    process = subprocess.Popen(
        [*command, "--device", "cpu", "--runs", str(tmp_path / "runs")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # as in this process: rounding depends on it
    )
    deadline = time.monotonic() + 120
    while not (finished := list(tmp_path.glob("runs/cells/*/generation-002/generation.json"))):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not list(tmp_path.glob("runs/cells/*/record.json"))

    before = {path: path.stat().st_mtime_ns for path in finished[0].parent.parent.glob("generation-00[12]/*")}
    _, [resumed], log = run_tiny("--loop", "fresh_data")
    assert "resumes: generations 1 to 2 of 3 are finished" in log
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert comparable(Path(resumed["record"])) == comparable(Path(undisturbed["record"]))


def test_a_finished_cell_is_skipped(run_tiny):
    _, [first], _ = run_tiny("--loop", "fully_synthetic")
    written = Path(first["record"]).stat().st_mtime_ns
    status, [second], log = run_tiny("--loop", "fully_synthetic")
    assert status == 0
    assert "is finished" in log
    assert Path(second["record"]).stat().st_mtime_ns == written


def test_a_record_that_was_removed_is_written_again_from_the_finished_generations(run_tiny):
    _, [outcome], _ = run_tiny("--loop", "fully_synthetic")
    record = Path(outcome["record"])
    content = comparable(record)
    record.unlink()
    _, _, log = run_tiny("--loop", "fully_synthetic")
    assert "fit:" not in log
    assert comparable(record) == content
