"""The states of unfinished fits: what survives a kill, and what does not count."""

import signal
from pathlib import Path

import pytest
import torch
from damaged import Damage, cut_in_half, empty, flip_last_byte

from bench.process.interruption import Interrupted, stoppable
from bench.process.progress import Progress
from bench.runs.fit_checkpoint import CHECKPOINT_SECONDS, FitCheckpoint

STATE = {"weight": torch.tensor([[0.1, -2.0]]), "step": torch.tensor(7)}


def checkpoint(path: Path, key: str = "key") -> FitCheckpoint:
    return FitCheckpoint(path, key, Progress(), lambda: None)


def test_a_fit_checkpoint_gives_its_state_back(tmp_path: Path):
    checkpoint(tmp_path / "fit").save(STATE)
    state = checkpoint(tmp_path / "fit").load()
    assert state is not None
    assert {name: value.tolist() for name, value in state.items()} == {n: v.tolist() for n, v in STATE.items()}


def test_a_fit_checkpoint_of_another_fit_does_not_count(tmp_path: Path):
    checkpoint(tmp_path / "fit").save(STATE)
    assert checkpoint(tmp_path / "fit", "other").load() is None


def test_a_fit_checkpoint_that_was_removed_does_not_count(tmp_path: Path):
    fit = checkpoint(tmp_path / "fit")
    fit.save(STATE)
    fit.remove()
    assert fit.load() is None


def test_removing_a_fit_checkpoint_that_was_never_saved_is_no_error(tmp_path: Path):
    fit = checkpoint(tmp_path / "fit")
    fit.remove()
    assert fit.load() is None


@pytest.mark.parametrize("damage", [flip_last_byte, cut_in_half, empty])
def test_a_damaged_fit_checkpoint_is_set_aside_and_does_not_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Damage
):
    path = tmp_path / "fit"
    checkpoint(path).save(STATE)
    damage(path)
    assert checkpoint(path).load() is None
    assert not path.exists()
    assert f"{path}: damaged (" in capsys.readouterr().err


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_no_flipped_bit_of_a_fit_checkpoint_changes_what_is_loaded(tmp_path: Path, place: int):
    path = tmp_path / "fit"
    checkpoint(path).save(STATE)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << place % 8
    path.write_bytes(content)
    again = checkpoint(path)
    state = again.load()
    # Spaces that fill up the header may be other spaces; nothing else.
    assert state is None or (
        torch.equal(state["weight"], STATE["weight"]) and torch.equal(state["step"], STATE["step"])
    )


def test_a_fit_is_saved_and_ends_when_the_process_is_asked_to(tmp_path: Path):
    with stoppable():
        fit = checkpoint(tmp_path / "fit")
        before = fit.due()
        signal.raise_signal(signal.SIGTERM)
        assert (before, fit.due()) == (False, True)
        with pytest.raises(Interrupted) as caught:
            fit.save(STATE)
    assert caught.value.by == signal.SIGTERM
    assert checkpoint(tmp_path / "fit").load() is not None


class Clock:
    """A clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("bench.runs.fit_checkpoint.time.monotonic", clock)
    return clock


def test_a_fit_checkpoint_sums_the_seconds_of_all_attempts(tmp_path: Path, clock: Clock):
    first = checkpoint(tmp_path / "fit")
    clock.now += 20
    first.save(STATE)
    clock.now += 1000  # lost: nothing was saved before the kill
    second = checkpoint(tmp_path / "fit")
    second.load()
    assert second.earlier_seconds == 20
    clock.now += 5
    second.save(STATE)
    third = checkpoint(tmp_path / "fit")
    third.load()
    assert third.earlier_seconds == 25


def test_a_fit_without_a_checkpoint_has_no_earlier_seconds(tmp_path: Path):
    fit = checkpoint(tmp_path / "fit")
    fit.load()
    assert fit.earlier_seconds == 0


def test_a_fit_checkpoint_is_due_when_its_time_has_passed_since_the_last_save(tmp_path: Path, clock: Clock):
    fit = checkpoint(tmp_path / "fit")
    due = [fit.due()]
    clock.now += CHECKPOINT_SECONDS
    due.append(fit.due())
    fit.save(STATE)
    due.append(fit.due())
    assert due == [False, True, False]
