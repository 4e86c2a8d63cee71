"""Tiny copies of two tasks, and a toy of colour images, whose loops of three generations take a part of a second."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from bench.cells.cell import Cell, GeneratorIdentity
from bench.cells.data_identity import DataIdentity
from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import DDPMSettings, GaussianSettings, GeneratorSettings, StyleGANSettings
from bench.cells.loops import LOOP_KINDS, Loop
from bench.cells.record import Environment
from bench.cells.task import load_task
from bench.conformance.colour import COLOUR, COLOUR_CLASSES, COLOUR_SHAPE, PooledSpace, colour_patterns
from bench.data.draws import RealDraws
from bench.data.image_set import ImageSet
from bench.data.sources import SOURCES, GaussianPoints, Source
from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.features.build import task_space
from bench.features.cache import FeatureCache
from bench.features.identity import IdentitySpace
from bench.generators.build import build_generator
from bench.generators.engine import Engine
from bench.logs.run_log import RunLog
from bench.loop import LoopRun
from bench.methods.contexts import Contexts
from bench.methods.file import LoadedMethod
from bench.methods.hooks import Hooks
from bench.methods.lineage import Lineage
from bench.methods.method import Method, Setting, check_method
from bench.process.progress import Progress
from bench.runs import environment
from bench.runs.journal import Journal
from bench.runs.meter import Costs
from bench.runs.run_folder import RunFolder
from bench.runs.stored import Conditions
from bench.scoring.scorer import Reference, Scorer

GENERATIONS = 3
N_SCORE = 60
# Enough real images for methods that need some of each class, 16 cluster centres for example.
SIZES = {"generations": GENERATIONS, "n_initial": 280, "n_synthetic": 60}
N_REAL = 60
N_TRAINING = SIZES["n_initial"] + (GENERATIONS - 1) * N_REAL
DIMENSIONS = 8
# What a method may ask of a loop; the first of these that it takes is the one it is checked with.
VARIANTS: tuple[dict[str, Any], ...] = (
    {"pool": "previous"},
    {"pool": "accumulated"},
    {"pool": "previous", "sampling_bias": 0.5},
    {"pool": "previous", "protocol": "finetune"},
)
SHAPES = {
    "digits": DataShape((1, 8, 8), 10),
    COLOUR: DataShape(COLOUR_SHAPE, COLOUR_CLASSES),
    "gaussian": DataShape((DIMENSIONS,)),
}
QUIET = Progress(visible=False)
CPU = Engine(torch.device("cpu"))
NETWORK: dict[str, Any] = {"channels": (16,), "images": 96, "batch_size": 32, "sampling_batch": 100}
SETTINGS: dict[str, GeneratorSettings] = {
    "ddpm": DDPMSettings(**NETWORK, layers_per_block=1, attention=False, learning_rate=3e-3, sampling_steps=3),
    "stylegan": StyleGANSettings(**NETWORK, latent=16, augment=(), r1_weight=1.0, learning_rate=4e-3),
    "gaussian": GaussianSettings(),
}


@dataclass(frozen=True)
class TinyCell:
    """Where a method is run: a tiny task, a generator and a loop."""

    task: str
    generator: str
    loop: Loop

    def __str__(self) -> str:
        return f"{self.task} {self.generator} {self.loop_option}"

    @property
    def loop_option(self) -> str:
        """The loop with what sets it apart from the plain one, as on the command line."""
        words: list[str] = [self.loop.kind]
        if self.loop.pool != "previous":
            words.append(f"--pool {self.loop.pool}")
        if self.loop.sampling_bias != 1:
            words.append(f"--sampling-bias {self.loop.sampling_bias:g}")
        if self.loop.protocol != "scratch":
            words.append(f"--protocol {self.loop.protocol}")
        if self.loop.contamination is not None:
            words.append(f"--contamination {self.loop.contamination:g}")
        return " ".join(words)


@dataclass(frozen=True)
class TinyTask:
    """Real images, cut small, with the spaces of score and methods; of the reference there are two.

    Attributes:
        name: of the task.
        shape: of its images, or points.
        training: what generators and methods see.
        references: what is scored against, half of it at a time.
        space: that of the score.
        embedding: what methods see features in.
        sizes: of the loops, but for real images in later generations.
        n_real: those.
        told: what is said of a task of one's own.
        notes: what of it is not as in the task's own runs.
    """

    name: str
    shape: DataShape
    training: ImageSet
    references: tuple[ImageSet, ImageSet]
    space: FeatureSpace
    embedding: FeatureSpace
    sizes: dict[str, int] = field(default_factory=lambda: SIZES)
    n_real: int = N_REAL
    told: str = ""
    notes: tuple[str, ...] = ()

    @property
    def n_score(self) -> int:
        """How many images are scored, against as many."""
        return len(self.references[0])


def settings_of(
    loaded: LoadedMethod, own: TinyTask | None = None
) -> tuple[list[TinyCell], list[tuple[TinyCell, str]]]:
    """Return the cells that a method is for, and the others with the reason; of `own` alone where given."""
    allowed: list[TinyCell] = []
    refused: list[tuple[TinyCell, str]] = []
    shapes = SHAPES if own is None else {own.name: own.shape}
    sizes, n_real = (SIZES, N_REAL) if own is None else (own.sizes, own.n_real)
    for cells in _choices(loaded.definition, shapes, sizes, n_real):
        reasons = [(cell, _refusal(loaded, cell, shapes[cell.task])) for cell in cells]
        taken = [cell for cell, reason in reasons if reason is None]
        allowed += taken[:1]
        if not taken:
            refused.append((cells[0], reasons[0][1] or ""))
    # One loop of larger images is enough for a method that takes the small ones too.
    of_colour = [cell for cell in allowed if cell.task == COLOUR]
    if any(cell.task == "digits" for cell in allowed):
        allowed = [cell for cell in allowed if cell not in of_colour[1:]]
    return allowed, refused


def _choices(
    method: type[Method], shapes: dict[str, DataShape], sizes: dict[str, int], n_real: int
) -> Iterator[list[TinyCell]]:
    of_images = [
        name for name in SETTINGS if name != "gaussian" and (method.generators is None or name in method.generators)
    ]
    generator_of_images = (of_images or ["ddpm"])[0]
    for task, shape in shapes.items():
        generator = "gaussian" if shape.are_points else generator_of_images
        for kind in LOOP_KINDS:
            values: dict[str, Any] = {"kind": kind, "n_real": 0 if kind == "fully_synthetic" else n_real} | sizes
            yield [TinyCell(task, generator, _loop(values | variant)) for variant in VARIANTS]
        share = sizes["n_synthetic"] / (n_real + sizes["n_synthetic"])
        values = {"kind": "synthetic_augmentation", "n_real": n_real, "contamination": share} | sizes
        yield [TinyCell(task, generator, _loop(values))]


def _loop(values: dict[str, Any]) -> Loop:
    return Loop.model_validate({"pool": "previous", "sampling_bias": 1.0, "protocol": "scratch"} | values)


def _refusal(loaded: LoadedMethod, cell: TinyCell, shape: DataShape) -> str | None:
    labelled = shape.n_classes is not None
    setting = Setting(cell.loop, cell.generator, labelled, shape.are_points, shape.image_shape)
    try:
        check_method(loaded.identity.name, loaded.build(), setting)
        SETTINGS[cell.generator].check_sampling_bias(cell.loop.sampling_bias, labelled)
    except (BadInput, ValueError) as error:
        return str(error)
    return None


class TinyBench:
    """Makes tiny cells ready to run, in a folder of its own: no user's runs, data or cache are read or written."""

    def __init__(self, folder: Path, own: TinyTask | None = None) -> None:
        """Work in a folder, with the toys or with a task of one's own."""
        self.own = own
        self._folder = folder
        self._cache = FeatureCache(folder / "cache")
        self._tasks: dict[str, TinyTask] = {}

    def loop_run(self, cell: TinyCell, loaded: LoadedMethod, name: str, *, other_reference: bool = False) -> LoopRun:
        """Return a cell with a new generator and a new instance of the method.

        Args:
            cell: what to run.
            loaded: the method.
            name: of the run; a run of the same name goes on where that was.
            other_reference: whether it is scored against other real images than the other runs.
        """
        task = self._task(cell.task)
        reference = task.references[int(other_reference)]
        identity = Cell(
            task=cell.task, task_version=1, generator=GeneratorIdentity(name=cell.generator), loop=cell.loop,
            method=loaded.identity, tier="smoke", seed=0,
        )  # fmt: skip
        task_sha256 = "0" * 64  # of no file: the task is cut small
        conditions = Conditions(
            task_sha256=task_sha256, data_sha256=task.training.sha256, reference_sha256=reference.sha256
        )
        draws = RealDraws(task.training, cell.task, identity.seed)
        prepared = Reference.prepare(task.space, reference, 5, self._cache)
        scorer = Scorer(prepared, draws.all(cell.loop), self._cache)
        generator = build_generator(settings_for(cell.generator, task.shape), task.shape, CPU)
        score = scorer.conditions(task.training[: task.n_score])
        data = DataIdentity(sha256=task.training.sha256, pinned=False)
        folder = RunFolder.open(self._folder / name, identity, conditions)
        return LoopRun(
            cell=identity,
            draws=draws,
            generator=generator,
            method=Hooks(loaded.identity.name, loaded.build(), task.training),
            contexts=Contexts(
                identity, task.training, task.shape.n_classes, task.n_score, generator,
                embedding=partial(_named, task.embedding), score_space=task.space,
            ),
            scorer=scorer,
            n_score=task.n_score,
            costs=Costs(generator),
            lineage=Lineage(generator, task.training),
            # All runs share G^1.
            journal=Journal(self._folder, folder, score, data, self._environment, QUIET, RunLog({}, QUIET)),
        )  # fmt: skip

    @cached_property
    def _environment(self) -> Environment:
        return environment.describe(CPU)

    def _task(self, name: str) -> TinyTask:
        if self.own is not None:
            return self.own
        if name not in self._tasks:
            n_reference = 2 * N_SCORE
            if name == COLOUR:
                shape = SHAPES[COLOUR]
                spaces: tuple[FeatureSpace, FeatureSpace] = PooledSpace(4), PooledSpace(8)
                training, reference = colour_patterns(N_TRAINING, seed=0), colour_patterns(n_reference, seed=1)
            else:
                task = load_task(name)
                source: Source = SOURCES[task.data.source]
                shape, spaces = task.data.shape, (task_space(task, "smoke", CPU.device, QUIET), IdentitySpace())
                if task.data.dimensions is not None:
                    source, shape = GaussianPoints(DIMENSIONS), SHAPES[name]
                training, reference = source.read(Path(), N_TRAINING, n_reference)
            references = reference[:N_SCORE], reference[N_SCORE:]
            self._tasks[name] = TinyTask(name, shape, training, references, *spaces)
        return self._tasks[name]


def _named(space: FeatureSpace, name: str | None) -> FeatureSpace:
    """Return the task's space for methods in place of any other, under its name: these are tiny images."""
    named = copy.copy(space)
    named.name = name or space.name
    return named


def settings_for(generator: str, shape: DataShape) -> GeneratorSettings:
    """Return the settings of a generator: of larger images it sees patches, so that it is as quick."""
    settings, size = SETTINGS[generator], shape.image_shape[-1]
    if shape.are_points:
        return settings
    patch = max(side for side in range(1, max(1, size // 8) + 1) if size % side == 0)
    return settings.model_copy(update={"patch": patch})
