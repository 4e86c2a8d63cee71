"""Find a generator by its name, or load it from its one Python file, with the values of its parameters."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_type_hints

import torch
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from bench.cells.cell import GeneratorIdentity
from bench.cells.class_file import define_anew, load_class
from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import (
    FileSettings,
    GeneratorSettings,
    NetworkFileSettings,
)
from bench.cells.task import Task, TierName
from bench.errors import BadInput, choose, first_line
from bench.files.validation import one_line
from bench.generators.base import Generator
from bench.generators.build import GENERATORS
from bench.generators.engine import Engine
from bench.generators.network import NetworkGenerator
from bench.process.progress import Progress
from bench.process.shared import executing

# What every generator has in attributes of these names.
TAKEN = ("settings", "data", "engine", "device", "work", "share")


@dataclass(frozen=True)
class LoadedGenerator:
    """A generator's class with its identity, and the file that it is from; None for one of the benchmark's own."""

    identity: GeneratorIdentity
    definition: type[Generator]
    path: Path | None = None
    content: bytes = field(default=b"", repr=False)

    @property
    def source(self) -> str:
        """What `--generator` takes for it, from any folder."""
        if self.path is None:
            return self.identity.name
        return self.identity.option.replace(f"{self.identity.name}.py", str(self.path.resolve()), 1)

    def anew(self) -> "LoadedGenerator":
        """Return it with its file executed once more, as a method's.

        Raises:
            BadInput: the file cannot be executed a second time.
        """
        if self.path is None:
            return self
        with executing(self.path):
            definition = define_anew(self.path, self.content, Generator, "generator")  # type: ignore[type-abstract]
        return replace(self, definition=definition)

    def check(self, task: Task, tier: TierName, sampling_bias: float) -> None:
        """Raise `BadInput` where it cannot make what a task asks for, or not with this bias; no network is built."""
        data = task.tier_data(tier).shape
        labelled = data.n_classes is not None
        if self.path is None:
            known = task.tiers[tier].generators
            if self.identity.name not in known:
                raise BadInput(
                    f"{task.path}: tiers.{tier} has no settings for the generator '{self.identity.name}': there are "
                    f"those of {', '.join(known)}"
                )
            try:
                self.settings(task, tier).check_sampling_bias(sampling_bias, labelled)
            except ValueError as error:
                raise BadInput(f"--sampling-bias {sampling_bias:g}, task '{task.name}': {error}") from error
            return
        try:
            self.definition.check_data(data)
        except Exception as error:  # somebody's code
            raise BadInput(f"{self.path}, task '{task.name}': {_said(error)}") from error
        try:
            self.definition.check_sampling_bias(sampling_bias, labelled)
        except Exception as error:
            raise BadInput(
                f"--sampling-bias {sampling_bias:g}, generator '{self.identity.name}', task '{task.name}': "
                f"{_said(error)}"
            ) from error

    def settings(self, task: Task, tier: TierName) -> GeneratorSettings:
        """Return its settings in a tier of a task: the task file's, or its parameters with the tier's budget."""
        section = task.tiers[tier]
        if self.path is None:
            return section.generator_settings(self.identity.name)
        return self.file_settings(section.file_budget)

    def file_settings(self, images: int) -> FileSettings | NetworkFileSettings:
        """Return the settings of a generator from a file.

        Args:
            images: its budget, the images that it sees in training in a generation.

        Raises:
            BadInput: a parameter that all networks have is out of its bounds.
        """
        if not issubclass(self.definition, NetworkGenerator):
            return FileSettings(images=images)
        common = {name: self.identity.params[name] for name in NetworkFileSettings.common()}
        try:
            return NetworkFileSettings(images=images, **common)
        except ValidationError as error:
            raise BadInput(f"{self.path}: parameter {one_line(error)}") from error

    def build(self, settings: GeneratorSettings, data: DataShape, engine: Engine) -> Generator:
        """Return a new generator.

        Raises:
            BadInput: the class of a file cannot be called.
        """
        if self.path is None:
            return self.definition(settings, data, engine)
        try:
            return self._with_params()(settings, data, engine)
        except BadInput as error:
            raise BadInput(f"{self.path}: {error}") from error
        except Exception as error:  # somebody's code
            raise BadInput(
                f"{self.path}: {self.definition.__name__}(...) raises {type(error).__name__}: {first_line(error)}"
            ) from error

    def try_out(self, task: Task, tier: TierName, engine: Engine) -> None:
        """Build the network of a file and draw one image of it, untrained: before hours are spent on it.

        Raises:
            BadInput: it cannot be built or drawn from, or makes other images than those of the task.
        """
        data, settings = task.tier_data(tier).shape, self.settings(task, tier)
        if self.path is None or not isinstance(settings, NetworkFileSettings):
            return
        settings = settings.model_copy(update={"sampling_batch": 1})
        generator = self.build(settings, data, replace(engine, compiled=False))
        labels = None if data.n_classes is None else torch.zeros(1, dtype=torch.int64)
        try:
            found = tuple(generator.sample(labels, [0], 1.0, Progress(visible=False)).images.shape[1:])
        except Exception as error:  # somebody's code
            reason = f"{type(error).__name__}: {first_line(error)}"
            raise BadInput(f"{self.path}: drawing an image for task '{task.name}' raises {reason}") from error
        if found != data.image_shape:
            raise BadInput(
                f"{self.path}: draws images of shape {found}: those of task '{task.name}' have {data.image_shape}"
            )

    def _with_params(self) -> type[Generator]:
        """Return a new class with the parameters' values in place of their defaults; `__init__` has them too."""
        own = {name: value for name, value in self.identity.params.items() if hasattr(self.definition, name)}
        namespace = {"__module__": self.definition.__module__, "__doc__": self.definition.__doc__}
        return type(self.definition.__name__, (self.definition,), namespace | own)


def load_generator(text: str) -> LoadedGenerator:
    """Find a generator of the benchmark by its name, or load one by the path of a Python file.

    Args:
        text: the name or path, and after a file's colons the parameters that are not at their defaults:
            "edm.py:width=64".

    Raises:
        BadInput: no such generator, a file that cannot be imported, uses what it may not use or does not define
            exactly one generator, or a wrong parameter.
    """
    name, colon, parameters = text.partition(":")
    if name in GENERATORS:
        if colon:
            raise BadInput(f"--generator {text}: the settings of {name} are those of the task file: choose {name}")
        return LoadedGenerator(GeneratorIdentity(name=name), GENERATORS[name])
    path = Path(name)
    if path.suffix != ".py" or not path.is_file():
        raise BadInput(
            f"--generator {name}: {choose((*GENERATORS, 'all'), name)}, or give the path of a .py file: "
            "`autophagy new-generator NAME` writes one"
        )
    if path.stem in GENERATORS:
        raise BadInput(f"{path}: has the name of a generator of the benchmark: choose another name")
    with executing(path):
        loaded = load_class(path, parameters, Generator, "generator", _common)  # type: ignore[type-abstract]
    try:
        identity = GeneratorIdentity(name=path.stem, params=loaded.params, sha256=loaded.sha256)
    except ValidationError as error:
        raise BadInput(f"{path}: {one_line(error)}") from error
    found = LoadedGenerator(identity, loaded.definition, path, loaded.content)
    found.file_settings(1)
    return found


def _common(definition: type[Generator]) -> dict[str, FieldInfo]:
    """Return the parameters that a class has without declaring them; refuse those that it may not declare."""
    for name in get_type_hints(definition):
        if name in TAKEN and name in vars(definition).get("__annotations__", ()):
            raise BadInput(f"parameter '{name}': every generator has something of this name: choose another")
        if name == "images":
            raise BadInput("parameter 'images': the budget is the tier's (self.settings.images): remove it")
    if not issubclass(definition, NetworkGenerator):
        return {}
    return {name: NetworkFileSettings.model_fields[name] for name in NetworkFileSettings.common()}


def _said(error: Exception) -> str:
    """Return what an error of somebody's code says."""
    text = str(first_line(error))
    return text if isinstance(error, BadInput | ValueError) else f"{type(error).__name__}: {text}"
