"""Who works on a folder."""

import multiprocessing
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from bench.errors import RunFailed, StorageFailed
from bench.files import claim as module
from bench.files.claim import FILE, Claim, read_holder
from bench.process.interruption import Interrupted, stoppable
from bench.process.progress import Progress


def hold(folder: Path, connection: Connection) -> None:
    claim = Claim(folder)
    claim.take()
    connection.send(os.getpid())
    connection.recv()
    claim.release()
    connection.send("released")


class Other:
    """Another process that has claimed a folder."""

    def __init__(self, folder: Path) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=hold, args=(folder, theirs))
        self.process.start()
        self.pid = self.connection.recv()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.process.join()

    def release(self) -> None:
        self.connection.send("release")
        assert self.connection.recv() == "released"
        self.process.join()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    other = Other(tmp_path)
    yield other
    if other.process.is_alive():
        other.process.kill()


def elsewhere(folder: Path) -> None:
    """Leave the claim of a process of another machine, as that writes it."""
    (folder / FILE).write_text(
        f"filelock/2\npid=17\nhost=elsewhere\nmode=lease\ntoken={'a' * 32}\nduration={module.LEASE_SECONDS!r}\n"
    )


def test_a_free_folder_is_taken(tmp_path: Path):
    claim = Claim(tmp_path)
    assert claim.take()
    claim.check()
    claim.release()
    assert read_holder(tmp_path) is None


def test_a_folder_that_a_living_process_works_on_is_not_taken(tmp_path: Path, other: Other):
    assert not Claim(tmp_path).take()
    holder = read_holder(tmp_path)
    assert holder is not None
    assert (holder.host, holder.process) == (socket.gethostname(), other.pid)


def test_a_dead_process_of_this_machine_is_recognised_at_once(tmp_path: Path, other: Other):
    other.kill()
    claim = Claim(tmp_path)
    claim.take()
    assert claim.take()
    claim.release()


def test_the_empty_claim_of_a_process_that_was_killed_while_it_wrote_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "EMPTY_SECONDS", 0.5)
    (tmp_path / FILE).touch()
    claim = Claim(tmp_path)
    assert not claim.take()
    claim.wait(Progress(visible=False))
    holder = read_holder(tmp_path)
    assert holder is not None
    assert holder.process == os.getpid()
    claim.release()


def test_who_cannot_take_a_claim_because_nothing_can_be_written_is_told(
    tmp_path: Path, other: Other, monkeypatch: pytest.MonkeyPatch
):
    other.kill()
    # On a disk that has become read-only the marker of the dead process stays; access is what tells, for root too.
    monkeypatch.setattr(os, "access", lambda path, mode: not (path == tmp_path and mode == os.W_OK))
    monkeypatch.setattr(module.SoftFileLease, "_try_break_stale_lock", lambda self: None)
    with pytest.raises(StorageFailed, match=re.escape(f"{tmp_path}: cannot write to this folder")):
        Claim(tmp_path).take()


def test_who_waits_gets_the_folder_when_it_is_released(tmp_path: Path, other: Other):
    claim = Claim(tmp_path)
    assert not claim.take()
    other.release()
    claim.wait(Progress())
    claim.check()
    claim.release()


def test_who_waits_says_for_whom(tmp_path: Path, other: Other, capsys: pytest.CaptureFixture[str]):
    with stoppable():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted):
            Claim(tmp_path).wait(Progress())
    assert f"waits for {socket.gethostname()}, process {other.pid}" in capsys.readouterr().err


def test_a_process_of_another_machine_counts_as_dead_after_the_lease_without_a_sign_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "LEASE_SECONDS", 0.5)
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.1)
    elsewhere(tmp_path)
    claim, started = Claim(tmp_path), time.monotonic()
    while not claim.take():
        time.sleep(0.02)
    assert 0.5 <= time.monotonic() - started < 5
    claim.release()


def test_a_process_of_another_machine_that_gives_signs_of_life_keeps_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.1)
    elsewhere(tmp_path)
    claim = Claim(tmp_path)
    for _ in range(25):
        assert not claim.take()
        time.sleep(0.1)
        os.utime(tmp_path / FILE)


@pytest.mark.parametrize("jump", [-86400.0, 31536000.0])
def test_a_clock_that_jumps_takes_no_folder_away(
    tmp_path: Path, other: Other, monkeypatch: pytest.MonkeyPatch, jump: float
):
    claim = Claim(tmp_path)
    assert not claim.take()
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    assert not claim.take()


def test_a_file_system_whose_clock_is_wrong_takes_no_folder_away(tmp_path: Path):
    elsewhere(tmp_path)
    os.utime(tmp_path / FILE, (0, 0))
    claim = Claim(tmp_path)
    assert not claim.take()
    assert not claim.take()


def test_who_was_taken_over_is_told_before_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.05)
    claim = Claim(tmp_path)
    assert claim.take()
    (tmp_path / FILE).unlink()
    elsewhere(tmp_path)
    deadline = time.monotonic() + 5

    def check_for_a_while() -> None:
        while time.monotonic() < deadline:
            claim.check()
            time.sleep(0.02)

    with pytest.raises(RunFailed, match="taken over by elsewhere, process 17"):
        check_for_a_while()


def test_what_is_no_folder_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFailed, match="cannot write to this folder"):
        Claim(tmp_path / "file").take()
