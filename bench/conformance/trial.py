"""One generator on data of one shape, tried and watched: what the check of a generator hands to it, and sees it do."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import GeneratorSettings, NetworkFileSettings
from bench.conformance.colour import slopes
from bench.conformance.fingerprint import fingerprint, global_values, random_states
from bench.conformance.tiny import CPU, TinyTask
from bench.data.image_set import ImageSet
from bench.errors import BadInput, RunFailed, first_line
from bench.generators.base import Generator
from bench.generators.file import LoadedGenerator
from bench.process.progress import Progress

SHAPES = (DataShape((1, 8, 8), 10), DataShape((3, 32, 32)), DataShape((8,)))
SILENT = Progress(visible=False)
POOL, STEPS, BATCH, SAMPLING_BATCH = 40, 6, 16, 4
SEEDS = [11, 22, 33, 44, 55, 66, 77, 88]
Result = TypeVar("Result")


class Killed(BaseException):
    """The fit was cut short, as by a signal."""


class Stop(Exception):
    """What follows cannot be told."""


@dataclass
class Memory:
    """A checkpoint in memory.

    Attributes:
        kill_after: steps after which it is due, and the fit is killed; None for never.
        state: what was saved.
    """

    kill_after: int | None = None
    state: dict[str, Tensor] | None = None
    _asked: int = 0

    def load(self) -> dict[str, Tensor] | None:
        """Return what was saved."""
        return self.state

    def due(self) -> bool:
        """Say that the time has come, after so many questions."""
        self._asked += 1
        return self._asked == self.kill_after

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Keep a state, and kill the fit."""
        self.state = {name: value.detach().clone() for name, value in state.items()}
        raise Killed


@dataclass
class Trial:
    """A generator that is tried.

    Attributes:
        loaded: the generator.
        data: what it makes now.
        faults: what is wrong, by check and message, with the data where it is.
        own: a task of one's own, whose images are taken in place of toys.
        done: the checks that were looked at.
    """

    loaded: LoadedGenerator
    data: DataShape
    own: TinyTask | None = None
    faults: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    @property
    def settings(self) -> GeneratorSettings:
        """Settings of a small budget; what the networks are is left as it is."""
        settings = self.loaded.file_settings(STEPS * BATCH)
        if not isinstance(settings, NetworkFileSettings):
            return settings
        return settings.model_copy(update={"batch_size": BATCH, "sampling_batch": SAMPLING_BATCH})

    def shapes(self) -> tuple[list[DataShape], list[str]]:
        """Return what the generator makes of what is tried, and why it does not make the rest."""
        allowed, refused = [], []
        for data in SHAPES if self.own is None else (self.own.shape,):
            try:
                self.loaded.definition.check_data(data)
                self.data = data
                with torch.random.fork_rng(devices=[]):
                    self.loaded.build(self.settings, data, CPU)
                allowed.append(data)
            except BadInput as error:
                refused.append(f"{shown(data)} ({first_line(error)})")
        return allowed, refused

    @property
    def labels(self) -> Tensor | None:
        """The labels of the images that are drawn."""
        return None if self.data.n_classes is None else torch.arange(len(SEEDS)) % self.data.n_classes

    @property
    def pool(self) -> ImageSet:
        """What is trained on."""
        return slopes(POOL, self.data) if self.own is None else self.own.training[:POOL]

    def new(self) -> Generator:
        """Return a new generator."""
        return self._watched("__init__", None, lambda: self.loaded.build(self.settings, self.data, CPU))

    def fit(
        self,
        generator: Generator,
        *,
        seed: int = 1,
        pool: ImageSet | None = None,
        from_scratch: bool = True,
        checkpoint: Memory | None = None,
        weights: Tensor | None = None,
        **arguments: Any,
    ) -> dict[str, Tensor]:
        """Fit a generator, and return its weights; the pool, the seed and the rest are the same unless given."""
        pool = pool or self.pool
        kept = checkpoint or Memory()

        def fit() -> None:
            generator.fit(
                pool, seed=seed, from_scratch=from_scratch, checkpoint=kept, progress=SILENT, weights=weights,
                **arguments,
            )  # fmt: skip

        self.call("fit", generator, fit, pool, weights)
        return dict(self.call("state_dict", generator, generator.state_dict))

    def sample(self, generator: Generator, places: list[int] | None = None, bias: float = 1.0) -> ImageSet:
        """Return the images of all seeds, or of those at these places."""
        places = list(range(len(SEEDS))) if places is None else places
        labels, seeds = None if self.labels is None else self.labels[places], [SEEDS[i] for i in places]
        before = generator.work.network_evaluations
        images = self.call("sample", generator, lambda: generator.sample(labels, seeds, bias, SILENT), labels, seeds)
        if bias == 1:
            wanted = generator.evaluations_per_image(bias) * len(seeds)
            self.count("sample", "network_evaluations", generator.work.network_evaluations - before, wanted)
        return images

    def count(self, doing: str, what: str, found: int, wanted: int) -> None:
        """Hold what a call has added to a counter against what the generator says that it would."""
        self.done.add("counts")
        if found != wanted:
            said = "images_per_fit" if what == "images_trained" else "evaluations_per_image"
            where = self.place(doing.split()[0], said)
            self.fault("counts", f"{doing} added {found} to work.{what}, and {said} says {wanted} {where}")

    def call(self, doing: str, generator: Generator, work: Callable[[], Result], *given: Any) -> Result:
        """Return what a call gives; see whether it changed what it was given, or what the generator was told."""
        before = fingerprint(list(given)), self._told(generator)
        result = self._watched(doing, generator, work)
        where = self.place(doing, "train_step" if doing == "fit" else "draw")
        self.done |= {"inputs", "global state"}
        if fingerprint(list(given)) != before[0]:
            self.fault("inputs", f"{doing} changed what it was given in place: make a copy first {where}")
            raise Stop
        if self._told(generator) != before[1]:
            self.fault("global state", f"{doing} changed settings or a parameter of the generator {where}")
        return result

    def _told(self, generator: Generator) -> str:
        params = {name: getattr(generator, name, None) for name in self.loaded.identity.params}
        return fingerprint([generator.settings.model_dump(), params])

    def _watched(self, doing: str, generator: Generator | None, work: Callable[[], Result]) -> Result:
        """Return what work gives; see whether it drew from a shared random state or changed a variable of the file."""
        states, values = random_states(), self._global_values()
        self.done.add("random state")
        try:
            result = work()
        except (Killed, RunFailed, BadInput):
            raise
        except Exception as error:  # somebody's code
            check = {"sample": "images", "load_state_dict": "state", "state_dict": "state"}.get(doing, "fit")
            self.fault(check, f"{doing} raised {type(error).__name__}: {first_line(error)} {self.line(error)}")
            raise Stop from error
        where = self.place(doing, *{"fit": ("train_step", "begin_fit"), "sample": ("draw",)}.get(doing, ()))
        now = random_states()
        for name in (name for name in now if now[name] != states[name]):
            self.fault(
                "random state",
                f"{doing} drew from or seeded the random state of {name}, which all code shares: draw from the "
                f"generator that is given, build layers inside torch.random.fork_rng(devices=[]) {where}",
            )
        after = self._global_values()
        for name in (name for name in after if after[name] != values.get(name)):
            self.fault("global state", f"{doing} changed {name} of the file: keep it in self {where}")
        return result

    def _global_values(self) -> dict[str, str]:
        return global_values(sys.modules[self.loaded.definition.__module__], self.loaded.definition)

    def fault(self, check: str, message: str) -> None:
        """Add what is wrong."""
        where = self.faults.setdefault((check, message), [])
        if shown(self.data) not in where:
            where.append(shown(self.data))

    def place(self, *names: str) -> str:
        """Return the file and line of the first of these that the class itself defines, or of the class."""
        own = vars(self.loaded.definition)
        for name in names:
            code = own.get(name)
            code = code.fget if isinstance(code, property) else getattr(code, "__func__", code)
            if (found := getattr(code, "__code__", None)) is not None:
                return f"({self._file}:{found.co_firstlineno})"
        return f"({self._file})"

    def line(self, error: BaseException) -> str:
        """Return the last line of the file that an error went through."""
        module = sys.modules[self.loaded.definition.__module__]
        traceback, line = error.__traceback__, None
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == module.__file__:
                line = traceback.tb_lineno
            traceback = traceback.tb_next
        return f"({self._file})" if line is None else f"({self._file}:{line})"

    @property
    def _file(self) -> str:
        return "" if self.loaded.path is None else self.loaded.path.name


@contextmanager
def passes_counted() -> Iterator[dict[int, int]]:
    """Count the images that go through each network, by the network: what lies inside of another is no network."""
    counts: dict[int, int] = {}
    depth = 0

    def enter(module: nn.Module, given: tuple[Any, ...]) -> None:
        nonlocal depth
        if depth == 0 and given and isinstance(given[0], Tensor) and given[0].ndim:
            counts[id(module)] = counts.get(id(module), 0) + len(given[0])
        depth += 1

    def leave(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        nonlocal depth
        depth -= 1

    hooks = register_module_forward_pre_hook(enter), register_module_forward_hook(leave)
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()


def zeros(n: int, data: DataShape) -> Tensor:
    """Return n images, or points, of nothing."""
    return torch.zeros((n, *data.image_shape), dtype=torch.float32 if data.are_points else torch.uint8)


def shown(data: DataShape) -> str:
    """Return what the data are, in words."""
    if data.are_points:
        return f"points of {data.image_shape[0]} dimensions"
    channels, height, width = data.image_shape
    colour, labels = "grey" if channels == 1 else "colour", "with" if data.n_classes else "without"
    return f"{height}x{width} {colour} images {labels} labels"


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Return whether all weights are the same bits."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def distance(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """Return the root of the summed squares of the differences of all weights."""
    squares = [(one[name].double() - other[name].double()).square().sum() for name in one]
    return torch.stack(squares).sum().sqrt().item()


def described(images: object) -> str:
    """Return what a generator gave, in words."""
    if not isinstance(images, ImageSet):
        return f"a {type(images).__name__}"
    labels = "without" if images.labels is None else "with"
    return f"images of shape {tuple(images.images.shape)} and {images.images.dtype}, {labels} labels"
