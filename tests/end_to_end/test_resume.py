import signal
from pathlib import Path

import pytest
from builders import comparable
from forked import Command

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


HOLDING_METHOD = """
import pathlib, time
from bench import Method

class Holding(Method):
    def curate(self, pool, ctx):
        folder = pathlib.Path({folder!r})
        while ctx.generation == 3 and (folder / "hold").exists():
            (folder / "held").touch()
            time.sleep(0.01)
        return pool
"""


@pytest.mark.parametrize("generation", [1, 3])
def test_an_interrupted_fit_goes_on_where_it_was_and_ends_with_the_same_record(
    run_tiny, finished, monkeypatch, generation
):
    undisturbed = finished("fully_synthetic", "undisturbed")

    monkeypatch.setattr(fit_checkpoint, "CHECKPOINT_SECONDS", 0.0)
    original = Progress.bar

    def bar(self, stage, total, initial=0, **named):
        if stage == "fit" and f"generation {generation}/3" in self.prefix:
            return _InterruptedBar(3)
        return original(self, stage, total, initial, **named)

    monkeypatch.setattr(Progress, "bar", bar)
    status, _, log = run_tiny("--loop", "fully_synthetic")
    assert status == 130
    assert f"interrupted with {generation - 1} of 3 generations finished" in log
    assert "the same command goes on from there" in log

    monkeypatch.setattr(Progress, "bar", original)
    status, [resumed], log = run_tiny("--loop", "fully_synthetic")
    assert status == 0
    assert "goes on from step 3 of 4" in log
    assert comparable(Path(resumed["record"])) == comparable(Path(undisturbed["record"]))


def test_a_killed_run_repeats_no_finished_generation(run_tiny, tiny_task, tmp_path):
    method = tmp_path / "holding.py"
    method.write_text(HOLDING_METHOD.format(folder=str(tmp_path)))
    arguments = ("--loop", "fresh_data", "--method", str(method))
    _, [undisturbed], _ = run_tiny(*arguments, runs="undisturbed")

    hold, held = tmp_path / "hold", tmp_path / "held"
    hold.touch()
    where = ["--task", tiny_task, "--device", "cpu", "--runs", tmp_path / "runs"]
    command = Command(["run", *where, *arguments], tmp_path / "killed")
    command.wait_for(held.exists)
    command.send(signal.SIGKILL)
    assert command.end()[0] == -signal.SIGKILL
    hold.unlink()
    assert not list(tmp_path.glob("runs/cells/*/record.json"))

    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/cells/*/generation-00[12]/*")}
    assert {path.parent.name for path in before} == {"generation-001", "generation-002"}
    _, [resumed], log = run_tiny(*arguments)
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


def test_a_record_that_was_removed_is_written_again_from_the_finished_generations(run_tiny, finished):
    record = Path(finished("fully_synthetic")["record"])
    content = comparable(record)
    record.unlink()
    _, _, log = run_tiny("--loop", "fully_synthetic")
    assert "fit:" not in log
    assert comparable(record) == content
