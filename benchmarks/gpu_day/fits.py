"""Stage a: whether a fit has the same bits again, after SIGTERM in the middle, and in torch's deterministic mode."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from bench.cells.generator_settings import NetworkSettings
from bench.cells.task import load_task
from bench.data.real import load_real_data
from bench.generators.base import Checkpoint
from bench.generators.build import build_generator
from bench.generators.engine import Engine
from bench.process.interruption import Interrupted, stoppable
from bench.process.progress import Progress
from bench.runs.fit_checkpoint import FitCheckpoint
from gpu_day.stopwatch import NoCheckpoint
from gpu_day.worker import Bench

STEPS, CUT_AT = 60, 25  # the cut is between two gradient penalties
IMAGES = 500


class Terminated(FitCheckpoint):
    """The checkpoint of a fit whose process is sent SIGTERM in a step."""

    def __init__(self, checkpoint: tuple[Any, ...], step: int) -> None:
        super().__init__(*checkpoint)
        self._left = step

    def due(self) -> bool:
        """Count a step, and send the signal in the last."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().due()


def measure(bench: Bench, part: str) -> Iterator[dict[str, Any]]:
    """Yield what a.resume-GENERATOR (compiled) or a.deterministic-GENERATOR (eager) has found."""
    kind, _, name = part.partition("-")
    if kind == "a.resume":
        yield from resumed(bench, name, bench.engine(compiled=True))
        return
    seconds = {}
    for how in ("default", "deterministic"):
        with deterministic(how == "deterministic"):
            fit = fits(bench, name, bench.engine(compiled=False))
            fit(NoCheckpoint())
            began = time.perf_counter()
            one = fit(NoCheckpoint())
            seconds[how] = time.perf_counter() - began
            found = {f"{how}_{key}": value for key, value in compared(one, fit(NoCheckpoint())).items()}
        seconds |= found
        yield {f"{key}_seconds" if key in ("default", "deterministic") else key: v for key, v in seconds.items()}


def resumed(bench: Bench, name: str, engine: Engine) -> Iterator[dict[str, Any]]:
    """Yield how far a fit is from the same fit again, and from one that SIGTERM has cut and that has gone on."""
    fit = fits(bench, name, engine)
    first = fit(NoCheckpoint())
    found = {f"again_{key}": value for key, value in compared(first, fit(NoCheckpoint())).items()}
    yield found
    path = bench.folder.work / f"resume-{name}.safetensors"
    path.unlink(missing_ok=True)
    kept = (path, "gpu", bench.quiet, lambda: None)
    try:
        with stoppable():
            fit(Terminated(kept, bench.pick(CUT_AT, 3)))
        raise AssertionError("SIGTERM did not end the fit")
    except Interrupted:
        found["saved"] = path.exists()
    torch.compiler.reset()  # as a new process has compiled nothing
    found |= {f"resumed_{key}": value for key, value in compared(first, fit(FitCheckpoint(*kept))).items()}
    yield found
    path.unlink(missing_ok=True)


def fits(bench: Bench, name: str, engine: Engine) -> Callable[[Checkpoint], dict[str, Tensor]]:
    """Return what fits a new generator of the digits task, always the same fit, and returns its weights."""
    task = load_task("digits")
    settings = task.tiers["smoke"].generator_settings(name)
    assert isinstance(settings, NetworkSettings)
    changes = {"images": bench.pick(STEPS, 6) * settings.batch_size}
    if bench.tiny:
        changes |= {"batch_size": 8, "images": 48, "channels": (16,) * len(settings.channels)}
    settings = settings.model_copy(update=changes)
    pool = load_real_data(task).training[:IMAGES]

    def fit(checkpoint: Checkpoint) -> dict[str, Tensor]:
        generator = build_generator(settings, task.data.shape, engine)
        generator.fit(pool, seed=0, from_scratch=True, checkpoint=checkpoint, progress=Progress(visible=False))
        return generator.state_dict()

    return fit


def compared(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return whether weights are the same bits, and the largest difference as a share of its tensor's largest."""
    farthest = 0.0
    for name, value in a.items():
        scale = float(value.abs().max())
        if value.numel() and scale > 0:
            farthest = max(farthest, float((value - b[name]).abs().max()) / scale)
    return {"same_bits": all(torch.equal(a[name], b[name]) for name in a), "largest_difference": farthest}


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Let torch choose kernels that always give the same bits, and raise where it has none."""
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    try:
        torch.use_deterministic_algorithms(wanted)
        torch.backends.cudnn.benchmark = False
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
