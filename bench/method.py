"""The interface of a mitigation method, and how a method is loaded from its one Python file.

A method is a file with one class derived from `Method`. Every hook has a default, and the defaults together are the
plain loop; a method overrides the hooks it needs.
"""

import importlib.util
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench import paths
from bench.cell import MethodIdentity
from bench.data.image_set import ImageSet
from bench.errors import BadInput, RunFailed, first_line
from bench.generators.base import Checkpoint, Generator
from bench.hashing import file_sha256
from bench.loops import Loop
from bench.parameters import declared_parameters, describe_parameters, parse_parameters
from bench.pool import Pool
from bench.progress import Progress


@dataclass(frozen=True)
class Context:
    """What the loop allows a method to know and use in one generation, and nothing else.

    Attributes:
        loop: the loop and its parameters.
        generation: t, counted from 1.
        fit_seed: the seed of this generation's training.
        random: a random generator for the method's own draws, seeded for this generation.
        labels: int64, (n,), the labels to sample for; None where the task has no labels.
        seeds: the seeds to sample with, as many as `labels`; image i of every method of this cell's seed has the
            same latent.
        checkpoint: where an unfinished fit is kept.
        progress: where progress is shown.
    """

    loop: Loop
    generation: int
    fit_seed: int
    random: torch.Generator
    labels: Tensor | None
    seeds: list[int]
    checkpoint: Checkpoint
    progress: Progress
    _real: ImageSet | None

    @property
    def real(self) -> ImageSet:
        """The real images that the loop allows in this generation: those of D^t.

        Raises:
            RunFailed: in the fully synthetic loop after generation 1.
        """
        if self._real is None:
            raise RunFailed(
                f"the method asked for real images in generation {self.generation} of the fully_synthetic loop, "
                "which has none after generation 1; what it needs of them it must learn at generation 1 and keep"
            )
        return self._real


class Method:
    """The plain loop. Derive from this class and override what the method changes.

    The method's parameters are annotated attributes with defaults (`bench.parameters`); they are part of the cell.

    Generation 1 is trained on real images by the engine, in the same way for all methods of a seed. `prepare` is
    called once, in generation 1; `sample` and `synthesize` act from generation 1 on, `curate`, `fit` and `refine` from
    generation 2 on.
    """

    def check(self, loop: Loop) -> None:
        """Raise `BadInput` where the method cannot run in this loop; called before anything is computed."""

    def prepare(self, ctx: Context) -> None:
        """Learn from the real images that generation 1 was trained on, `ctx.real`.

        What is learned here and needed later is the method's state: `state_dict` must return it.
        """

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        """Choose what generation t trains on from the pool that the loop offers."""
        return pool

    def fit(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        """Train the generator on the curated pool."""
        generator.fit(
            pool.data,
            seed=ctx.fit_seed,
            from_scratch=ctx.loop.protocol == "scratch",
            checkpoint=ctx.checkpoint,
            progress=ctx.progress,
        )

    def refine(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        """Change the trained generator."""

    def sample(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        """Draw n of the model's images, with the first n of the labels and seeds of `ctx`."""
        labels = None if ctx.labels is None else ctx.labels[:n]
        return generator.sample(labels, ctx.seeds[:n], ctx.loop.sampling_bias, ctx.progress)

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        """Return the n images that enter the pools of later generations."""
        return self.sample(generator, n, ctx)

    def state_dict(self) -> dict[str, Tensor]:
        """Return what the method has learned and needs again after a killed run is resumed."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put a state from `state_dict` in place."""


@dataclass(frozen=True)
class LoadedMethod:
    """A method class with its identity, which has the values of its parameters."""

    identity: MethodIdentity
    definition: type[Method]

    def build(self) -> Method:
        """Return a new instance with its parameters set."""
        method = self.definition()
        for name, value in self.identity.params.items():
            setattr(method, name, value)
        return method

    @property
    def summary(self) -> str:
        """The first line of the class's docstring, and the parameters with their defaults."""
        line = (self.definition.__doc__ or "").strip().partition("\n")[0]
        parameters = describe_parameters(self.identity.params)
        return f"{line} [{parameters}]" if parameters else line


def baseline_names() -> list[str]:
    """Return the names of the methods that come with the package."""
    return sorted(path.stem for path in paths.BASELINES.glob("*.py"))


def load_method(text: str) -> LoadedMethod:
    """Load a method by the name of a file in baselines/ or by the path of a Python file.

    Args:
        text: the name or path, and after colons the parameters that are not at their defaults:
            "entropy_selection:keep=0.5".

    Raises:
        BadInput: no such method, a file that cannot be imported or does not define exactly one method, or a wrong
            parameter.
    """
    name, _, parameters = text.partition(":")
    path = Path(name) if name.endswith(".py") else paths.BASELINES / f"{name}.py"
    if not path.is_file():
        raise BadInput(f"no method '{name}': there are {', '.join(baseline_names())}, or give the path of a .py file")
    if not re.fullmatch("[a-z][a-z0-9_]*", path.stem):
        raise BadInput(f"{path}: a method's file is named in lower case, digits and _, found '{path.stem}'")
    module_name = f"autophagy_method_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses and typing look a class's module up by name
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise BadInput(f"{path}: cannot be imported: {type(error).__name__}: {first_line(error)}") from error
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Method) and value.__module__ == module_name
    ]
    if len(found) != 1:
        raise BadInput(f"{path}: needs exactly one class derived from bench.method.Method, found {len(found)}")
    try:
        params = parse_parameters(parameters, declared_parameters(found[0]))
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
    return LoadedMethod(MethodIdentity(name=path.stem, params=params, sha256=file_sha256(path)), found[0])
