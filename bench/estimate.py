"""What cells will cost, before they run."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.generators.build import build_generator
from bench.grid import PlannedCell
from bench.progress import Progress
from bench.task import Task, TierName

TIMED_STEPS = 5


@dataclass(frozen=True)
class Estimate:
    """What a cell will cost under the plain method.

    Attributes:
        images_trained: images that will go through a training step; those of G^1 count for the first cell that
            trains it.
        network_evaluations: forward passes of the network for one image in sampling.
        seconds: on the device that was timed, scoring not included.
    """

    images_trained: int
    network_evaluations: int
    seconds: float


@dataclass(frozen=True)
class _Speed:
    seconds_per_image_trained: float
    seconds_per_image_sampled: float


class _NoCheckpoint:
    def load(self) -> dict[str, Tensor] | None:
        return None

    def due(self) -> bool:
        return False

    def save(self, state: Mapping[str, Tensor]) -> None:
        raise AssertionError("no checkpoint is due")


def estimate_cells(cells: Sequence[PlannedCell], device: torch.device) -> list[Estimate]:
    """Return the estimate of each cell, from a few timed steps of the real networks on `device`."""
    speeds: dict[tuple[str, TierName, str, float], _Speed] = {}
    shared: set[tuple[str, TierName, str, int, int]] = set()
    estimates = []
    for planned in cells:
        cell, task = planned.cell, planned.task
        tier, loop = task.tiers[cell.tier], cell.loop
        settings = tier.generator_settings(cell.generator)
        speed_key = (task.sha256, cell.tier, cell.generator, loop.sampling_bias)
        if speed_key not in speeds:
            speeds[speed_key] = _measure(cell.generator, task, cell.tier, loop.sampling_bias, device)
        speed = speeds[speed_key]

        first_generation = (task.sha256, cell.tier, cell.generator, cell.seed, loop.n_initial)
        fits = loop.generations - (first_generation in shared)
        shared.add(first_generation)
        images = fits * math.ceil(settings.images / settings.batch_size) * settings.batch_size
        samples = loop.generations * max(loop.n_synthetic, tier.n_score)
        generator = build_generator(settings, task.data, torch.device("cpu"))
        estimates.append(
            Estimate(
                images_trained=images,
                network_evaluations=samples * generator.evaluations_per_image(loop.sampling_bias),
                seconds=images * speed.seconds_per_image_trained + samples * speed.seconds_per_image_sampled,
            )
        )
    return estimates


def _measure(name: str, task: Task, tier: TierName, sampling_bias: float, device: torch.device) -> _Speed:
    """Time a few training steps and one sampling batch of the real network, after a warm-up of each."""
    settings = task.tiers[tier].generator_settings(name)
    settings = settings.model_copy(update={"images": TIMED_STEPS * settings.batch_size})
    generator = build_generator(settings, task.data, device)
    n = settings.sampling_batch
    labels = None if task.data.n_classes is None else torch.arange(n) % task.data.n_classes
    pool = ImageSet(torch.zeros((n, *task.data.image_shape), dtype=torch.uint8), labels)
    silent = Progress(visible=False)

    def fit() -> None:
        generator.fit(pool, seed=0, from_scratch=True, checkpoint=_NoCheckpoint(), progress=silent)

    def sample() -> None:
        generator.sample(labels, list(range(n)), sampling_bias, silent)

    return _Speed(_seconds(fit) / settings.images, _seconds(sample) / n)


def _seconds(work: Callable[[], None]) -> float:
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
