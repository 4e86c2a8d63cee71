"""A worker: it measures the parts of one job, one after the other, and writes what each has found at once."""

import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from bench.errors import RunFailed, first_line
from bench.generators.engine import Engine
from bench.process.interruption import Interrupted
from bench.process.progress import Progress
from gpu_day.report import Folder, Part
from gpu_day.runner import GO_ON_STATUS

# Which file measures the parts of a stage: the letter, or the longest beginning of a part's name that is here.
FILES = {
    "a": "cells", "a.resume": "fits", "a.deterministic": "fits", "a.waits": "waits",
    "b": "training", "c": "sampling",
    "d": "features", "d.metrics": "metrics",
    "e": "usual_way_beside", "f": "cells", "g": "two_processes",
}  # fmt: skip
POISONED = "CUDA error"  # after which nothing works in a process any more
WATCH_SECONDS = 1.0


class NotHere(Exception):
    """A part cannot be measured on this machine, for a reason that is no failure of ours."""


@dataclass(frozen=True)
class Bench:
    """What parts are measured with.

    Attributes:
        folder: where results and work are.
        device: what is measured.
        tiny: whether this is a rehearsal.
        data: of MNIST, None for the data folder.
        until: when the worker has to end, of `time.monotonic`.
    """

    folder: Folder
    device: torch.device
    tiny: bool
    data: Path | None
    until: float

    @property
    def seconds_left(self) -> float:
        """Until the worker has to end."""
        return self.until - time.monotonic()

    @property
    def quiet(self) -> Progress:
        """No bars: the command shows one of its own."""
        return Progress(visible=False)

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    @cached_property
    def plain(self) -> Engine:
        """An engine that runs everything in float32, as it comes."""
        return Engine(self.device)

    def engine(self, *, compiled: bool, bfloat16: bool = True) -> Engine:
        """Return the engine of a GPU, on the CPU of a rehearsal too."""
        as_on_gpu = Engine.on(torch.device("cuda:0"), compiled=compiled)
        return replace(as_on_gpu, device=self.device, bfloat16=bfloat16)

    def pick(self, full: Any, tiny: Any) -> Any:
        """Return a size: the real one, or that of a rehearsal."""
        return tiny if self.tiny else full

    def wait(self) -> None:
        """Wait for the device."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def earlier(self, part: str) -> dict[str, Any]:
        """Return what another part has found, nothing where it is not there."""
        there = self.folder.part(part)
        return {} if there is None or there.found is None else there.found


def work(bench: Bench, job: str, parts: Sequence[str], parent: int, commit: str | None = None) -> int:
    """Measure parts, and return the exit status."""
    _end_with(parent)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(bench.folder.compiled))
    os.environ.setdefault("AUTOPHAGY_CACHE", str(bench.folder.work / "cache"))
    if bench.tiny:
        # The graphs are captured and differentiated as on a GPU, and then run without code that takes minutes to make.
        torch.compile = partial(torch.compile, backend="aot_eager")
    mark = bench.folder.running(job)
    for part in parts:
        mark.write_text(part)
        started = time.monotonic()

        def keep(whole: bool = False, since: float = started, name: str = part, **what: Any) -> None:
            seconds = round(time.monotonic() - since, 3)
            bench.folder.keep(name, Part(whole=whole, seconds=seconds, commit=commit, **what))

        found: dict[str, Any] | None = None
        try:
            for found in _measured(bench, part):
                keep(found=found)
            keep(whole=True, found=found or {})
        except Interrupted:
            # A cell, which is kept; the mark goes, as the part has not failed.
            mark.unlink(missing_ok=True)
            return 0
        except NotHere as reason:
            keep(whole=True, found={"not_here": str(reason)})
        except Exception as error:
            traceback.print_exc()
            reason = str(error) if isinstance(error, RunFailed) else f"{type(error).__name__}: {first_line(error)}"
            keep(found=found, failed=" ".join(reason.split()))
            if POISONED in str(error):
                mark.unlink(missing_ok=True)
                return GO_ON_STATUS
        _clean(bench)
    mark.unlink(missing_ok=True)
    return 0


def _measured(bench: Bench, part: str) -> Iterator[dict[str, Any]]:
    """Yield what a part has found so far, whenever there is something new; the last is all of it."""
    beginning = max((begin for begin in FILES if part.startswith(begin)), key=len)
    yield from importlib.import_module(f"gpu_day.{FILES[beginning]}").measure(bench, part)


def _clean(bench: Bench) -> None:
    """Give back the memory of a part, so that the next one's peak is its own."""
    if bench.on_gpu:
        import gc

        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(bench.device)


def _end_with(parent: int) -> None:
    """End this process and what it has started when the one that started it is gone: it would hold the device."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        if os.getpgid(0) == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    if parent:
        threading.Thread(target=watch, daemon=True).start()
        sys.stdout.flush()
