"""autophagy-bench: a benchmark of generative models that are trained on their own output.

This is the door: whoever writes a method, a generator, a script or a notebook imports from `bench` itself and from
nothing deeper, `from bench import Context, Method`. What is behind it may move on any day; what it gives changes with
a line in CHANGELOG.md alone. docs/interface.md describes every name. Names are imported when they are first used, so
that `import bench` needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.process.waiting import wait_asleep
from bench.public import FOR_FILES, FOR_SCRIPTS
from bench.public import INTERFACE_VERSION as INTERFACE_VERSION
from bench.public import __version__ as __version__

if TYPE_CHECKING:  # for type checkers and editors: the tables of bench.public, which a test holds against it
    from bench.api import compare as compare
    from bench.api import read_results as read_results
    from bench.api import run as run
    from bench.api import score as score
    from bench.cells.data_shape import DataShape as DataShape
    from bench.cells.generator_settings import GeneratorSettings as GeneratorSettings
    from bench.cells.generator_settings import NetworkSettings as NetworkSettings
    from bench.cells.loops import Loop as Loop
    from bench.cells.loops import LoopKind as LoopKind
    from bench.data.image_set import ImageSet as ImageSet
    from bench.data.image_set import concatenate as concatenate
    from bench.errors import BadInput as BadInput
    from bench.errors import RunFailed as RunFailed
    from bench.features.linear_probe import LinearProbe as LinearProbe
    from bench.generators.base import Checkpoint as Checkpoint
    from bench.generators.base import Extrapolation as Extrapolation
    from bench.generators.base import Generator as Generator
    from bench.generators.batch import Batch as Batch
    from bench.generators.engine import Engine as Engine
    from bench.generators.network import NetworkGenerator as NetworkGenerator
    from bench.generators.noise import NoiseLevel as NoiseLevel
    from bench.generators.training import Training as Training
    from bench.generators.training import mean_loss as mean_loss
    from bench.generators.watch import Watch as Watch
    from bench.methods.method import Budget as Budget
    from bench.methods.method import Context as Context
    from bench.methods.method import Control as Control
    from bench.methods.method import Method as Method
    from bench.methods.method import Setting as Setting
    from bench.methods.pool import Pool as Pool
    from bench.process.progress import Progress as Progress
    from bench.seeds import derive_generator as derive_generator
    from bench.seeds import derive_seed as derive_seed
    from bench.seeds import draw_weights as draw_weights

__all__ = [*FOR_FILES, *FOR_SCRIPTS]

# Here because whatever runs cells, a command, its workers, a notebook, imports this before torch, and once only.
wait_asleep()


def __dir__() -> list[str]:
    return sorted([*__all__, "INTERFACE_VERSION", "__version__"])


if not TYPE_CHECKING:  # a type checker would take it to give any name

    def __getattr__(name: str) -> Any:
        place = FOR_FILES.get(name) or FOR_SCRIPTS.get(name)
        if place is None:
            raise AttributeError(f"module 'bench' has no attribute '{name}': docs/interface.md has all names")
        return getattr(import_module(place), name)
