"""Build a generator from its name and its settings."""

import torch

from bench.generators.base import Generator
from bench.generators.ddpm import DDPM
from bench.generators.settings import GeneratorSettings
from bench.task import DataSection

MODELS = {"ddpm": DDPM}


def build_generator(name: str, settings: GeneratorSettings, data: DataSection, device: torch.device) -> Generator:
    """Return the generator for images like those that `data` describes; `settings` are of the generator's kind."""
    return MODELS[name](settings, data.image_shape, data.n_classes, device)
