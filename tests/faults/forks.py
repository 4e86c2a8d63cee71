"""Attempts at a command, each in a process that is forked from this one.

To import torch and diffusers takes many seconds, to fork takes none: this process imports everything once and starts
no thread, so that its children are whole. Whoever forks must keep it so: nothing is computed here.
"""

import importlib
import mmap
import os
import pkgutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bench

NOT_IMPORTED_BY_BENCH_ITSELF = ("sklearn.datasets", "torchvision.datasets", "PIL.PngImagePlugin")
MOST_SECONDS = 240.0  # a claim with a damaged name of its machine is waited for 90
CRASHED = 99  # exit status of a child that an exception ended: the command line has a status for everything else


def import_everything() -> None:
    """Import the package and all that it imports late."""
    for module in pkgutil.walk_packages(bench.__path__, "bench."):
        importlib.import_module(module.name)
    for name in NOT_IMPORTED_BY_BENCH_ITSELF:
        importlib.import_module(name)


class Marks:
    """What a child tells of itself in memory that outlives it: the stage it is in, and what it has begun."""

    STAGES = ("start", "read", "fit", "sample", "score", "write", "between")

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 64)

    @property
    def stage(self) -> str:
        return self.STAGES[self._memory[0]]

    @stage.setter
    def stage(self, name: str) -> None:
        self._memory[0] = self.STAGES.index(name)

    @property
    def writes(self) -> int:
        """How many files the child has begun to write."""
        return int.from_bytes(self._memory[8:16], "little")

    @writes.setter
    def writes(self, count: int) -> None:
        self._memory[8:16] = count.to_bytes(8, "little")

    @property
    def scored(self) -> int:
        """How many generations the child has scored."""
        return int.from_bytes(self._memory[16:24], "little")

    @scored.setter
    def scored(self, count: int) -> None:
        self._memory[16:24] = count.to_bytes(8, "little")

    @property
    def first_fits(self) -> int:
        """How many models of generation 1 the child has begun to train."""
        return int.from_bytes(self._memory[24:32], "little")

    @first_fits.setter
    def first_fits(self, count: int) -> None:
        self._memory[24:32] = count.to_bytes(8, "little")


@dataclass(frozen=True)
class Ended:
    """How an attempt ended.

    Attributes:
        status: the exit status; the number of a signal, negative, where one killed it.
        out: its stdout.
        err: its stderr.
        seconds: how long it took.
    """

    status: int
    out: str
    err: str
    seconds: float

    def by(self, number: int) -> bool:
        """Return whether a signal has ended it, at once or after it was caught."""
        return self.status in (-number, 128 + number)

    @property
    def errors(self) -> list[str]:
        """The lines that say why the command could not do its work."""
        return [line for line in self.err.splitlines() if line.startswith("autophagy: error: ")]

    @property
    def crashed(self) -> bool:
        """Whether a user would have seen a traceback, or had to end it by hand."""
        return self.status == CRASHED or "Traceback (most recent call last)" in self.err


@dataclass
class Attempt:
    """A command that runs in a child.

    Attributes:
        pid: of the child.
        marks: what the child tells of itself.
        hit: the stage in which `end_at` has hit it.
    """

    pid: int
    marks: Marks
    hit: str = field(default="", init=False)
    _log: Path
    _started: float = field(default_factory=time.monotonic, init=False)
    _ended: Ended | None = field(default=None, init=False)

    @classmethod
    def start(
        cls, arguments: list[str], log: Path, environment: dict[str, str], inside: Callable[[Marks], None]
    ) -> "Attempt":
        """Start `autophagy ARGUMENTS`.

        Args:
            arguments: of the command line.
            log: its output goes to files of this name with .out and .err.
            environment: variables that are changed.
            inside: is called in the child before the command.
        """
        marks = Marks()
        for suffix in (".out", ".err"):  # here, as the child may be killed before it can
            log.with_suffix(suffix).touch()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _live(arguments, log, environment, lambda: inside(marks))
        return cls(pid, marks, log)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the child a signal."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = MOST_SECONDS) -> Ended | None:
        """Return how the child ended, None where it still runs after so many seconds."""
        deadline = time.monotonic() + seconds
        while self._ended is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self._ended = Ended(
                    os.waitstatus_to_exitcode(status),
                    self._log.with_suffix(".out").read_text(errors="replace"),
                    self._log.with_suffix(".err").read_text(errors="replace"),
                    time.monotonic() - self._started,
                )
            elif (left := deadline - time.monotonic()) <= 0:
                return None
            else:
                time.sleep(min(0.005, left))
        return self._ended

    def end_at(self, seconds: float, number: int) -> Ended:
        """Send the child a signal after so many seconds, if it still runs then, and return how it ended."""
        if (ended := self.wait(seconds)) is None:
            self.hit = self.marks.stage
            self.kill(number)
            ended = self.end()
        return ended

    def end(self, seconds: float = MOST_SECONDS) -> Ended:
        """Return how the child ended; one that hangs is killed, and counts as crashed."""
        if (ended := self.wait(seconds)) is not None:
            return ended
        self.kill()
        ended = self.wait()
        assert ended is not None  # nothing survives SIGKILL
        return Ended(CRASHED, ended.out, f"{ended.err}\nhung: killed after {seconds} s", ended.seconds)


def _live(arguments: list[str], log: Path, environment: dict[str, str], inside: Callable[[], None]) -> None:
    """Be the child: run the command and exit."""
    status = CRASHED
    try:
        for number, suffix in ((1, ".out"), (2, ".err")):
            file = os.open(log.with_suffix(suffix), os.O_WRONLY)
            os.dup2(file, number)
            os.close(file)
        os.environ.update(environment)
        from bench.cli.main import main

        inside()
        status = main(arguments)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else CRASHED
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
