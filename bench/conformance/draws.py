"""Finds the line that draws from a random state which all code shares."""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import torch


def _numpy_state() -> tuple[bytes, int]:
    state: Any = np.random.get_state()  # noqa: NPY002 - looked at, not drawn from
    return state[1].tobytes(), state[2]


# Quick to read, as they are read at every line.
STATES: dict[str, Callable[[], Any]] = {
    "torch": lambda: torch.get_rng_state().numpy().tobytes(),
    "numpy.random": _numpy_state,
    "random": random.getstate,
}


def disturb() -> None:
    """Draw from each of them: a hook that seeds one always alike has then something to change."""
    torch.rand(1)
    np.random.random()  # noqa: NPY002 - put back by whoever calls this
    random.random()


class Draws:
    """The lines of a file that have changed a random state.

    Attributes:
        lines: those whose change has not been put back, in the order in which they ran.
    """

    def __init__(self, file: str, state: str) -> None:
        """Look at the code of `file` and at the random state of this name."""
        self._file = file
        self._read = STATES[state]
        self._now = self._read()
        self._changes: list[tuple[Any, int]] = []  # the state before, and the line
        self._last = 0

    @property
    def lines(self) -> list[int]:
        """The lines."""
        return [line for _, line in self._changes]

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Trace the code of the file meanwhile."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(before)
            self._compare()

    def _enter(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        return self._look(frame, event, argument) if frame.f_code.co_filename == self._file else None

    def _look(self, frame: FrameType, event: str, _: object) -> Callable[..., Any]:
        self._compare()
        caller = frame.f_back
        self._last = frame.f_lineno
        if event == "return" and caller is not None and caller.f_code.co_filename == self._file:
            self._last = caller.f_lineno
        return self._look

    def _compare(self) -> None:
        """Note that the last line has changed the state; or, as fork_rng does, put one back."""
        found = self._read()
        if found == self._now:
            return
        earlier = [state for state, _ in self._changes]
        if found in earlier:
            del self._changes[earlier.index(found) :]
        else:
            self._changes.append((self._now, self._last))
        self._now = found
