"""`autophagy threshold`: how many synthetic images do good in the fresh-data loop."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cells.task import TIERS
from bench.cli.arguments import add_where, numbers, where
from bench.process.streams import stderr
from bench.process.tables import table

if TYPE_CHECKING:
    from bench.threshold.sweep import PhaseDiagram, Sweep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Sweep the number of synthetic images and the sampling bias in the fresh-data loop, and find n_e, "
        "the number of real images that alone give the distance at which the loop settles. Synthetic data are "
        "admissible where n_e / n_real >= 1. Every loop is an ordinary cell of the runs folder: a sweep that is cut "
        "short goes on, and one that is made larger computes only what is new."
    )
    parser.add_argument("--task", default="gaussian", metavar="NAME", help="a task or a task file (.toml) [gaussian]")
    parser.add_argument(
        "--generator", default="gaussian", metavar="NAME", help="a generator or a file (.py) [gaussian]"
    )
    parser.add_argument(
        "--n-real", required=True, metavar="NUMBERS", help="real images in each generation; a diagram for each"
    )
    parser.add_argument(
        "--n-synthetic", required=True, metavar="NUMBERS", help="synthetic images that each generation gives"
    )
    parser.add_argument(
        "--sampling-bias", default="1", metavar="NUMBERS",
        help="the paper's lambda in (0, 1], of what enters the pools; models are scored without it [1]",
    )  # fmt: skip
    parser.add_argument("--seeds", default="0,1,2", metavar="NUMBERS", help="one run for each seed [0,1,2]")
    parser.add_argument("--tier", default="smoke", metavar="NAME", help=f"{', '.join(TIERS)} [smoke]")
    parser.add_argument("--generations", type=int, metavar="N", help="of each loop [those of the task's tier]")
    parser.add_argument(
        "--last", type=int, default=10, metavar="N", help="generations whose mean FID is the loop's limit [10]"
    )
    places = add_where(parser)
    places.add_argument("--results", type=Path, metavar="DIR", help="copy records here; read those that it has")
    places.add_argument(
        "--out", type=Path, default=Path("threshold"), metavar="DIR",
        help="folder of threshold.json and threshold.svg [threshold]",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.cells.result_files import keep_result, kept_result
    from bench.executors.choose import choose_executor
    from bench.files.atomic import make_folder, write_text
    from bench.process.interruption import stoppable
    from bench.process.progress import Progress
    from bench.threshold.picture import draw_phase_diagram
    from bench.threshold.sweep import phase_diagram, plan_sweep

    sweep = named_sweep(arguments)
    placed = where(arguments)
    cells = plan_sweep(sweep)
    results = arguments.results
    kept = {} if results is None else {planned.cell.id: kept_result(planned.cell, results) for planned in cells}
    records = [record for record in kept.values() if record is not None]
    with stoppable():
        executor = choose_executor(placed, arguments.runs, arguments.data, Progress())
        make_folder(arguments.out)
        for outcome in executor.run([planned for planned in cells if kept.get(planned.cell.id) is None]):
            if outcome.record is None:
                print(f"autophagy: {outcome.planned.cell.slug}: {outcome.error}", file=stderr())
                continue
            records.append(outcome.record)
            if results is not None:
                keep_result(outcome.record, results)
    if len(records) < len(cells):
        return 1
    diagram = phase_diagram(sweep, records)
    write_text(arguments.out / "threshold.json", threshold_json(diagram) + "\n")
    write_text(arguments.out / "threshold.svg", draw_phase_diagram(diagram))
    print(threshold_json(diagram) if arguments.json else threshold_table(diagram))
    return 0


def named_sweep(arguments: argparse.Namespace) -> "Sweep":
    """Return the sweep that the arguments name.

    Raises:
        BadInput: a value is no list of numbers.
    """
    from bench.threshold.sweep import Sweep

    return Sweep(
        task=arguments.task,
        generator=arguments.generator,
        tier=arguments.tier,
        n_real=numbers("--n-real", arguments.n_real, int, "whole numbers from 1"),
        n_synthetic=numbers("--n-synthetic", arguments.n_synthetic, int, "whole numbers from 1"),
        sampling_biases=numbers("--sampling-bias", arguments.sampling_bias, float, "numbers in (0, 1]"),
        seeds=numbers("--seeds", arguments.seeds, int, "whole numbers from 0"),
        generations=arguments.generations,
        last=arguments.last,
    )


def threshold_table(diagram: "PhaseDiagram") -> str:
    """Return n_e / n_r of every loop, and below it the limits in words."""
    from bench.threshold.crossing import in_words

    rows = [("n_real", "sampling bias", "n_synthetic", "FID", "n_e / n_r", "95% interval", "")]
    for point in diagram.points:
        interval = "" if point.low is None else f"{point.low:.3f} to {point.high:.3f}"
        doubts = [f"{point.bound} this"] if point.bound else []
        if not point.settled:
            doubts.append(f"not settled, FID moved by {point.drift:+.1%}: more --generations")
        rows.append(
            (
                f"{point.n_real}", f"{point.sampling_bias:g}", f"{point.n_synthetic}", f"{point.fid:.2f}",
                f"{point.ratio:.3f}", interval, ", ".join(doubts),
            )
        )  # fmt: skip
    return "\n".join([table(rows), *(in_words(each, diagram.sweep.n_synthetic) for each in diagram.thresholds)])


def threshold_json(diagram: "PhaseDiagram") -> str:
    """Return the sweep, the conditions of the score, and all that was found."""
    return json.dumps(asdict(diagram) | {"score": diagram.score.model_dump(mode="json")}, indent=2)
