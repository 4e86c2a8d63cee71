"""Build a generator from its settings."""

import torch

from bench.generators.base import Generator
from bench.generators.ddpm import DDPM
from bench.generators.gaussian import Gaussian
from bench.generators.settings import DDPMSettings, GaussianSettings, GeneratorSettings, StyleGANSettings
from bench.generators.stylegan import StyleGAN
from bench.task import DataSection


def build_generator(settings: GeneratorSettings, data: DataSection, device: torch.device) -> Generator:
    """Return the generator that these settings are for, for images like those that `data` describes."""
    match settings:
        case DDPMSettings():
            return DDPM(settings, data.image_shape, data.n_classes, device)
        case StyleGANSettings():
            return StyleGAN(settings, data.image_shape, data.n_classes, device)
        case GaussianSettings():
            return Gaussian(settings, data.image_shape, device)
    raise TypeError(f"no generator has settings of type {type(settings).__name__}")
