"""What `autophagy run`, `score` and `compare` do, for scripts and notebooks: they import it from `bench`."""

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.board.compare import compare_folders, lay_together
from bench.board.downloads import cell_row, score_rows
from bench.board.results import Result
from bench.board.rows import Rows
from bench.cells.choices import Choices
from bench.cells.floor import share_of_floor
from bench.cells.loops import LOOP_KINDS
from bench.cells.task import load_task, task_names
from bench.data.image_set import ImageSet
from bench.data.read import read_images
from bench.errors import BadInput, RunFailed, choose
from bench.executors.choose import Where, choose_executor
from bench.executors.grid import plan_cells
from bench.features.build import space_named
from bench.features.cache import default_cache
from bench.process.progress import Progress
from bench.runs.environment import choose_device
from bench.scoring.compare import Named, compare_images
from bench.scoring.under_task import score_under_task

if TYPE_CHECKING:
    from os import PathLike

P = ParamSpec("P")
R = TypeVar("R")


def _named(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function say in one line which arguments it has, where it is given another."""
    parameters = inspect.signature(function).parameters.values()
    allowed = [each.name for each in parameters if each.kind is not inspect.Parameter.VAR_POSITIONAL]

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if unknown := [name for name in kwargs if name not in allowed]:
            there = choose(allowed, unknown[0]) if allowed else "give folders alone"
            raise BadInput(f"{function.__name__}({unknown[0]}=...): {there}")
        return function(*args, **kwargs)

    return checked


@_named
def run(
    *,
    task: str | Sequence[str] = "digits",
    generator: str | Sequence[str] = "ddpm",
    loop: str | Sequence[str] = "all",
    method: str | Sequence[str] = "none",
    sampling_bias: float | Sequence[float] = 1.0,
    seeds: int | Sequence[int] = 0,
    tier: str = "smoke",
    pool: str = "previous",
    contamination: float | None = None,
    protocol: str = "scratch",
    generations: int | None = None,
    n_real: int | None = None,
    n_synthetic: int | None = None,
    n_initial: int | None = None,
    data: "str | PathLike[str] | None" = None,
    device: str = "auto",
    workers: int | None = None,
    threads: int | None = None,
    runs: "str | PathLike[str]" = "runs",
    quiet: bool = False,
) -> Rows:
    """Run cells, as `autophagy run` does, and return their scores.

    The arguments are named as the options of the command, and mean the same; where an option takes a list with
    commas, a name, a number or a list of them is taken. Cells that are finished are read, unfinished ones go on. They
    run in this process, unless there are several devices or `workers`.

    Args:
        task: tasks, or paths of task files; "all" for all of the package.
        generator: generators, or paths of files; "all" for all of each task.
        loop: kinds of loops, or "all".
        method: methods, or paths of files, with parameters after colons; "all" for all baselines.
        sampling_bias: the paper's lambda, in (0, 1].
        seeds: one run for each.
        tier: size of the runs.
        pool: whose synthetic images a generation trains on.
        contamination: share of the pool that is synthetic without saying which, in (0, 1); None for no contamination.
        protocol: "scratch" or "finetune".
        generations: how many, G^1 included; None for those of the task's tier, as for the sizes below.
        n_real: real images in each generation after the first.
        n_synthetic: synthetic images that each generation gives.
        n_initial: real images that G^1 trains on.
        data: the task's real images, None for those in the data folder.
        device: "auto", "cpu", "cuda:0", or a list with commas.
        workers: processes that run cells at the same time; None for one on each device.
        threads: CPU threads of each process.
        runs: the runs folder.
        quiet: whether nothing is shown on stderr while it runs.

    Returns:
        A row for each generation of each cell, those of real images as generation 0, as `read_results` gives them.

    Raises:
        BadInput: a name that there is not, or a value that is not allowed.
        RunFailed: cells have failed; the others are finished.
    """
    chosen = Choices(
        tasks=task_names() if task == "all" else _list("task", task, str),
        generators=None if generator == "all" else _list("generator", generator, str),
        loops=list(LOOP_KINDS) if loop == "all" else _list("loop", loop, str),
        methods=None if method == "all" else _list("method", method, str),
        sampling_biases=_list("sampling_bias", sampling_bias, float),
        seeds=_list("seeds", seeds, int),
        tier=tier,
        pool=pool,
        protocol=protocol,
        contamination=contamination,
        generations=generations,
        n_initial=n_initial,
        n_real=n_real,
        n_synthetic=n_synthetic,
    )
    where = Where("local", device, compiled=True, workers=workers, threads=threads, ray_address=None)
    given, folder = None if data is None else Path(data), Path(runs)
    cells = plan_cells(chosen)
    outcomes = list(choose_executor(where, folder, given, Progress(visible=not quiet)).run(cells))
    if failed := [outcome for outcome in outcomes if outcome.record is None]:
        raise RunFailed(
            f"{len(failed)} of {len(outcomes)} cells failed: {failed[0].planned.cell.slug}: {failed[0].error}"
        )
    order = {planned.cell.id: place for place, planned in enumerate(cells)}
    records = sorted((outcome.record for outcome in outcomes if outcome.record), key=lambda r: order[r.cell_id])
    return _rows(Result(folder / "cells" / record.cell.slug / "record.json", record, None) for record in records)


@_named
def read_results(*folders: "str | PathLike[str]") -> Rows:
    """Return the scores and costs of all cells of some folders, each cell's once.

    Args:
        folders: runs folders and folders of result files, in any mixture; none for "runs".

    Returns:
        A row for each generation of each cell in each feature space that it was scored in, those of real images as
        generation 0: what the cell is, under what conditions, the scores, and the costs in images and seconds.

    Raises:
        BadInput: a folder without a record, or a record that is damaged.
    """
    results, _ = lay_together([Path(folder) for folder in folders or ("runs",)])
    return _rows(results)


@_named
def compare(*folders: "str | PathLike[str]", to: str = "none") -> Rows:
    """Return what the results page says of the methods in some folders, beside any of them.

    Args:
        folders: runs folders and folders of result files, in any mixture; none for "runs".
        to: the method that the others are compared with, with parameters after colons.

    Returns:
        A row for each method in each loop of each generator, with the columns of `autophagy compare --csv`.

    Raises:
        BadInput: a folder without a record, a record that is damaged, or a method that was not run.
    """
    return compare_folders([Path(folder) for folder in folders or ("runs",)], to).rows()


@_named
def score(
    images: "Tensor | NDArray[Any] | ImageSet | str | PathLike[str]",
    real: "Tensor | NDArray[Any] | ImageSet | str | PathLike[str] | None" = None,
    *,
    task: str | None = None,
    tier: str = "smoke",
    labels: "Tensor | NDArray[Any] | Sequence[int] | None" = None,
    training: "Tensor | NDArray[Any] | ImageSet | str | PathLike[str] | None" = None,
    features: str | None = None,
    k: int = 5,
    data: "str | PathLike[str] | None" = None,
    device: str = "auto",
    quiet: bool = False,
) -> dict[str, float]:
    """Score images under a task's conditions, with the numbers that a record would have, or against real images.

    Args:
        images: generated images: uint8 (n, channels, height, width), float32 points (n, d), or the path of a folder,
            a .zip or a .npy.
        real: real images that the generator has not seen, in the same forms; with `features`, in place of `task`.
        task: a task, or the path of a task file: its reference, feature space, n and k.
        tier: of the task.
        labels: int64 (n,), the classes that the images were generated for, where the task has classes.
        training: the real images that the generator has seen: then memorisation is scored too.
        features: a feature space: see `autophagy list features`.
        k: neighbours in precision and recall.
        data: the task's real images, None for those in the data folder.
        device: "auto", "cpu" or "cuda:0".
        quiet: whether nothing is shown on stderr.

    Returns:
        The scores by their names, from fid and kid to coverage, with what labels and training images allow. Where the
        task, or `training`, has as many real images outside the reference as there are in `images`, also the shares of
        what these reach: precision_of_real, recall_of_real.

    Raises:
        BadInput: neither or both of `task` and `real`, or images that cannot be scored.
    """
    if (task is None) == (real is None):
        raise BadInput("score: give one of task=NAME and real=IMAGES")
    fake = _set("images", images, labels)
    seen = None if training is None else _set("training", training)
    progress = Progress(visible=not quiet)
    cache, on = default_cache(progress), choose_device(device)
    if task is not None:
        if features is not None:
            raise BadInput(f"score: features={features!r} with task={task!r}: the task says in which it is scored")
        given = None if data is None else Path(data)
        found = score_under_task(
            load_task(task), tier, fake, seen, on, given_data=given, cache=cache, progress=progress
        )
    else:
        assert real is not None
        if features is None:
            raise BadInput("score: features is missing: see autophagy list features")
        if k < 1:
            raise BadInput(f"score: k = {k}: choose a whole number from 1")
        found = compare_images(
            _set("real", real), fake, seen, space_named(features, on, None, progress), k,
            bootstrap=None, extrapolate=False, cache=cache, progress=progress,
        )  # fmt: skip
    scores: dict[str, float] = found.scores.model_dump(exclude_none=True)
    shares = {f"{name}_of_real": share_of_floor(scores[name], floor) for name, floor in (found.floor or {}).items()}
    return scores | {name: share for name, share in shares.items() if share is not None}


def _rows(results: Any) -> Rows:
    return Rows(cell_row(result) | row for result in results for row in score_rows(result))


def _list(name: str, value: Any, kind: type) -> list[Any]:
    """Return one or several values, or the names of a text with commas, as a list of different values."""
    if isinstance(value, str) and kind is str:
        found: list[Any] = [part.strip() for part in value.split(",")]
    elif isinstance(value, Sequence | range) and not isinstance(value, str):
        found = list(value)
    else:
        found = [value]
    kinds = (int, float) if kind is float else kind
    if not found or any(isinstance(each, bool) or not isinstance(each, kinds) for each in found):
        raise BadInput(f"{name} = {value!r}: give {kind.__name__}, or a list of them")
    if len(set(found)) != len(found):
        raise BadInput(f"{name} = {value!r}: give different values")
    return found


def _set(name: str, images: Any, labels: Any = None) -> Named:
    """Return images in any form as a set, with what messages call it."""
    found = images
    if isinstance(images, np.ndarray):
        found = torch.from_numpy(np.ascontiguousarray(images))
    try:
        if isinstance(found, ImageSet):
            pass
        elif isinstance(found, Tensor):
            found = ImageSet(found.cpu())
        else:
            name, found = str(images), read_images(Path(images))
        if labels is not None:
            found = ImageSet(found.images, torch.as_tensor(labels, dtype=torch.int64))
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name}: {error}") from error
    return name, found
