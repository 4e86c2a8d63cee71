"""Clocks for training steps: as the checkpoint of a fit they are asked once a step."""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor


class Enough(Exception):
    """Ends a fit whose steps have been timed."""


class NoCheckpoint:
    """The checkpoint of a fit that nobody interrupts."""

    def load(self) -> None:
        """There is nothing to resume."""

    def due(self) -> bool:
        """Never."""
        return False

    def save(self, state: dict[str, Tensor]) -> None:
        """Never called."""


class StepTimes(NoCheckpoint):
    """Times a fit's steps after a warm-up, in windows of a few steps, and ends the fit.

    On a GPU the windows lie between events that the device itself passes, so that it is waited for only at the end of
    the first step and at the end.

    Attributes:
        first: seconds of the first step, compilation included.
    """

    first = 0.0

    def __init__(
        self,
        device: torch.device,
        *,
        warmup: int,
        window: int,
        windows: int,
        seconds: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begin with the time before the fit.

        Args:
            device: that it runs on.
            warmup: steps that are not timed.
            window: steps of a window.
            windows: that there are at least.
            seconds: that the windows take together, at least.
            clock: seconds that never go back.
        """
        self._on_gpu = device.type == "cuda"
        self._device = device
        self._warmup, self._window, self._windows, self._seconds = warmup, window, windows, seconds
        self._clock = clock
        self._step = 0
        self._marks: list[tuple[torch.cuda.Event | None, float]] = []
        self._began = clock()

    def due(self) -> bool:
        """Count a step, and end the fit when there are enough; nothing is saved."""
        self._step += 1
        if self._step == 1:
            if self._on_gpu:
                torch.cuda.synchronize(self._device)
            self.first = self._clock() - self._began
        past = self._step - self._warmup
        if past >= 0 and past % self._window == 0:
            event = None
            if self._on_gpu:
                event = torch.cuda.Event(enable_timing=True)
                event.record()
            self._marks.append((event, self._clock()))
            # By the host's clock, which may be ahead of the device by as much as its queue is long.
            if len(self._marks) > self._windows and self._marks[-1][1] - self._marks[0][1] >= self._seconds:
                raise Enough
        return False

    def step_seconds(self) -> list[float]:
        """Return the seconds of a step in each window."""
        if self._on_gpu:
            torch.cuda.synchronize(self._device)
        found = []
        for (event, at), (next_event, next_at) in zip(self._marks, self._marks[1:], strict=False):
            if event is None or next_event is None:
                found.append((next_at - at) / self._window)
            else:
                found.append(event.elapsed_time(next_event) / 1000 / self._window)
        return found


def summary(seconds: list[float]) -> tuple[float, float]:
    """Return the median, and how far the fastest and the slowest are apart, as a share of it."""
    middle = statistics.median(seconds)
    return middle, (max(seconds) - min(seconds)) / middle
