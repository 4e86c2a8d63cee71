"""Build a generator from its settings."""

from bench.cells.generator_settings import DDPMSettings, GaussianSettings, GeneratorSettings, StyleGANSettings
from bench.cells.task import DataSection
from bench.generators.base import Generator
from bench.generators.ddpm import DDPM
from bench.generators.engine import Engine
from bench.generators.gaussian import Gaussian
from bench.generators.stylegan import StyleGAN


def build_generator(settings: GeneratorSettings, data: DataSection, engine: Engine) -> Generator:
    """Return the generator that these settings are for, for images like those that `data` describes."""
    match settings:
        case DDPMSettings():
            return DDPM(settings, data.image_shape, data.n_classes, data.horizontal_flips, engine)
        case StyleGANSettings():
            return StyleGAN(settings, data.image_shape, data.n_classes, data.horizontal_flips, engine)
        case GaussianSettings():
            return Gaussian(settings, data.image_shape, engine.device)
    raise TypeError(f"no generator has settings of type {type(settings).__name__}")
