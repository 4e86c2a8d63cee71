"""From the choices on the command line to cells: every combination, each one checked before anything runs."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from bench.cells.cell import Cell
from bench.cells.choices import Choices
from bench.cells.loops import LOOP_KINDS, POOL, Loop, LoopKind
from bench.cells.task import TIERS, Task, TierName, load_task
from bench.data.draws import check_enough_real_images
from bench.errors import BadInput, choose
from bench.files.validation import one_line
from bench.generators.file import LoadedGenerator, load_generator
from bench.methods.file import LoadedMethod, load_method
from bench.methods.method import Setting, check_method
from bench.paths import baseline_names


@dataclass(frozen=True)
class PlannedCell:
    """A cell with the task, the method and the generator that it names."""

    cell: Cell
    task: Task
    method: LoadedMethod
    generator: LoadedGenerator


def plan_cells(choices: Choices, load_method: Callable[[str], LoadedMethod] = load_method) -> list[PlannedCell]:
    """Return the cells of all combinations, those that share G^1 next to each other.

    Args:
        choices: what to run.
        load_method: `bench.methods.file.load_method`, or one that remembers: whoever plans often executes each
            method's file once.

    Raises:
        BadInput: a name that does not exist, a value that is not allowed, or too few real images.
    """
    if choices.tier not in TIERS:
        raise BadInput(f"--tier {choices.tier}: {choose(TIERS, choices.tier)}")
    tier: TierName = choices.tier
    tasks = [load_task(name) for name in choices.tasks]
    methods = [load_method(name) for name in choices.methods or baseline_names()]
    for bias in choices.sampling_biases:
        if not 0 < bias <= 1:
            raise BadInput(f"--sampling-bias {bias}: choose a number in (0, 1]")
    kinds = None if choices.loops is None else [_loop_kind(name) for name in choices.loops]
    if not POOL.fullmatch(choices.pool):
        raise BadInput(f"--pool {choices.pool}: choose previous, accumulated, or last:K with a number K from 1")
    for task in tasks:
        task.tier(tier)
    planned = []
    named = {name: load_generator(name) for name in choices.generators or ()}
    chosen = [
        (task, generator)
        for task in tasks
        for generator in named.values() or map(load_generator, task.tiers[tier].generators)
    ]
    for (task, generator), seed in itertools.product(chosen, choices.seeds):
        for bias, kind, method in itertools.product(choices.sampling_biases, kinds or task.tiers[tier].loops, methods):
            loop = _loop(choices, task, tier, kind, bias)
            generator.check(task, tier, bias)
            check_enough_real_images(task.name, task.data.training, loop)
            shape = task.tier_data(tier).shape
            setting = Setting(
                loop, generator.identity.name, shape.n_classes is not None, shape.are_points, shape.image_shape
            )
            try:
                check_method(method.identity.name, method.build(), setting)
            except BadInput:
                if choices.methods is None:
                    continue
                raise
            try:
                cell = Cell(
                    task=task.name,
                    task_version=task.version,
                    generator=generator.identity,
                    loop=loop,
                    method=method.identity,
                    tier=tier,
                    seed=seed,
                )
            except ValidationError as error:
                raise BadInput(f"{task.path}, cell of seed {seed}: {one_line(error)}") from error
            planned.append(PlannedCell(cell, task, method, generator))
    if not planned:
        raise BadInput("--method all: no baseline is for these loops and generators")
    return planned


def shard(cells: Sequence[PlannedCell], text: str) -> list[PlannedCell]:
    """Return one of N parts of the cells, as even as can be; cells that share G^1 mostly stay together.

    Args:
        cells: all of them, in the order of `plan_cells`.
        text: "I/N", I from 1 to N.

    Raises:
        BadInput: another text.
    """
    i, slash, n = text.partition("/")
    if not (slash and i.isdecimal() and n.isdecimal() and len(n) < 10 and 1 <= int(i) <= int(n)):
        raise BadInput(f"--shard {text!r}: write I/N with I from 1 to N, as in 1/8")
    start, end = (len(cells) * k // int(n) for k in (int(i) - 1, int(i)))
    return list(cells[start:end])


def _loop_kind(name: str) -> LoopKind:
    for kind in LOOP_KINDS:
        if name == kind:
            return kind
    raise BadInput(f"--loop {name}: {choose((*LOOP_KINDS, 'all'), name)}")


def _loop(choices: Choices, task: Task, tier: TierName, kind: LoopKind, bias: float) -> Loop:
    sizes = task.loop_sizes(tier, kind).model_dump()
    chosen = {name: getattr(choices, name) for name in sizes if getattr(choices, name) is not None}
    if kind == "fully_synthetic" and (choices.loops is None or len(choices.loops) > 1):
        chosen.pop("n_real", None)  # meant for the other loops of the grid
    values = sizes | chosen | {"kind": kind, "sampling_bias": bias, "pool": choices.pool, "protocol": choices.protocol}
    if choices.contamination is not None:
        if not 0 < choices.contamination < 1:
            raise BadInput(f"--contamination {choices.contamination}: choose a number between 0 and 1")
        values["contamination"] = choices.contamination
        if kind != "fully_synthetic":
            # The pool keeps its size; the share says how much of it is synthetic.
            size = values["n_real"] + values["n_synthetic"]
            values["n_synthetic"] = round(choices.contamination * size)
            values["n_real"] = size - values["n_synthetic"]
    try:
        return Loop.model_validate(values)
    except ValidationError as error:
        raise BadInput(f"loop {kind}: {one_line(error)}") from error
