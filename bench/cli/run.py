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
from bench.cli.plan import check_time, plan_text
from bench.errors import BadInput
from bench.process.tables import table

if TYPE_CHECKING:
    from bench.executors.cell_runner import Outcome
    from bench.executors.grid import PlannedCell
    from bench.process.processes import Processes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.usage = "autophagy run [options]"
    parser.description = (
        "Run every combination of what the comma lists name. Finished cells are skipped, unfinished ones go on where "
        "they were. For example:  autophagy run --task digits --loop fully_synthetic --seeds 0,1,2"
    )
    parser.epilog = "Sizes that are not given are the task's, for the tier and the loop."
    most = parser.add_argument_group("most used")
    most.add_argument("--task", default="digits", metavar="NAMES", help="tasks, task files (.toml), or all [digits]")
    most.add_argument("--loop", default="all", metavar="NAMES", help=f"{', '.join(LOOP_KINDS)} [all]")
    most.add_argument("--method", default="none", metavar="NAMES", help="methods, or files (NAME:key=value) [none]")
    most.add_argument(
        "--generator", default="ddpm", metavar="NAMES", help="generators, or files (FILE:key=value) [ddpm]"
    )
    most.add_argument("--seeds", default="0", metavar="NUMBERS", help="one run for each seed [0]")
    most.add_argument("--tier", default="smoke", metavar="NAME", help=f"{', '.join(TIERS)} [smoke]")
    most.add_argument("--dry-run", action="store_true", help="say what it will take; run nothing")
    most.add_argument("--measure", action="store_true", help="with --dry-run: time the networks themselves")
    most.add_argument("--yes", action="store_true", help="begin, however long it takes")
    loop = parser.add_argument_group("the loop")
    loop.add_argument("--generations", type=int, metavar="N", help="generations, G^1 included")
    loop.add_argument("--sampling-bias", default="1", metavar="NUMBERS", help="the paper's lambda, in (0, 1] [1]")
    loop.add_argument(
        "--pool", default="previous", metavar="POLICY", help="previous, accumulated or last:K [previous]"
    )
    loop.add_argument(
        "--contamination", type=float, metavar="SHARE", help="synthetic share of the pool, unmarked [off]"
    )
    loop.add_argument("--protocol", default="scratch", metavar="NAME", help="scratch or finetune [scratch]")
    loop.add_argument("--n-real", type=int, metavar="N", help="real images in each generation after G^1")
    loop.add_argument("--n-synthetic", type=int, metavar="N", help="synthetic images that each generation gives")
    loop.add_argument("--n-initial", type=int, metavar="N", help="real images that G^1 trains on")
    places = add_where(parser)
    places.add_argument("--shard", metavar="I/N", help="only part I of N of the cells: job arrays")
    places.add_argument("--results", type=Path, metavar="DIR", help="copy records here; skip cells that it has")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.process.joining import joined

    with joined(arguments.device) as processes:
        return _run_cells(arguments, processes)


def _run_cells(arguments: argparse.Namespace, processes: "Processes") -> int:
    from bench.cells.result_files import keep_result, without_results
    from bench.executors.grid import shard
    from bench.process.interruption import stoppable
    from bench.process.progress import Progress

    if arguments.measure and not arguments.dry_run:
        raise BadInput("--measure: goes with --dry-run")
    cells = named_cells(arguments)
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
        if processes.is_main:
            print(plan_text(arguments, cells, progress))
        return 0
    check_time(arguments, cells, processes, progress)
    from bench.executors.choose import choose_executor  # which imports all that cells are run with

    placed = where(arguments)

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


def named_cells(arguments: argparse.Namespace) -> "list[PlannedCell]":
    """Return the cells that a command line names.

    Raises:
        BadInput: a choice is wrong, or two do not go together.
    """
    from bench.cells.choices import Choices
    from bench.executors.grid import plan_cells

    return plan_cells(
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
