"""Signals that ask a process to end."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from bench.process import interruption
from bench.process.interruption import Interrupted, asked, stop_if_asked, stoppable


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Ctrl-C is not ignored, as it is where a shell has started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_only_asks(monkeypatch: pytest.MonkeyPatch):
    with stoppable():
        assert not asked()
        stop_if_asked()
        signal.raise_signal(signal.SIGTERM)
        assert asked()
        with pytest.raises(Interrupted) as caught:
            stop_if_asked()
    assert caught.value.by == signal.SIGTERM


def test_what_does_not_look_is_ended_after_the_grace(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(interruption, "GRACE_SECONDS", 0.05)
    with stoppable():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted):
            time.sleep(5)


def test_a_second_ctrl_c_ends_at_once():
    with stoppable():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted) as caught:
            signal.raise_signal(signal.SIGINT)
    assert caught.value.by == signal.SIGINT


def test_ctrl_c_and_then_being_asked_by_the_process_that_got_it_too_leaves_the_grace():
    with stoppable():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert asked()


def test_afterwards_signals_are_what_they_were():
    before = [signal.getsignal(number) for number in (*interruption.SIGNALS, signal.SIGALRM)]
    with stoppable():
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in (*interruption.SIGNALS, signal.SIGALRM)] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert not asked()


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            signal.raise_signal(signal.SIGHUP)
            assert not asked()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_another_thread_signals_stay_what_they_are():
    found = []

    def look() -> None:
        with stoppable():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]
