"""Small models of the generators that are networks, for tests; each builder takes changes of its settings."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from builders import CPU, QUIET, MemoryCheckpoint, make_images
from torch import Tensor

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import DDPMSettings, StyleGANSettings
from bench.data.image_set import ImageSet
from bench.generators.ddpm import DDPM
from bench.generators.engine import Engine
from bench.generators.network import NetworkGenerator
from bench.generators.stylegan import StyleGAN

Build = Callable[..., NetworkGenerator]
Model = TypeVar("Model", bound=NetworkGenerator)

COMMON = {"images": 64, "batch_size": 16, "sampling_batch": 4}
STEPS = 64 // 16
DDPM_SETTINGS = COMMON | {
    "channels": [16],
    "layers_per_block": 1,
    "attention": False,
    "learning_rate": 1e-3,
    "sampling_steps": 3,
}
STYLEGAN_SETTINGS = COMMON | {
    "channels": [8, 8],
    "latent": 8,
    "augment": ["translation"],
    "r1_weight": 0.1,
    "r1_interval": 2,
    "learning_rate": 2e-3,
}
POOL = make_images(24)
SEEDS = [11, 22, 33, 44, 55, 66, 77]
LABELS = torch.tensor([0, 1, 2, 3, 4, 5, 6])


def ddpm(
    n_classes: int | None = 10,
    shape: tuple[int, ...] = (1, 8, 8),
    flips: bool = False,
    engine: Engine = CPU,
    **changes: Any,
) -> DDPM:
    return DDPM(DDPMSettings.model_validate(DDPM_SETTINGS | changes), DataShape(shape, n_classes, flips), engine)


def stylegan(
    n_classes: int | None = 10,
    shape: tuple[int, ...] = (1, 8, 8),
    flips: bool = False,
    engine: Engine = CPU,
    **changes: Any,
) -> StyleGAN:
    settings = StyleGANSettings.model_validate(STYLEGAN_SETTINGS | changes)
    return StyleGAN(settings, DataShape(shape, n_classes, flips), engine)


def fit(
    model: Model,
    *,
    seed: int = 0,
    pool: ImageSet = POOL,
    from_scratch: bool = True,
    checkpoint: MemoryCheckpoint | None = None,
    **arguments: Any,
) -> Model:
    checkpoint = checkpoint or MemoryCheckpoint()
    model.fit(pool, seed=seed, from_scratch=from_scratch, checkpoint=checkpoint, progress=QUIET, **arguments)
    return model


def sample(
    model: NetworkGenerator, labels: Tensor | None = LABELS, seeds: list[int] = SEEDS, bias: float = 1.0
) -> Tensor:
    return model.sample(labels, seeds, bias, QUIET).images


def equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
