"""Build a generator of the benchmark's own from its settings."""

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import GENERATOR_SETTINGS, GeneratorSettings
from bench.generators.base import Generator
from bench.generators.ddpm import DDPM
from bench.generators.engine import Engine
from bench.generators.gaussian import Gaussian
from bench.generators.stylegan import StyleGAN

GENERATORS: dict[str, type[Generator]] = {"ddpm": DDPM, "stylegan": StyleGAN, "gaussian": Gaussian}


def build_generator(settings: GeneratorSettings, data: DataShape, engine: Engine) -> Generator:
    """Return the generator that these settings are for."""
    [name] = [name for name, its_settings in GENERATOR_SETTINGS.items() if type(settings) is its_settings]
    return GENERATORS[name](settings, data, engine)
