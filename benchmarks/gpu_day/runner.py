"""Runs jobs in the order of their worth, each in a process of its own, until the minutes are over.

A job is a few parts that share a process. A part that raises is told by its worker, which goes on with the next. A
part that takes the process along (a crash, a poisoned context, memory) is found by the mark that the worker has left,
and a new worker goes on with the parts after it. A worker that takes longer than it may is ended. Nothing here knows
torch.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tqdm import tqdm

from bench.process.interruption import stop_if_asked
from gpu_day.report import Folder, Part

RESERVE_SECONDS = 10.0  # of the minutes: to end what runs, and to write
GRACE_SECONDS = 8.0  # from SIGTERM to SIGKILL: a fit is saved within 5
POLL_SECONDS = 0.2
CORES_PER_LANE = 2
MEMORY_PER_LANE = 12 * 2**30  # a standard network at its batch, with what the device keeps for a process
GO_ON_STATUS = 75  # of a worker that has told of a part which nothing works after: a new one goes on


@dataclass(frozen=True)
class Job:
    """A few parts that are measured in one process.

    Attributes:
        name: the stage's letter first.
        parts: their names, the first first.
        least: seconds under which it is not begun.
        most: seconds after which it is ended.
        together: whether it may run beside others of its kind: nothing in it is a time that others would disturb.
        goes_on: whether it keeps what it has done when it is ended, and goes on from there.
    """

    name: str
    parts: tuple[str, ...]
    least: float
    most: float
    together: bool = False
    goes_on: bool = False


class Process(Protocol):
    """A worker."""

    def poll(self) -> int | None:
        """Return the exit status once it has ended."""

    def end(self, number: int) -> None:
        """Send a signal to it and to all that it has started."""

    def last_words(self) -> str:
        """Return the last line that it wrote, empty for none."""


Start = Callable[[Job, Sequence[str], float], Process]


class Worker:
    """A worker as a process in a group of its own, whose output goes to a file."""

    def __init__(self, command: Sequence[str], log: Path, environment: dict[str, str]) -> None:
        """Start it."""
        self._log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment, start_new_session=True
            )

    def poll(self) -> int | None:
        """Return the exit status once it has ended."""
        return self._process.poll()

    def end(self, number: int) -> None:
        """Send a signal to the whole group; what it leaves behind would keep the device busy."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:  # macOS says so of a group whose members have all ended
            return

    def last_words(self) -> str:
        """Return the last line of its output."""
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""


@dataclass
class _Running:
    job: Job
    parts: list[str]
    process: Process
    started: float
    until: float
    by_deadline: bool
    asked_at: float | None = None


@dataclass
class Runner:
    """Runs jobs; see above.

    Attributes:
        folder: where results are.
        start: starts a worker for some parts of a job, and is told the seconds that it has.
        minutes: that all of it may take.
        lanes: how many jobs may run together that allow it.
        spent: seconds of the minutes that are gone already.
        clock: seconds that never go back.
        sleep: waits.
        visible: whether a bar is shown.
        not_run: why parts were not run, in their order.
    """

    folder: Folder
    start: Start
    minutes: float
    lanes: int = 1
    spent: float = 0.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    visible: bool = True
    not_run: dict[str, str] = field(default_factory=dict)

    def run(self, jobs: Sequence[Job]) -> None:
        """Run the jobs whose parts are not there, until all are done or the minutes are over.

        Raises:
            Interrupted: the process was asked to end; workers have ended, and what was found is there.
        """
        self._began = self.clock() - self.spent
        self._deadline = self._began + 60 * self.minutes - RESERVE_SECONDS
        queue, running = list(jobs), list[_Running]()
        try:
            with self._bar() as show:
                while queue or running:
                    stop_if_asked()
                    queue = self._begin(queue, running)
                    for worker in list(running):
                        if (status := worker.process.poll()) is not None:
                            running.remove(worker)
                            queue = [*self._ended(worker, status), *queue]
                        else:
                            self._hold_to_time(worker)
                    show(running)
                    if running:
                        self.sleep(POLL_SECONDS)
        finally:
            self._end_all(running)
            self.folder.write_report()

    @property
    def seconds_left(self) -> float:
        """Until workers have to end."""
        return self._deadline - self.clock()

    def _begin(self, queue: list[Job], running: list[_Running]) -> list[Job]:
        """Start what may start now, and return the jobs that still wait."""
        while queue:
            job = queue[0]
            parts = [part for part in job.parts if not self.folder.is_done(part) and part not in self._tried]
            if not parts:
                queue = queue[1:]
                continue
            if running and not (
                job.together and all(other.job.together for other in running) and len(running) < self.lanes
            ):
                return queue
            queue = queue[1:]
            left = self.seconds_left
            if left < job.least:
                reason = f"{max(0, left):.0f} s were left, and it needs about {job.least:.0f} s"
                self.not_run |= dict.fromkeys(parts, reason)
                continue
            most = min(job.most, left)
            now = self.clock()
            process = self.start(job, parts, most)
            running.append(_Running(job, parts, process, now, now + most, by_deadline=most < job.most))
        return queue

    def _hold_to_time(self, worker: _Running) -> None:
        """End a worker that takes longer than it may."""
        now = self.clock()
        if now < worker.until:
            return
        if worker.asked_at is None:
            worker.asked_at = now
            worker.process.end(signal.SIGTERM)
        elif now - worker.asked_at >= GRACE_SECONDS:
            worker.process.end(signal.SIGKILL)

    def _ended(self, worker: _Running, status: int) -> list[Job]:
        """Note what became of the parts of a worker, and return what is to be run of its job after this."""
        worker.process.end(signal.SIGKILL)  # what it has started and left behind
        job, mark = worker.job, self.folder.running(worker.job.name)
        at = mark.read_text() if mark.exists() else ""
        mark.unlink(missing_ok=True)
        told = {part for part in worker.parts if (there := self.folder.part(part)) is not None and there.failed}
        rest = [part for part in worker.parts if not self.folder.is_done(part) and part not in told]
        self._tried |= told
        if status == 0 and not at:
            # It has gone through all of its parts, or has said itself that it will go on another time.
            self.not_run |= dict.fromkeys(rest, "not finished: the same command goes on with it")
            return []
        if worker.asked_at is not None and (worker.by_deadline or job.goes_on):
            reason = "cut when the minutes were over" if worker.by_deadline else "cut: the same command goes on"
            self.not_run |= dict.fromkeys(rest, reason)
            return []
        if not rest or status == GO_ON_STATUS:
            return [job] if rest else []
        # One that has not come to any of its parts will not come to the others either.
        culprits = [at] if at in rest else rest
        if worker.asked_at is not None:
            reason = f"took longer than its {worker.until - worker.started:.0f} s"
        else:
            how = f"exit status {status}" if status >= 0 else f"killed by {_signal_name(-status)}"
            reason = f"its process ended ({how}): {worker.process.last_words() or 'without a word'}"
        for culprit in culprits:
            earlier = self.folder.part(culprit)
            found = None if earlier is None else earlier.found
            self.folder.keep(culprit, Part(found=found, failed=reason, seconds=max(0, self.clock() - worker.started)))
        self._tried |= set(culprits)
        return [job]

    def _end_all(self, running: list[_Running]) -> None:
        """End all workers, and wait until they have."""
        # Whoever asked this process to end has been heard; the alarm is for work that does not hear.
        signal.setitimer(signal.ITIMER_REAL, 0)
        for worker in running:
            worker.process.end(signal.SIGTERM)
        until = self.clock() + GRACE_SECONDS
        while any(worker.process.poll() is None for worker in running) and self.clock() < until:
            self.sleep(POLL_SECONDS)
        for worker in running:
            worker.process.end(signal.SIGKILL)
            self.folder.running(worker.job.name).unlink(missing_ok=True)

    def __post_init__(self) -> None:
        self._tried: set[str] = set()

    @contextmanager
    def _bar(self) -> Iterator[Callable[[list[_Running]], None]]:
        """Show the minutes that are left, and what runs."""
        total = round(60 * self.minutes)
        bar = tqdm(
            total=total, file=sys.stderr, disable=not self.visible, dynamic_ncols=True,
            bar_format="{desc} |{bar}|", mininterval=0.5 if sys.stderr.isatty() else 10,
        )  # fmt: skip

        shown = ""

        def show(running: list[_Running]) -> None:
            nonlocal shown
            passed = self.clock() - self._began
            names = ", ".join(worker.job.name for worker in running)
            left = f"{max(0, self.minutes - passed / 60):.1f} of {self.minutes:g} minutes left"
            bar.set_description_str(f"{left}: {names or 'done'}", refresh=False)
            bar.update(min(total, passed) - bar.n)
            if names != shown:
                bar.refresh()
                shown = names

        with bar:
            yield show


def lanes_of(cores: int, memory_bytes: int) -> int:
    """Return how many jobs may run together on so many cores, and in so much memory of the device."""
    return max(1, min(cores // CORES_PER_LANE, memory_bytes // MEMORY_PER_LANE))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
