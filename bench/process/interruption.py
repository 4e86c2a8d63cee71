"""Stopping when asked to: after SIGTERM, SIGHUP or Ctrl-C an unfinished fit is saved before the process ends.

A signal only asks. Whatever can save its state looks (`asked`) and then stops (`stop_if_asked`); what cannot is ended
after GRACE_SECONDS. A second Ctrl-C ends at once.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

GRACE_SECONDS = 5.0
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_asked_by: signal.Signals | None = None


class Interrupted(KeyboardInterrupt):
    """The process was asked to end; what is finished or saved is kept.

    Attributes:
        by: the signal that asked.
    """

    def __init__(self, by: signal.Signals) -> None:
        super().__init__(by.name)
        self.by = by


@contextmanager
def stoppable() -> Iterator[None]:
    """Let signals ask the work inside to stop. Outside of the main thread, signals stay what they are."""
    global _asked_by
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _asked_by = None
    # What the caller lets be ignored, as nohup does with SIGHUP, stays ignored.
    taken = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _ask) for number in taken}
    before_alarm = signal.signal(signal.SIGALRM, _end) if hasattr(signal, "SIGALRM") else None
    try:
        yield
    finally:
        if hasattr(signal, "SIGALRM"):
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before_alarm)
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked_by = None


def asked() -> bool:
    """Return whether the process was asked to end."""
    return _asked_by is not None


def stop_if_asked() -> None:
    """Raise Interrupted where the process was asked to end."""
    if _asked_by is not None:
        raise Interrupted(_asked_by)


def _ask(number: int, frame: FrameType | None) -> None:
    global _asked_by
    before, by = _asked_by, signal.Signals(number)
    if before is None:
        _asked_by = by
        if hasattr(signal, "SIGALRM"):
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)
            return
    # Ctrl-C goes to every process of a terminal, and the first may ask the others too: only twice the same is hurry.
    if before is None or by == before == signal.SIGINT:
        raise Interrupted(by)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    assert _asked_by is not None
    raise Interrupted(_asked_by)
