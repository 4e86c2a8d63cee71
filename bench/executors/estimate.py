"""What cells will cost, before they run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from bench.cells.cell import GeneratorIdentity
from bench.cells.generator_settings import FileSettings, NetworkSettings
from bench.cells.task import Task, TierName
from bench.errors import CannotCompile
from bench.executors.demand import POINTS, Demand, demand, fit, sample
from bench.executors.disk_size import disk_size
from bench.executors.grid import PlannedCell
from bench.generators.engine import Engine
from bench.generators.file import LoadedGenerator

TIMED_STEPS = 5
# What networks reach of the speed of a product of large matrices. On a thread of an EPYC (Zen 4) training and sampling
# reached .43 to .61 of it in float32 (`digits`) and .9 to 1.7 in bfloat16 (`cifar10`, `ddpm`), smoke tier. On a GPU it
# is what the budgets of the tiers for one were computed with, a twentieth: not measured.
SHARE_OF_PRODUCTS = {"cpu": 0.5, "cuda": 0.05}
PRODUCT_SIDE = {"cpu": 768, "cuda": 8192}
PRODUCT_SECONDS = 0.05


@dataclass(frozen=True)
class Estimate:
    """What a cell will cost under the plain method.

    Attributes:
        images_trained: images that will go through a training step; those of G^1 count for the first cell that
            trains it.
        network_evaluations: forward passes of the network for one image in sampling.
        seconds: on the device, scoring not included.
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


def estimate_cells(cells: Sequence[PlannedCell], engine: Engine, *, measured: bool) -> list[Estimate]:
    """Return the estimate of each cell.

    Args:
        cells: those that share G^1 next to each other.
        engine: what they will run on.
        measured: whether a few steps of the real networks are timed, which takes minutes where these are large;
            otherwise the time is computed, from the networks' arithmetic and the device's speed at matrix products.
    """
    demands: dict[tuple[str, TierName, GeneratorIdentity, float], Demand] = {}
    speeds: dict[tuple[str, TierName, GeneratorIdentity, float], _Speed] = {}
    shared: set[tuple[str, TierName, GeneratorIdentity, int, int]] = set()
    speed_of_products = None if measured or not cells else _flops_per_second(engine)
    estimates = []
    for planned in cells:
        cell, task = planned.cell, planned.task
        tier, loop = task.tiers[cell.tier], cell.loop
        key = (task.sha256, cell.tier, cell.generator, loop.sampling_bias)
        if key not in demands:
            pools = {pool for other in cells if other.cell.generator == cell.generator for pool in _pools(other)}
            found = demand(planned.generator, task, cell.tier, loop.sampling_bias, pools)
            demands[key] = found
            speeds[key] = (
                _measure(planned.generator, task, cell.tier, loop.sampling_bias, engine)
                if speed_of_products is None
                else _Speed(found.flops_trained / speed_of_products, found.flops_sampled / speed_of_products)
            )
        wanted, speed = demands[key], speeds[key]
        first_generation = (task.sha256, cell.tier, cell.generator, cell.seed, loop.n_initial)
        size = disk_size(planned, wanted.model_bytes, wanted.checkpoint_bytes)
        first, *others = _pools(planned)
        images, disk = sum(wanted.images_per_fit[pool] for pool in others), size.finished
        if first_generation not in shared:
            images += wanted.images_per_fit[first]
            disk += size.first_generation
        shared.add(first_generation)
        samples = loop.generations * max(loop.n_synthetic, tier.n_score)
        estimates.append(
            Estimate(
                images_trained=images,
                network_evaluations=samples * wanted.evaluations_per_image,
                seconds=images * speed.seconds_per_image_trained + samples * speed.seconds_per_image_sampled,
                disk_bytes=disk,
                disk_peak_bytes=disk + size.checkpoint,
            )
        )
    return estimates


def _pools(planned: PlannedCell) -> list[int]:
    """Return the sizes of the pools of a cell, generation by generation."""
    loop = planned.cell.loop
    kept = (len(loop.kept_generations(t)) for t in range(2, loop.generations + 1))
    return [loop.n_initial, *(loop.n_real + n * loop.n_synthetic for n in kept)]


def _flops_per_second(engine: Engine) -> float:
    """Return what networks do in a second here, by the time that products of matrices take.

    On a CPU it is the time that this process had: what else the machine does now says nothing of the hours to come.
    """
    kind = engine.device.type
    side = PRODUCT_SIDE[kind]
    matrix = torch.ones(side, side, device=engine.device, dtype=torch.bfloat16 if kind == "cuda" else torch.float32)

    def product() -> None:
        (matrix @ matrix)[0, 0].item()  # which a GPU is waited for

    clock, n_clocks = (time.perf_counter, 1) if kind == "cuda" else (time.process_time, torch.get_num_threads())
    product()
    times, started = 0, clock()
    while (elapsed := (clock() - started) / n_clocks) < PRODUCT_SECONDS:
        product()
        times += 1
    return SHARE_OF_PRODUCTS[kind] * times * 2 * side**3 / elapsed


def _measure(loaded: LoadedGenerator, task: Task, tier: TierName, sampling_bias: float, engine: Engine) -> _Speed:
    """Return the speed of the real network; where it cannot be compiled, of what a cell goes on with."""
    try:
        return _timed(loaded, task, tier, sampling_bias, engine)
    except CannotCompile:
        return _timed(loaded, task, tier, sampling_bias, replace(engine, compiled=False))


def _timed(loaded: LoadedGenerator, task: Task, tier: TierName, sampling_bias: float, engine: Engine) -> _Speed:
    """Time a few training steps and one sampling batch of the real network, after a warm-up of each."""
    settings, n = loaded.settings(task, tier), POINTS
    if isinstance(settings, NetworkSettings):
        settings = settings.model_copy(update={"images": TIMED_STEPS * settings.batch_size})
        n = settings.sampling_batch
    elif isinstance(settings, FileSettings):
        settings = settings.model_copy(update={"images": n})
    generator = loaded.build(settings, task.tier_data(tier).shape, engine)
    trained = _seconds(lambda: fit(loaded, generator, task, tier, n))
    sampled = _seconds(lambda: sample(loaded, generator, task, tier, n, sampling_bias))
    return _Speed(trained / generator.images_per_fit(n), sampled / n)


def _seconds(work: Callable[[], None]) -> float:
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
