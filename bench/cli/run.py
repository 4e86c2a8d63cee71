"""`autophagy run`: runs cells, and prints what became of their scores."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cells.floor import WITH_FLOOR, beside_floor, shares_of_floor
from bench.cells.loops import LOOP_KINDS
from bench.cells.task import TIERS, task_names
from bench.cli.arguments import add_where, floor_note, names, numbers, where
from bench.process.tables import size, table

if TYPE_CHECKING:
    import torch

    from bench.executors.cell_runner import Outcome
    from bench.executors.estimate import Estimate
    from bench.executors.grid import PlannedCell
    from bench.process.processes import Processes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Run every combination of the tasks, generators, loops, methods, sampling biases and seeds that "
        "are named. Finished cells are skipped, unfinished ones go on where they were."
    )
    parser.epilog = "Where a size is not given, the task file's size for the tier and the loop is used."
    grid = parser.add_argument_group("what to run (comma lists; the combinations are the cells)")
    grid.add_argument("--task", default="digits", metavar="NAMES", help="tasks, task files (.toml), or all [digits]")
    grid.add_argument(
        "--generator",
        default="ddpm",
        metavar="NAMES",
        help="generators, files (.py), or all of each task; parameters of a file after colons: FILE:key=value [ddpm]",
    )
    grid.add_argument("--loop", default="all", metavar="NAMES", help=f"{', '.join(LOOP_KINDS)}, or all [all]")
    grid.add_argument(
        "--method",
        default="none",
        metavar="NAMES",
        help="methods, files (.py), or all baselines where they apply; parameters after colons: NAME:key=value [none]",
    )
    grid.add_argument(
        "--sampling-bias", default="1", metavar="NUMBERS", help="the paper's lambda in (0, 1]; 1 is unbiased [1]"
    )
    grid.add_argument("--seeds", default="0", metavar="NUMBERS", help="one run for each seed [0]")
    loop = parser.add_argument_group("the loop")
    loop.add_argument("--tier", default="smoke", metavar="NAME", help=f"{', '.join(TIERS)} [smoke]")
    loop.add_argument(
        "--pool", default="previous", metavar="POLICY",
        help="whose synthetic images a generation trains on: previous, accumulated, last:K [previous]",
    )  # fmt: skip
    loop.add_argument(
        "--contamination", type=float, metavar="SHARE",
        help="share of the pool that is synthetic, without saying which: between 0 and 1 [off]",
    )  # fmt: skip
    loop.add_argument("--protocol", default="scratch", metavar="NAME", help="scratch or finetune [scratch]")
    loop.add_argument("--generations", type=int, metavar="N", help="how many generations, G^1 included")
    loop.add_argument("--n-real", type=int, metavar="N", help="real images in each generation after the first")
    loop.add_argument("--n-synthetic", type=int, metavar="N", help="synthetic images that each generation gives")
    loop.add_argument("--n-initial", type=int, metavar="N", help="real images that G^1 trains on")
    places = add_where(parser)
    places.add_argument(
        "--shard", metavar="I/N", help="only the I-th of N parts of the cells: for arrays of jobs that share --runs"
    )
    places.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="keep the records in this folder too; cells that it has are skipped",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the cells, their cost, time and size; run nothing"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.process.joining import joined

    with joined(arguments.device) as processes:
        return _run_cells(arguments, processes)


def _run_cells(arguments: argparse.Namespace, processes: "Processes") -> int:
    from bench.cells.choices import Choices
    from bench.cells.result_files import keep_result, without_results
    from bench.executors.choose import choose_executor
    from bench.executors.estimate import estimate_cells
    from bench.executors.grid import plan_cells, shard
    from bench.features.build import missing_weights
    from bench.generators.engine import Engine
    from bench.process.interruption import stoppable
    from bench.process.progress import Progress
    from bench.runs.environment import choose_devices

    placed = where(arguments)
    cells = plan_cells(
        Choices(
            tasks=names("--task", arguments.task, task_names),
            generators=None if arguments.generator == "all" else names("--generator", arguments.generator, list),
            loops=None if arguments.loop == "all" else names("--loop", arguments.loop, list),
            methods=None if arguments.method == "all" else names("--method", arguments.method, list),
            sampling_biases=numbers("--sampling-bias", arguments.sampling_bias, float, "numbers in (0, 1]"),
            seeds=numbers("--seeds", arguments.seeds, int, "whole numbers from 0"),
            tier=arguments.tier,
            pool=arguments.pool,
            protocol=arguments.protocol,
            contamination=arguments.contamination,
            generations=arguments.generations,
            n_initial=arguments.n_initial,
            n_real=arguments.n_real,
            n_synthetic=arguments.n_synthetic,
        )
    )
    progress = Progress(visible=processes.is_main)
    if arguments.shard is not None:
        # Before anything is left out: other jobs of the array look at another time.
        cells = shard(cells, arguments.shard)
    if arguments.results is not None:
        # Cells are told by their hashes: a method does not travel between processes.
        named = [planned.cell for planned in cells]
        left = processes.from_main(lambda: {cell.id for cell in without_results(named, arguments.results)})
        planned, cells = cells, [planned for planned in cells if planned.cell.id in left]
        progress.note(f"{len(planned) - len(cells)} of {len(planned)} cells have their records in {arguments.results}")
    if arguments.dry_run:
        engine = Engine.on(choose_devices(arguments.device)[0], compiled=not arguments.no_compile)
        if processes.is_main:
            for task, tier in {each.task.sha256: (each.task, each.cell.tier) for each in cells}.values():
                if (missing := missing_weights(task, tier)) is not None:
                    progress.note(f"task {task.name}: {missing}")
            print(estimate_table(cells, estimate_cells(cells, engine), engine.device, arguments.json))
        return 0
    outcomes = []
    order = {planned.cell.id: i for i, planned in enumerate(cells)}
    try:
        with stoppable():
            for outcome in choose_executor(placed, arguments.runs, arguments.data, progress, processes).run(cells):
                outcomes.append(outcome)
                if arguments.results is not None and outcome.record is not None:
                    processes.from_main(partial(keep_result, outcome.record, arguments.results))
    finally:
        outcomes.sort(key=lambda outcome: order[outcome.planned.cell.id])
        if processes.is_main and arguments.json and (outcomes or not cells):
            print(outcomes_json(outcomes, arguments.runs))
        elif processes.is_main and outcomes:
            launcher = "" if processes.count == 1 else "accelerate launch ... --no_python "
            print(outcomes_table(outcomes, f"{launcher}{shlex.join(['autophagy', *sys.argv[1:]])}"))
    return 1 if any(outcome.error for outcome in outcomes) else 0


def outcomes_table(outcomes: Sequence["Outcome"], command: str) -> str:
    """Return a table with the change of each score from generation 1 to the last, and the errors below it.

    Precision and recall stand beside what real images score, with the shares of it that are reached.

    Args:
        outcomes: what became of the cells.
        command: what was typed; it is also what tries failed cells again.
    """
    rows: list[tuple[str, ...]] = [("cell", "generations", "FID", "precision", "recall", "label agreement", "")]
    for outcome in outcomes:
        slug = outcome.planned.cell.slug
        if outcome.record is None:
            rows.append((slug, "", "", "", "", "", "failed"))
            continue
        first, last = outcome.record.generations[0].scores, outcome.record.generations[-1].scores
        floor, agreement = outcome.record.score.floor, ""
        if first.label_agreement is not None and last.label_agreement is not None:
            agreement = f"{first.label_agreement:.3f} -> {last.label_agreement:.3f}"
        rows.append(
            (
                slug,
                f"{len(outcome.record.generations)}",
                f"{first.fid:.2f} -> {last.fid:.2f}",
                *(
                    beside_floor(getattr(floor, name), getattr(first, name), getattr(last, name))
                    for name in WITH_FLOOR
                ),
                agreement,
                "was finished" if outcome.was_finished else "",
            )
        )
    records = [outcome.record for outcome in outcomes if outcome.record is not None]
    notes = dict.fromkeys(floor_note(record) for record in records)
    failed = [outcome for outcome in outcomes if outcome.error]
    errors = [f"{outcome.planned.cell.slug}: {outcome.error}" for outcome in failed]
    if failed:
        errors.append(f"{len(failed)} of {len(outcomes)} cells failed. To try them again: {command}")
    return "\n".join([table(rows), *notes, *errors])


def outcomes_json(outcomes: Sequence["Outcome"], runs: Path) -> str:
    """Return what became of each cell, its record's path, its scores per generation, their floor and its error."""
    content = [
        {
            "cell_id": outcome.planned.cell.id,
            "slug": outcome.planned.cell.slug,
            "state": "failed" if outcome.record is None else "finished",
            "error": outcome.error,
            "record": None
            if outcome.record is None
            else str(runs / "cells" / outcome.planned.cell.slug / "record.json"),
            "generations": []
            if outcome.record is None
            else [result.scores.model_dump() for result in outcome.record.generations],
            "floor": None if outcome.record is None else outcome.record.score.floor.model_dump(),
            "shares_of_floor": []
            if outcome.record is None
            else [shares_of_floor(result.scores, outcome.record.score.floor) for result in outcome.record.generations],
        }
        for outcome in outcomes
    ]
    return json.dumps(content, indent=2)


def estimate_table(
    cells: Sequence["PlannedCell"], estimates: Sequence["Estimate"], device: "torch.device", as_json: bool
) -> str:
    """Return the cost of each cell before it runs, as a table or as JSON."""
    if as_json:
        content = [
            {"cell_id": planned.cell.id, "cell": planned.cell.model_dump(mode="json")}
            | {"images_trained": e.images_trained, "network_evaluations": e.network_evaluations}
            | {"seconds": e.seconds, "device": str(device)}
            | {"disk_bytes": e.disk_bytes, "disk_peak_bytes": e.disk_peak_bytes}
            for planned, e in zip(cells, estimates, strict=True)
        ]
        return json.dumps(content, indent=2)
    rows = [("cell", "generations", "images trained", "network evaluations", f"time on {device}", "disk")]
    for planned, estimate in zip(cells, estimates, strict=True):
        rows.append(
            (
                planned.cell.slug,
                f"{planned.cell.loop.generations}",
                f"{estimate.images_trained:,}",
                f"{estimate.network_evaluations:,}",
                _duration(estimate.seconds),
                size(estimate.disk_bytes),
            )
        )
    total = sum(estimate.seconds for estimate in estimates)
    disk = sum(estimate.disk_bytes for estimate in estimates)
    unfinished = max((estimate.disk_peak_bytes - estimate.disk_bytes for estimate in estimates), default=0)
    note = (
        f"{len(cells)} cells, about {_duration(total)} in all; G^1 is counted once where cells share it.\n"
        f"{size(disk)} on disk, and up to {size(unfinished)} more for each cell that runs (method state not included)."
    )
    return f"{table(rows)}\n{note}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"
