"""Small loops, cells, contexts and images for tests."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.cells.cell import Cell
from bench.cells.loops import Loop
from bench.data.image_set import ImageSet
from bench.generators.engine import Engine
from bench.methods.method import Budget, Context
from bench.methods.pool import Pool
from bench.process.progress import Progress

QUIET = Progress(visible=False)
CPU = Engine(torch.device("cpu"))
# What a task's file gains so that the StyleGAN-lite runs on it in a moment.
TINY_STYLEGAN = """
[tiers.smoke.generators.stylegan]
channels = [16, 32]
latent = 16
images = 64
batch_size = 16
learning_rate = 2e-3
augment = []
r1_weight = 0.1
sampling_batch = 40
"""


def make_loop(kind: str = "fully_synthetic", **changes: Any) -> Loop:
    """Return a small loop of this kind with these parameters changed."""
    parameters = {
        "kind": kind,
        "n_real": 0 if kind == "fully_synthetic" else 20,
        "n_synthetic": 30,
        "n_initial": 40,
        "pool": "previous",
        "sampling_bias": 1.0,
        "generations": 5,
        "protocol": "scratch",
    }
    return Loop.model_validate(parameters | changes)


def make_cell(**changes: Any) -> Cell:
    """Return a cell with these fields changed."""
    fields = {
        "task": "digits",
        "task_version": 1,
        "generator": "ddpm",
        "loop": make_loop(),
        "method": {"name": "none", "params": {}, "sha256": "a" * 64},
        "tier": "smoke",
        "seed": 0,
    }
    return Cell.model_validate(fields | changes)


def make_images(n: int, *, seed: int = 0, n_classes: int | None = 10, shape: tuple[int, ...] = (1, 8, 8)) -> ImageSet:
    """Return n random images; their labels run through the classes."""
    images = torch.randint(0, 256, (n, *shape), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return ImageSet(images, None if n_classes is None else torch.arange(n) % n_classes)


class MemoryCheckpoint:
    """A checkpoint in memory that is never due."""

    def __init__(self) -> None:
        self.state: dict[str, Tensor] | None = None

    def load(self) -> dict[str, Tensor] | None:
        return self.state

    def due(self) -> bool:
        return False

    def save(self, state: Mapping[str, Tensor]) -> None:
        self.state = {name: value.clone() for name, value in state.items()}


class RecordingGenerator:
    """Stands for a generator; keeps what it was asked, and draws image i filled with the number seeds[i] % 256."""

    def __init__(self) -> None:
        self.fits: list[tuple[ImageSet, dict[str, Any]]] = []
        self.samplings: list[tuple[Tensor | None, list[int], float]] = []

    def fit(self, pool: ImageSet, **arguments: Any) -> None:
        self.fits.append((pool, arguments))

    def sample(self, labels: Tensor | None, seeds: list[int], sampling_bias: float, progress: Progress) -> ImageSet:
        self.samplings.append((labels, seeds, sampling_bias))
        values = (torch.tensor(seeds) % 256).to(torch.uint8)
        return ImageSet(values.view(-1, 1, 1, 1).expand(-1, 1, 8, 8).clone(), labels)


class Killed(BaseException):
    """Stands for the death of the process."""


class KilledCheckpoint(MemoryCheckpoint):
    """A checkpoint that is due once, after `step` steps, and whose process dies as soon as the state is saved."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step, self.asked = step, 0

    def due(self) -> bool:
        self.asked += 1
        return self.asked == self.step

    def save(self, state: Mapping[str, Tensor]) -> None:
        super().save(state)
        raise Killed


def pixels(images: ImageSet) -> Tensor:
    """Return the pixels of images, 0 to 255."""
    return images.images.float().flatten(1)


def make_context(
    loop: Loop,
    generation: int,
    real: ImageSet | None = None,
    *,
    pool: Pool | None = None,
    n_classes: int | None = 10,
    embed: Callable[[ImageSet], Tensor] | None = None,
) -> Context:
    """Return the context of one generation of a loop; `embed` gives the pixels unless another function is given."""
    return Context(
        loop=loop,
        generation=generation,
        n_classes=n_classes,
        budget=Budget(images_trained=100, network_evaluations=1000),
        fit_seed=0,
        random=torch.Generator().manual_seed(generation),
        checkpoint=MemoryCheckpoint(),
        progress=QUIET,
        _pool=pool or Pool.assemble(None, {1: make_images(loop.n_synthetic, n_classes=n_classes)}),
        _pool_read=lambda: None,
        _checkpoint=lambda purpose: MemoryCheckpoint(),
        _labels=lambda n: None if n_classes is None else torch.arange(n) % n_classes,
        _seeds=lambda n: list(range(n)),
        _real=lambda: real,
        _embed=lambda images, space: (embed or pixels)(images),
        _embed_as_scored=embed or pixels,
        _count=lambda images_trained, network_evaluations: None,
    )


def comparable(record: Path) -> dict:
    """A record without what is not a function of the cell."""
    content = json.loads(record.read_text())
    del content["environment"], content["sha256"]
    for generation in content["generations"]:
        del generation["cost"]["seconds"], generation["cost"]["peak_memory_bytes"]
    return content
