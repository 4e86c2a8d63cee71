"""What is changed inside of a child: it tells what it does, writes checkpoints often, and dies where it is told to."""

import io
import os
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import loop
from bench.generators.base import Generator
from bench.runs import first_generation, fit_checkpoint, journal, run_folder
from bench.scoring import scorer
from faults.forks import Marks

STEPS = ("before", "half", "sync", "rename", "after")
STEP_TEXTS = {
    "before": "before the file is opened",
    "half": "with half of it written",
    "sync": "before it is flushed to the disk",
    "rename": "before it is renamed",
    "after": "after it is renamed",
}
CHECKPOINT_SECONDS = 0.05  # in place of 15: the fits are short


@dataclass(frozen=True)
class Fault:
    """What happens to a child from within.

    Attributes:
        dies_at: the number of a write, from 1 on, and the step of it (STEPS) at which the child kills itself.
        clock_jumps: seconds by which the wall clock jumps, one after the other, each time a generation is scored.
        memory: bytes of address space that it may take beyond what it starts with.
    """

    dies_at: tuple[int, str] | None = None
    clock_jumps: tuple[float, ...] = ()
    memory: int | None = None

    def install(self, marks: Marks) -> None:
        """Change this process."""
        fit_checkpoint.CHECKPOINT_SECONDS = CHECKPOINT_SECONDS
        _tell_stages(marks)
        _watch_writes(marks, self.dies_at)
        if self.clock_jumps:
            _let_the_clock_jump(self.clock_jumps)
        if self.memory is not None:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + self.memory, used + self.memory))


NOTHING = Fault()


def _tell_stages(marks: Marks) -> None:
    for generator in _subclasses(Generator):
        for name in ("fit", "sample"):
            if name in vars(generator):
                _wrap(generator, name, marks, name)
    _wrap(scorer.Scorer, "score", marks, "score", _count_scored)
    _wrap(run_folder.RunFolder, "finished", marks, "read")
    _wrap(run_folder.RunFolder, "tensors", marks, "read")
    _wrap(loop.LoopRun, "run", marks, "between")
    _wrap(journal.Journal, "first_generation", marks, "between")

    original = first_generation.FirstGenerationCache.checkpoint

    def checkpoint(self: first_generation.FirstGenerationCache, key: str) -> fit_checkpoint.FitCheckpoint:
        marks.first_fits += 1
        return original(self, key)

    first_generation.FirstGenerationCache.checkpoint = checkpoint  # type: ignore[method-assign]


def _count_scored(marks: Marks) -> None:
    marks.scored += 1


def _wrap(
    owner: type, name: str, marks: Marks, stage: str, also: Callable[[Marks], None] = lambda marks: None
) -> None:
    original = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        before, marks.stage = marks.stage, stage
        also(marks)
        try:
            return original(*arguments, **named)
        finally:
            marks.stage = before

    setattr(owner, name, wrapped)


def _subclasses(of: type) -> list[type]:
    return [one for direct in of.__subclasses__() for one in (direct, *_subclasses(direct))]


def _watch_writes(marks: Marks, dies_at: tuple[int, str] | None) -> None:
    """Count the files that are written, and die in the midst of one.

    A write is what `bench.files.atomic` does: a new file is opened for bytes, flushed to the disk and renamed. The
    functions of the system are replaced, because other modules have taken `bench.files.atomic`'s by name.
    """
    open_, fsync, replace = io.open, os.fsync, os.replace
    stages: list[str] = []

    def die_if(step: str) -> None:
        if dies_at == (marks.writes, step):
            os.kill(os.getpid(), signal.SIGKILL)

    def opened(path: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        if mode != "wb":
            return open_(path, mode, *arguments, **named)
        marks.writes += 1
        stages.append(marks.stage)
        marks.stage = "write"
        die_if("before")
        file = open_(path, mode, *arguments, **named)
        if dies_at == (marks.writes, "half"):
            return _HalfWritten(file)
        return file

    def synced(file: int) -> None:
        die_if("sync")
        fsync(file)
        die_if("rename")

    def replaced(old: Any, new: Any, **named: Any) -> None:
        replace(old, new, **named)
        die_if("after")
        if stages:
            marks.stage = stages.pop()

    io.open, os.fsync, os.replace = opened, synced, replaced  # type: ignore[assignment]


class _HalfWritten:
    """A file whose process dies in the midst of the first write."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __enter__(self) -> "_HalfWritten":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, content: bytes) -> None:
        self._file.write(content[: len(content) // 2])
        self._file.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def _let_the_clock_jump(jumps: tuple[float, ...]) -> None:
    """Let the wall clock jump whenever a generation is scored; the monotonic clock does not, as on a real machine."""
    wall, left, shift = time.time, list(jumps), [0.0]
    original = scorer.Scorer.score

    def score(*arguments: Any, **named: Any) -> Any:
        if left:
            shift[0] += left.pop(0)
        return original(*arguments, **named)

    scorer.Scorer.score = score  # type: ignore[method-assign]
    time.time = lambda: wall() + shift[0]
