"""What cells will cost, before they run."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.cells.cell import GeneratorIdentity
from bench.cells.generator_settings import FileSettings, NetworkSettings
from bench.cells.task import Task, TierName
from bench.data.image_set import ImageSet
from bench.errors import BadInput, first_line, is_out_of_memory
from bench.executors.disk_size import disk_size
from bench.executors.grid import PlannedCell
from bench.generators.base import Generator
from bench.generators.engine import Engine
from bench.generators.file import LoadedGenerator
from bench.process.progress import Progress

TIMED_STEPS = 5
TIMED_POINTS = 1000


@dataclass(frozen=True)
class Estimate:
    """What a cell will cost under the plain method.

    Attributes:
        images_trained: images that will go through a training step; those of G^1 count for the first cell that
            trains it.
        network_evaluations: forward passes of the network for one image in sampling.
        seconds: on the device that was timed, scoring not included.
        disk_bytes: of the files of the finished cell under its own method, whose state is not included; the model of
            G^1 that cells share counts for the first of them.
        disk_peak_bytes: the most that there can be while it runs, with the state of an unfinished fit.
    """

    images_trained: int
    network_evaluations: int
    seconds: float
    disk_bytes: int
    disk_peak_bytes: int


@dataclass(frozen=True)
class _Speed:
    seconds_per_image_trained: float
    seconds_per_image_sampled: float
    generator: Generator


class _NoCheckpoint:
    def load(self) -> dict[str, Tensor] | None:
        return None

    def due(self) -> bool:
        return False

    def save(self, state: Mapping[str, Tensor]) -> None:
        raise AssertionError("no checkpoint is due")


def estimate_cells(cells: Sequence[PlannedCell], engine: Engine) -> list[Estimate]:
    """Return the estimate of each cell, from a few timed steps of the real networks, and from their shapes."""
    speeds: dict[tuple[str, TierName, GeneratorIdentity, float], _Speed] = {}
    shared: set[tuple[str, TierName, GeneratorIdentity, int, int]] = set()
    estimates = []
    for planned in cells:
        cell, task = planned.cell, planned.task
        tier, loop = task.tiers[cell.tier], cell.loop
        speed_key = (task.sha256, cell.tier, cell.generator, loop.sampling_bias)
        if speed_key not in speeds:
            speeds[speed_key] = _measure(planned.generator, task, cell.tier, loop.sampling_bias, engine)
        speed = speeds[speed_key]

        first_generation = (task.sha256, cell.tier, cell.generator, cell.seed, loop.n_initial)
        settings = planned.generator.settings(task, cell.tier)
        cpu = Engine(torch.device("cpu"))
        generator = planned.generator.build(settings, task.tier_data(cell.tier).shape, cpu)
        kept = [len(loop.kept_generations(t)) for t in range(2, loop.generations + 1)]
        pools = [loop.n_real + n * loop.n_synthetic for n in kept]
        size = disk_size(planned, speed.generator)  # one that was trained: some have no weights before
        disk = size.finished
        if first_generation not in shared:
            pools.append(loop.n_initial)
            disk += size.first_generation
        shared.add(first_generation)
        images = sum(map(generator.images_per_fit, pools))
        samples = loop.generations * max(loop.n_synthetic, tier.n_score)
        estimates.append(
            Estimate(
                images_trained=images,
                network_evaluations=samples * generator.evaluations_per_image(loop.sampling_bias),
                seconds=images * speed.seconds_per_image_trained + samples * speed.seconds_per_image_sampled,
                disk_bytes=disk,
                disk_peak_bytes=disk + size.checkpoint,
            )
        )
    return estimates


def _measure(loaded: LoadedGenerator, task: Task, tier: TierName, sampling_bias: float, engine: Engine) -> _Speed:
    """Time a few training steps and one sampling batch of the real network, after a warm-up of each."""
    settings = loaded.settings(task, tier)
    n = TIMED_POINTS
    if isinstance(settings, NetworkSettings):
        settings = settings.model_copy(update={"images": TIMED_STEPS * settings.batch_size})
        n = settings.sampling_batch
    elif isinstance(settings, FileSettings):
        settings = settings.model_copy(update={"images": n})
    data = task.tier_data(tier)
    generator = loaded.build(settings, data.shape, engine)
    labels = None if data.n_classes is None else torch.arange(n) % data.n_classes
    shape = data.image_shape
    pool = ImageSet(torch.zeros((n, *shape), dtype=torch.uint8 if len(shape) == 3 else torch.float32), labels)
    silent = Progress(visible=False)

    def fit() -> None:
        generator.fit(pool, seed=0, from_scratch=True, checkpoint=_NoCheckpoint(), progress=silent)

    def sample() -> None:
        generator.sample(labels, list(range(n)), sampling_bias, silent)

    try:
        return _Speed(_seconds(fit) / generator.images_per_fit(n), _seconds(sample) / n, generator)
    except Exception as error:
        if loaded.path is None or is_out_of_memory(error):
            raise
        reason = f"{type(error).__name__}: {first_line(error)}"  # somebody's code
        raise BadInput(f"{loaded.path}: a few steps of training and sampling raise {reason}") from error


def _seconds(work: Callable[[], None]) -> float:
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
