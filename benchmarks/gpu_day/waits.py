"""Whether a training step waits for the device: part of stage a, and the means of the test that holds it.

`torch.cuda.set_sync_debug_mode` raises where the host waits for a GPU: `.item()`, a copy from memory that is not
pinned, a mask that becomes indices. It is on from the third step of a fit to the last but one; before and after it
constants are sent, and losses fetched.
"""

from collections.abc import Iterator
from typing import Any

import torch

from bench.cells.task import load_task
from bench.data.real import load_real_data
from bench.generators.build import build_generator
from bench.generators.engine import Engine
from bench.generators.network import NetworkGenerator
from bench.process.progress import Progress
from gpu_day.stopwatch import Enough, NoCheckpoint
from gpu_day.worker import Bench, NotHere

WARM = 3
STEPS = 40  # fewer than those after which losses are looked at; more than from one gradient penalty to the next


class Guarded(NoCheckpoint):
    """Lets every wait for a GPU raise after a few steps, and ends the fit after a few more."""

    def __init__(self) -> None:
        self.steps = 0

    def due(self) -> bool:
        """Count a step."""
        self.steps += 1
        if self.steps == WARM:
            torch.cuda.set_sync_debug_mode("error")
        if self.steps == STEPS:
            raise Enough
        return False


def waits_in_steps(name: str, engine: Engine) -> str | None:
    """Train a generator of the digits task on a GPU, and return where a step waits for it; None where none does."""
    task = load_task("digits")
    settings = task.tiers["smoke"].generator_settings(name)
    generator = build_generator(settings, task.data.shape, engine)
    assert isinstance(generator, NetworkGenerator)
    pool = load_real_data(task).training[:500]
    guarded = Guarded()
    try:
        generator.fit(pool, seed=0, from_scratch=True, checkpoint=guarded, progress=Progress(visible=False))
    except Enough:
        return None
    except RuntimeError as error:
        if "synchroniz" not in str(error):
            raise
        return place_of(error)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    raise AssertionError("the fit came to its end before it was watched")


def place_of(error: BaseException) -> str:
    """Return the innermost line of this package that an error went through."""
    place, traceback = "nowhere in bench", error.__traceback__
    while traceback is not None:
        path = traceback.tb_frame.f_code.co_filename
        if "/bench/" in path:
            place = f"bench/{path.rpartition('/bench/')[2]}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def measure(bench: Bench, part: str) -> Iterator[dict[str, Any]]:
    """Yield where the steps of a.waits-GENERATOR wait, eager and compiled."""
    if not bench.on_gpu:
        raise NotHere("a CPU is never waited for")
    name = part.rpartition("-")[2]
    found: dict[str, Any] = {}
    for how, compiled in (("eager", False), ("compiled", True)):
        found[how] = waits_in_steps(name, bench.engine(compiled=compiled)) or "nowhere"
        yield found
