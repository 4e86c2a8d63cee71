"""Whole cells: one of digits against the committed record (stage a), and standard cells of mnist (stage f)."""

import re
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import paths
from bench.cells.agreement import compare
from bench.cells.choices import Choices
from bench.cells.record import Record, read_record
from bench.cells.task import load_task
from bench.data.real import load_real_data
from bench.errors import BadInput, RunFailed
from bench.executors.grid import plan_cells
from bench.executors.local import LocalExecutor
from bench.files.atomic import write_text
from bench.process.interruption import stoppable
from bench.submission.verify import plan_again, run_again, task_of
from gpu_day.worker import Bench, NotHere

RECORDS = "digits-ddpm-fully_synthetic-none-smoke-seed0-*.json"
SHOWN = ("fid", "precision", "recall")
# A rehearsal's cell: it has no committed record, so that one is made first, in plain float32.
TINY_TASK = "rehearsal"
TINY_LOOPS = """\
fully_synthetic = { generations = 2, n_initial = 80, n_real = 0, n_synthetic = 60 }
synthetic_augmentation = { generations = 2, n_initial = 80, n_real = 60, n_synthetic = 60 }
fresh_data = { generations = 2, n_initial = 80, n_real = 30, n_synthetic = 60 }
"""
TINY_NETWORKS = """\
[tiers.smoke.generators.ddpm]
channels = [16]
layers_per_block = 1
attention = false
images = 64
batch_size = 16
learning_rate = 3e-3
sampling_steps = 2
sampling_batch = 60
[tiers.smoke.generators.stylegan]
channels = [16]
latent = 8
augment = ["translation"]
r1_weight = 1.0
images = 64
batch_size = 16
learning_rate = 4e-3
sampling_batch = 60
"""


def measure(bench: Bench, part: str) -> Iterator[dict[str, Any]]:
    """Measure a.eager, a.compiled, each of them once more, or the cell f.GENERATOR-LOOP."""
    stage, _, name = part.partition(".")
    if stage == "f":
        yield from standard_cell(bench, *name.split("-"))
    else:
        yield verified(bench, name)


def verified(bench: Bench, name: str) -> dict[str, Any]:
    """Run the cell of the committed record, and say whether it agrees within the tolerance of `verify`.

    Run once more, it also says which generation is the first whose samples are other bits.
    """
    record_path, task_file = record_here(bench)
    record = read_record(record_path)
    task, _ = task_of(record_path, record, None, bench.quiet, task_file)
    planned = plan_again(record_path, record, task, None)
    engine = bench.engine(compiled=name.startswith("compiled"))
    found = run_again(record_path, record, planned, bench.folder.runs / f"a-{name}", None, engine, bench.quiet)
    agreement = compare(record, found)
    outcome: dict[str, Any] = {
        "record": record_path.name,
        "agrees": agreement.agrees,
        "differing": [asdict(each) for each in agreement.differing],
        "compared": [asdict(each) for each in agreement.compared if each.name in SHOWN and each.generation],
        "seconds": [each.cost.seconds.model_dump() for each in found.generations if each.cost is not None],
        "samples": [each.samples_sha256 for each in found.generations],
    }
    if (first := name.removesuffix("-again")) != name and (earlier := bench.earlier(f"a.{first}")):
        pairs = zip(earlier["samples"], outcome["samples"], strict=True)
        others = [t for t, (one, other) in enumerate(pairs, start=1) if one != other]
        outcome |= {"same_bits": not others, "first_other_generation": others[0] if others else None}
    return outcome


def record_here(bench: Bench) -> tuple[Path, Path | None]:
    """Return the record that the cell is held against, and its task's file where that is not the package's."""
    if not bench.tiny:
        found = {path: read_record(path) for path in sorted((paths.LEADERBOARD / "results").glob(RECORDS))}
        return next(path for path, record in found.items() if is_plain(record)), None
    task_file = tiny_task(bench)
    made = bench.folder.runs / "a-record"
    [planned] = plan_cells(choices(str(task_file), "ddpm", "fully_synthetic", "smoke"))
    [outcome] = LocalExecutor(made, None, bench.plain, bench.quiet).run([planned])
    if outcome.record is None:
        raise RunFailed(outcome.error)
    return made / "cells" / planned.cell.slug / "record.json", task_file


def is_plain(record: Record) -> bool:
    """Return whether a record is of the loop as the task has it."""
    loop = record.cell.loop
    return (loop.pool, loop.sampling_bias, loop.protocol, loop.contamination) == ("previous", 1.0, "scratch", None)


def tiny_task(bench: Bench) -> Path:
    """Write the digits task with a smoke tier that takes seconds, under another name, and return its path."""
    text = (paths.TASKS / "digits.toml").read_text()
    weights = paths.TASKS / tomllib.loads(text)["features"]["weights"]
    copied = bench.folder.work / weights.name
    if not copied.exists():
        shutil.copyfile(weights, copied)
    text = re.sub(r'(?m)^weights = ".*"$', f'weights = "{weights.name}"', text)
    text = re.sub(r'(?m)^name = "digits"$', f'name = "{TINY_TASK}"', text, count=1)
    text = text[: text.index("[tiers.smoke]")]
    path = bench.folder.work / f"{TINY_TASK}.toml"
    write_text(path, f"{text}\n[tiers.smoke]\nn_score = 60\n[tiers.smoke.loops]\n{TINY_LOOPS}{TINY_NETWORKS}")
    return path


def choices(task: str, generator: str, loop: str, tier: str) -> Choices:
    """Return one cell of the plain method and seed 0, in the task's own sizes."""
    return Choices(
        tasks=[task], generators=[generator], loops=[loop], methods=["none"], sampling_biases=[1.0], seeds=[0],
        tier=tier, pool="previous", protocol="scratch", contamination=None,
        generations=None, n_initial=None, n_real=None, n_synthetic=None,
    )  # fmt: skip


def standard_cell(bench: Bench, generator: str, loop: str) -> Iterator[dict[str, Any]]:
    """Go on with a standard cell of mnist until it is finished, or until the process is asked to end.

    What is finished stands in the runs folder; the record of a finished cell is that of any other.
    """
    task, tier = (str(tiny_task(bench)), "smoke") if bench.tiny else ("mnist", "standard")
    if not bench.tiny:
        try:
            load_real_data(load_task(task), bench.data)
        except BadInput as error:
            raise NotHere(f"MNIST is not at hand, --data names its folder: {error}") from error
    [planned] = plan_cells(choices(task, generator, loop, tier))
    runs = bench.folder.runs / "f"
    engine = bench.engine(compiled=True)
    generations = planned.cell.loop.generations
    folder = runs / "cells" / planned.cell.slug
    yield progress_of(folder, generations)
    try:
        with stoppable():
            [outcome] = LocalExecutor(runs, bench.data, engine, bench.quiet).run([planned])
    except KeyboardInterrupt:
        yield progress_of(folder, generations)
        raise
    if outcome.record is None:
        raise RunFailed(outcome.error)
    yield of_record(outcome.record, folder)


def progress_of(folder: Path, generations: int) -> dict[str, Any]:
    """Return how many generations of a cell are finished."""
    done = len(list(folder.glob("generation-*/generation.json")))
    return {"finished_generations": done, "generations": generations}


def of_record(record: Record, folder: Path) -> dict[str, Any]:
    """Return what a report says of a finished cell."""
    seconds = [each.cost.seconds.model_dump() for each in record.generations]
    return {
        "finished_generations": len(record.generations),
        "generations": len(record.generations),
        "record": str(Path(*folder.parts[-3:]) / "record.json"),
        "seconds": seconds,
        "total_seconds": sum(sum(each.values()) for each in seconds),
        "scores": [{name: getattr(each.scores, name) for name in SHOWN} for each in record.generations],
        "floor": {name: getattr(record.score.floor, name) for name in SHOWN},
    }
