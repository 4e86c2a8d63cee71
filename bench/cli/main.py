"""The command line: `autophagy VERB`. It reads arguments and prints results; the work is done elsewhere.

Results go to stdout, progress and messages to stderr. Exit status: 0 done, 1 a run or a check failed, 2 bad input,
130 interrupted by Ctrl-C, 143 by SIGTERM: the same command goes on.
"""

import argparse
import io
import json
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from bench import __version__, paths
from bench.cells.generator_settings import GENERATOR_SETTINGS, GENERATOR_SUMMARIES
from bench.cells.loops import LOOP_KINDS, LOOP_SUMMARIES
from bench.cells.task import TIERS, load_task, task_names
from bench.errors import MEMORY_ADVICE, MOST_QUOTED, BadInput, RunFailed, first_line, is_out_of_memory
from bench.files.validation import in_one_line
from bench.logs.run_log import LOGGERS, check_loggers
from bench.process import launched

if TYPE_CHECKING:
    from bench.executors.choose import Where
    from bench.process.processes import Processes

Number = TypeVar("Number", int, float)
DATA_HELP = "the task's real images, as for autophagy data --from [the data folder]"
LISTS = ("tasks", "methods", "generators", "loops", "features")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be text
    try:
        parsed = _parser().parse_args(arguments)
        if launched.count() > 1 and parsed.verb is not _run:
            raise BadInput("several processes were launched: allowed is autophagy run")
        status: int = parsed.verb(parsed)
        return status
    except BadInput as error:
        return _refused(error)
    except Exception as error:
        if is_out_of_memory(error):
            print(
                f"autophagy: error: {MEMORY_ADVICE}; the same command goes on ({first_line(error)})", file=sys.stderr
            )
            return 1
        if isinstance(error, OSError):
            # A name that no file can have, a folder that cannot be looked into: what was given leads there.
            return _refused(f"{_cut(error.filename)}: {error.strerror}" if error.filename else error)
        raise
    except KeyboardInterrupt as interrupt:
        # Of this package's own: which signal it was.
        by = getattr(interrupt, "by", signal.SIGINT)
        if launched.rank() == 0:
            print(
                f"autophagy: stopped by {by.name}. What is finished is kept: the same command goes on from there.",
                file=sys.stderr,
            )
        return 128 + by


def _refused(reason: object) -> int:
    print(f"autophagy: error: {in_one_line(' '.join(str(reason).split()))}", file=sys.stderr)
    return 2


def _cut(name: object) -> str:
    text = str(name)
    return text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}..."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, as everywhere else."""
        raise BadInput(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="autophagy",
        description="A benchmark of generative models that are trained on their own output.",
        epilog="Start with:  autophagy run --task digits --loop all  and then  autophagy board --results runs",
    )
    parser.add_argument("--version", action="version", version=f"autophagy-bench {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for add in (
        _add_list, _add_run, _add_status, _add_clean, _add_check, _add_new_method, _add_score, _add_rescore,
        _add_submit, _add_verify, _add_threshold, _add_board, _add_data,
    ):  # fmt: skip
        add(verbs)
    return parser


def _add_list(verbs: Any) -> None:
    parser = verbs.add_parser("list", help="what there is to choose from")
    parser.add_argument("what", nargs="?", choices=LISTS, help="only this list")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(verb=_list)


def _add_run(verbs: Any) -> None:
    parser = verbs.add_parser(
        "run",
        help="run self-consuming loops",
        description="Run every combination of the tasks, generators, loops, methods, sampling biases and seeds that "
        "are named. Finished cells are skipped, unfinished ones go on where they were.",
        epilog="Where a size is not given, the task file's size for the tier and the loop is used.",
    )
    grid = parser.add_argument_group("what to run (comma lists; the combinations are the cells)")
    grid.add_argument("--task", default="digits", metavar="NAMES", help="tasks, task files (.toml), or all [digits]")
    grid.add_argument("--generator", default="ddpm", metavar="NAMES", help="generators, or all of each task [ddpm]")
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
    where = _add_where(parser)
    where.add_argument(
        "--shard", metavar="I/N", help="only the I-th of N parts of the cells: for arrays of jobs that share --runs"
    )
    where.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="keep the records in this folder too; cells that it has are skipped",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the cells, their cost, time and size; run nothing"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(verb=_run)


def _add_where(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add what says where cells run, for `_where`; return the group, for what one command alone has."""
    where = parser.add_argument_group("where")
    where.add_argument("--data", type=Path, metavar="PATH", help=DATA_HELP)
    where.add_argument(
        "--device",
        default="auto",
        metavar="NAMES",
        help="auto (all GPUs, else the CPU), or a list: cpu, cuda:0, ... [auto]",
    )
    _add_compile(where)
    where.add_argument(
        "--workers", type=int, metavar="N", help="processes that run cells at the same time [one for each device]"
    )
    where.add_argument(
        "--threads", type=int, metavar="N", help="CPU threads of each process [all, shared out; with ray 1]"
    )
    where.add_argument("--executor", default="local", choices=("local", "ray"), help="where cells run [local]")
    where.add_argument(
        "--ray-address", metavar="ADDRESS", help="the Ray cluster: auto, HOST:PORT [a new one on this machine]"
    )
    where.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of the runs [runs]")
    where.add_argument(
        "--log", default="", metavar="NAMES",
        help=f"draw curves while it runs: {', '.join(LOGGERS)} (extras), in the folder of the runs [off]",
    )  # fmt: skip
    return where


def _add_status(verbs: Any) -> None:
    parser = verbs.add_parser(
        "status",
        help="what is done, running, resumable and failed in a runs folder",
        description="Look at the cells of a runs folder, wherever they run, and change nothing.",
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of the runs [runs]")
    parser.add_argument("--all", action="store_true", help="a line for each finished cell too")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(verb=_status)


def _add_clean(verbs: Any) -> None:
    parser = verbs.add_parser(
        "clean",
        help="make room in a runs folder, and keep what results need",
        description="Remove of finished cells what was for the generations after: models, method states, separate "
        "synthetic images, rows of strips; of all cells, what killed writes have left and damaged files that were set "
        "aside. Records, strips and samples stay, and so does all that an unfinished cell needs to go on: board, "
        "submit, rescore, verify --samples and run work as before. A cell that is being run is left alone.",
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of the runs [runs]")
    parser.add_argument(
        "--samples", action="store_true",
        help="samples of finished cells too, without which they cannot be submitted, rescored or verified",
    )  # fmt: skip
    parser.add_argument(
        "--first-generations", action="store_true",
        help="models of generation 1 too, if all cells are finished; what is run later trains its own, which on a GPU "
        "is not quite the same",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed; remove nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(verb=_clean)


def _add_check(verbs: Any) -> None:
    parser = verbs.add_parser(
        "check",
        help="whether a method's file keeps the rules, and what is wrong with it",
        description="Run a method through every loop that it is for, at a tiny size, twice, killed and resumed, and "
        "say what is wrong with it and where. Takes less than a minute on a CPU, in a temporary folder.",
    )
    parser.add_argument("method", metavar="FILE", help="a method's file; parameters after colons: FILE:key=value")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(verb=_check)


def _add_new_method(verbs: Any) -> None:
    parser = verbs.add_parser("new-method", help="write a method's file to start from")
    parser.add_argument("name", metavar="NAME", help="of the method: lower case, digits and _")
    parser.set_defaults(verb=_new_method)


def _add_score(verbs: Any) -> None:
    parser = verbs.add_parser(
        "score",
        help="score images against real images",
        description="FID, KID, precision, recall, density and coverage of the images FAKE against the images REAL; "
        "with --training also whether FAKE are copies. Both sets are folders (with the folders inside), .zip or .npy.",
    )
    parser.add_argument("real", type=Path, metavar="REAL", help="real images that the generator has not seen")
    parser.add_argument("fake", type=Path, metavar="FAKE", help="generated images, best as many as there are of REAL")
    _add_features(parser)
    parser.add_argument("--training", type=Path, metavar="PATH", help="the images that the generator was trained on")
    parser.add_argument("--k", type=int, default=5, metavar="N", help="neighbours in precision and recall [5]")
    parser.add_argument(
        "--bootstrap", type=int, metavar="N", help="standard errors over images, from N resamples (100 is plenty)"
    )
    parser.add_argument("--extrapolate", action="store_true", help="also FID extrapolated to infinitely many images")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda:0, ... [auto]")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(verb=_score)


def _add_rescore(verbs: Any) -> None:
    parser = verbs.add_parser(
        "rescore",
        help="score a finished cell in another feature space",
        description="Add the scores of another feature space to the record of a finished cell, from its samples.",
    )
    parser.add_argument("cell", type=Path, metavar="CELL", help="run folder of the cell: RUNS/cells/NAME")
    _add_features(parser)
    parser.add_argument("--task", metavar="FILE", help="the task file, where the task is not one of the package")
    parser.add_argument("--data", type=Path, metavar="PATH", help=DATA_HELP)
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda:0, ... [auto]")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(verb=_rescore)


def _add_submit(verbs: Any) -> None:
    parser = verbs.add_parser(
        "submit",
        help="put finished cells into the leaderboard folder, for a pull request",
        description="Check finished cells, and if nothing is wrong with any of them, copy their records, the strip of "
        "seed 0 and the files of their methods into the leaderboard folder. Nothing of a method is executed, and no "
        "file that is there is changed.",
        epilog="CONTRIBUTING.md says what is allowed.",
    )
    parser.add_argument(
        "cells", nargs="+", type=Path, metavar="CELL",
        help="run folders of cells (RUNS/cells/NAME), or runs folders: all their finished cells",
    )  # fmt: skip
    parser.add_argument(
        "--method", action="append", default=[], type=Path, metavar="FILE",
        help="the file of a method that is no baseline; can be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--leaderboard", type=Path, default=Path("leaderboard"), metavar="DIR",
        help="the leaderboard folder of a clone of the repository [leaderboard]",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(verb=_submit)


def _add_verify(verbs: Any) -> None:
    parser = verbs.add_parser(
        "verify",
        help="run a result's cell again, and say whether its scores are found",
        description="Run the cell of a result file again and hold its scores against those that are found, within the "
        "tolerance of docs/verifying.md. Exit status 0 where they agree, 1 where they do not. With --by, what was "
        "found is written as a reproduction. A run that is cut short goes on.",
    )
    parser.add_argument("result", type=Path, metavar="RESULT", help="a result file (.json)")
    parser.add_argument(
        "--method",
        type=Path,
        metavar="FILE",
        help="the method's file, where it is no baseline: read it first, it runs",
    )
    parser.add_argument(
        "--samples", type=Path, metavar="CELL", help="run nothing: score the samples in this run folder of the cell"
    )
    parser.add_argument("--data", type=Path, metavar="PATH", help=DATA_HELP)
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda:0, ... [auto]")
    parser.add_argument(
        "--runs", type=Path, default=Path("verification"), metavar="DIR",
        help="folder of the new runs, not that of the original [verification]",
    )  # fmt: skip
    parser.add_argument("--by", metavar="NAME", help="who verifies; without it no reproduction is written")
    parser.add_argument(
        "--reproductions", type=Path, default=Path("leaderboard/reproductions"), metavar="DIR",
        help="folder to write the reproduction to [leaderboard/reproductions]",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(verb=_verify)


def _add_threshold(verbs: Any) -> None:
    parser = verbs.add_parser(
        "threshold",
        help="how many synthetic images do good in the fresh-data loop",
        description="Sweep the number of synthetic images and the sampling bias in the fresh-data loop, and find n_e, "
        "the number of real images that alone give the distance at which the loop settles. Synthetic data are "
        "admissible where n_e / n_real >= 1. Every loop is an ordinary cell of the runs folder: a sweep that is cut "
        "short goes on, and one that is made larger computes only what is new.",
    )
    parser.add_argument("--task", default="gaussian", metavar="NAME", help="a task or a task file (.toml) [gaussian]")
    parser.add_argument(
        "--generator", default="gaussian", choices=list(GENERATOR_SETTINGS), metavar="NAME", help="[gaussian]"
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
    _add_where(parser).add_argument(
        "--out", type=Path, default=Path("threshold"), metavar="DIR",
        help="folder of threshold.json and threshold.svg [threshold]",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(verb=_threshold)


def _add_compile(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--no-compile", action="store_true", help="no torch.compile on a GPU; generation 1 starts sooner"
    )


def _add_features(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--features", required=True, metavar="NAME", help="feature space: see autophagy list features")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="the weights of the feature space [AUTOPHAGY_CACHE/weights]"
    )


def _add_board(verbs: Any) -> None:
    parser = verbs.add_parser("board", help="build the static results page")
    parser.add_argument(
        "--results", type=Path, default=paths.LEADERBOARD / "results", metavar="DIR",
        help="a folder of runs, or of result files [those of the package]",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("site"), metavar="DIR", help="folder of the page [site]")
    parser.set_defaults(verb=_board)


def _add_data(verbs: Any) -> None:
    parser = verbs.add_parser(
        "data",
        help="fetch or convert a task's real data, and check it",
        description="Put a task's real images into the data folder (AUTOPHAGY_DATA, or a folder in the user's cache) "
        "and hold them against the hashes that the task file pins.",
        epilog="PATH is a folder in the layout of the task's own files (README.md), or a folder or zip of square "
        "images: in one folder for each class where the task has labels, and optionally all in the folders train and "
        "test. Without these two, a fixed permutation is cut into training and reference images. Images of another "
        "size are resized: by a whole factor with a box filter, otherwise antialiased bicubic.",
    )
    parser.add_argument("task", metavar="TASK")
    parser.add_argument("--from", dest="given", type=Path, metavar="PATH", help="read this; do not download")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(verb=_data)


def _list(arguments: argparse.Namespace) -> int:
    wanted = LISTS if arguments.what is None else (arguments.what,)
    content = {what: _list_content(what) for what in wanted}
    if arguments.json:
        print(json.dumps(content, indent=2))
        return 0
    for what, summaries in content.items():
        print(f"{what}:")
        width = max(map(len, summaries))
        for name, summary in summaries.items():
            print(f"  {name:{width}}  {summary}")
    return 0


def _list_content(what: str) -> dict[str, str]:
    match what:
        case "tasks":
            return {name: load_task(name).title for name in task_names()}
        case "methods":
            from bench.methods.file import baseline_names, load_method

            return {name: load_method(name).summary for name in baseline_names()}
        case "generators":
            return GENERATOR_SUMMARIES
        case "loops":
            return {kind: LOOP_SUMMARIES[kind] for kind in LOOP_KINDS}
        case _:
            from bench.features.build import space_summaries

            return space_summaries()


def _run(arguments: argparse.Namespace) -> int:
    from bench.process.processes import Processes

    with Processes.launched(arguments.device) as processes:
        return _run_cells(arguments, processes)


def _run_cells(arguments: argparse.Namespace, processes: "Processes") -> int:
    from bench.cells.result_files import keep_result, without_results
    from bench.cli.report import estimate_table, outcomes_json, outcomes_table
    from bench.executors.choose import choose_executor
    from bench.executors.estimate import estimate_cells
    from bench.executors.grid import Choices, plan_cells, shard
    from bench.generators.engine import Engine
    from bench.process.interruption import stoppable
    from bench.process.progress import Progress
    from bench.runs.environment import choose_devices

    where = _where(arguments)
    cells = plan_cells(
        Choices(
            tasks=_names("--task", arguments.task, task_names),
            generators=None if arguments.generator == "all" else _names("--generator", arguments.generator, list),
            loops=_names("--loop", arguments.loop, lambda: list(LOOP_KINDS)),
            methods=None if arguments.method == "all" else _names("--method", arguments.method, list),
            sampling_biases=_numbers("--sampling-bias", arguments.sampling_bias, float, "numbers in (0, 1]"),
            seeds=_numbers("--seeds", arguments.seeds, int, "whole numbers from 0"),
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
            print(estimate_table(cells, estimate_cells(cells, engine), engine.device, arguments.json))
        return 0
    outcomes = []
    order = {planned.cell.id: i for i, planned in enumerate(cells)}
    try:
        with stoppable():
            for outcome in choose_executor(where, arguments.runs, arguments.data, progress, processes).run(cells):
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


def _where(arguments: argparse.Namespace) -> "Where":
    from bench.executors.choose import Where

    loggers = tuple(_names("--log", arguments.log, lambda: list(LOGGERS))) if arguments.log else ()
    check_loggers(loggers)
    return Where(
        executor=arguments.executor,
        device=arguments.device,
        compiled=not arguments.no_compile,
        workers=arguments.workers,
        threads=arguments.threads,
        ray_address=arguments.ray_address,
        loggers=loggers,
    )


def _status(arguments: argparse.Namespace) -> int:
    from bench.runs.status import read_status, status_json, status_table

    cells = read_status(arguments.runs)
    print(status_json(cells) if arguments.json else status_table(cells, arguments.all))
    return 0


def _clean(arguments: argparse.Namespace) -> int:
    from bench.runs.clean import clean, cleaning_json, cleaning_table

    cleaning = clean(
        arguments.runs,
        samples=arguments.samples,
        first_generations=arguments.first_generations,
        dry_run=arguments.dry_run,
    )
    print((cleaning_json if arguments.json else cleaning_table)(cleaning, arguments.dry_run))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from bench.conformance.check import check_file
    from bench.process.progress import Progress

    verdict = check_file(arguments.method, Progress("check"))
    print(verdict.to_json() if arguments.json else verdict.to_text())
    return 0 if verdict.passed else 1


def _new_method(arguments: argparse.Namespace) -> int:
    from bench.methods.new import write_new_method

    path = write_new_method(arguments.name, Path())
    print(f"{path} is a method that works: change it, and then\nautophagy check {path}")
    return 0


def _score(arguments: argparse.Namespace) -> int:
    from bench.cli.report import comparison_json, comparison_table
    from bench.features.build import space_named
    from bench.features.cache import default_cache
    from bench.process.progress import Progress
    from bench.runs.environment import choose_device
    from bench.scoring.compare import compare

    if arguments.k < 1:
        raise BadInput(f"--k {arguments.k}: allowed are whole numbers from 1")
    if arguments.bootstrap is not None and arguments.bootstrap < 2:
        raise BadInput(f"--bootstrap {arguments.bootstrap}: allowed are whole numbers from 2")
    progress = Progress()
    comparison = compare(
        arguments.real,
        arguments.fake,
        arguments.training,
        space_named(arguments.features, choose_device(arguments.device), arguments.weights, progress),
        arguments.k,
        bootstrap=arguments.bootstrap,
        extrapolate=arguments.extrapolate,
        cache=default_cache(progress),
        progress=progress,
    )
    print(comparison_json(comparison) if arguments.json else comparison_table(comparison))
    return 0


def _rescore(arguments: argparse.Namespace) -> int:
    from bench.cli.report import rescore_json, rescore_table
    from bench.data.real import in_tier_size, load_real_data
    from bench.features.build import space_named
    from bench.features.cache import default_cache
    from bench.process.progress import Progress
    from bench.runs.environment import choose_device
    from bench.scoring.rescore import finished_cell, rescore

    cell = finished_cell(arguments.cell).cell
    progress = Progress().within(cell.slug)
    task = load_task(arguments.task or cell.task)
    data = in_tier_size(task, cell.tier, load_real_data(task, arguments.data, progress))
    space = space_named(arguments.features, choose_device(arguments.device), arguments.weights, progress)
    record = rescore(arguments.cell, data, space, default_cache(progress), progress)
    print(rescore_json(record, space.name) if arguments.json else rescore_table(record, space.name))
    return 0


def _submit(arguments: argparse.Namespace) -> int:
    from bench.submission.submit import plan_submission

    submission = plan_submission(arguments.cells, arguments.method, arguments.leaderboard)
    submission.write()
    print(submission.to_json() if arguments.json else submission.to_text())
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from bench.cells.agreement import compare
    from bench.cells.record import read_record
    from bench.cells.reproduction import Reproduction, check_name, keep_reproduction
    from bench.cli.report import verification_json, verification_table
    from bench.files.atomic import make_folder
    from bench.generators.engine import Engine
    from bench.process.interruption import stoppable
    from bench.process.progress import Progress
    from bench.runs.environment import choose_device
    from bench.submission.verify import notes_on, plan_again, run_again, score_again, task_of

    path, progress, rerun = arguments.result, Progress("verify"), arguments.samples is None
    if arguments.by is not None:
        check_name(arguments.by)
        make_folder(arguments.reproductions)
    if not rerun and arguments.method is not None:
        raise BadInput("--method and --samples: allowed is one of them, with --samples no method runs")
    engine = Engine.on(choose_device(arguments.device))
    record = read_record(path)
    task, data = task_of(path, record, arguments.data, progress)
    if rerun:
        planned = plan_again(path, record, arguments.method)
        try:
            with stoppable():
                finding = run_again(path, record, planned, arguments.runs, arguments.data, engine, progress)
        except RunFailed as error:
            print(f"autophagy: {path}: not verified, its run has failed: {error}", file=sys.stderr)
            return 1
    else:
        finding = score_again(path, record, arguments.samples, task, data, engine, progress)
    agreement = compare(record, finding)
    notes = notes_on(record, finding, agreement)
    written = None
    if arguments.by is None:
        progress.note("nothing is written: who verifies is given with --by NAME")
    else:
        reproduction = Reproduction.of(record, arguments.by, "rerun" if rerun else "rescore", finding, agreement)
        written = keep_reproduction(reproduction, arguments.reproductions)
        progress.note(f"written: {written}")
    if arguments.json:
        print(verification_json(record, agreement, notes, written))
    else:
        print(verification_table(record, agreement, notes))
    return 0 if agreement.agrees else 1


def _threshold(arguments: argparse.Namespace) -> int:
    from bench.cli.report import threshold_json, threshold_table
    from bench.executors.choose import choose_executor
    from bench.files.atomic import make_folder, write_text
    from bench.process.interruption import stoppable
    from bench.process.progress import Progress
    from bench.threshold.picture import draw_phase_diagram
    from bench.threshold.sweep import Sweep, phase_diagram, plan_sweep

    sweep = Sweep(
        task=arguments.task,
        generator=arguments.generator,
        tier=arguments.tier,
        n_real=_numbers("--n-real", arguments.n_real, int, "whole numbers from 1"),
        n_synthetic=_numbers("--n-synthetic", arguments.n_synthetic, int, "whole numbers from 1"),
        sampling_biases=_numbers("--sampling-bias", arguments.sampling_bias, float, "numbers in (0, 1]"),
        seeds=_numbers("--seeds", arguments.seeds, int, "whole numbers from 0"),
        generations=arguments.generations,
        last=arguments.last,
    )
    where = _where(arguments)
    cells = plan_sweep(sweep)
    with stoppable():
        executor = choose_executor(where, arguments.runs, arguments.data, Progress())
        make_folder(arguments.out)
        outcomes = list(executor.run(cells))
    for outcome in outcomes:
        if outcome.error:
            print(f"autophagy: {outcome.planned.cell.slug}: {outcome.error}", file=sys.stderr)
    records = [outcome.record for outcome in outcomes if outcome.record is not None]
    if len(records) < len(outcomes):
        return 1
    diagram = phase_diagram(sweep, records)
    write_text(arguments.out / "threshold.json", threshold_json(diagram) + "\n")
    write_text(arguments.out / "threshold.svg", draw_phase_diagram(diagram))
    print(threshold_json(diagram) if arguments.json else threshold_table(diagram))
    return 0


def _board(arguments: argparse.Namespace) -> int:
    from bench.board.site import build_site

    n_records = build_site(arguments.results, arguments.out)
    print(f"{arguments.out / 'index.html'}: {n_records} cells")
    return 0


def _data(arguments: argparse.Namespace) -> int:
    from bench.data.real import store_real_data
    from bench.process.progress import Progress

    task = load_task(arguments.task)
    data = store_real_data(task, arguments.given, Progress())
    content = {
        "task": task.name,
        "training": {"n": len(data.training), "sha256": data.training.sha256},
        "reference": {"n": len(data.reference), "sha256": data.reference.sha256},
        "pinned": data.pinned,
    }
    if arguments.json:
        print(json.dumps(content, indent=2))
        return 0
    print(f"{task.title} ({task.data.citation})")
    for part, images in (("training", data.training), ("reference", data.reference)):
        print(f"{part:10} {len(images):6} images  sha256 {images.sha256}")
    if task.data.pins_hashes:
        print("these are the images that the task pins" if data.pinned else "NOT the images that the task pins")
    else:
        print("the task pins no hashes: nothing says that these are the right images")
    return 0


def _names(option: str, text: str, everything: Callable[[], list[str]]) -> list[str]:
    """Return the names in a comma list, all there are for `all`."""
    names = everything() if text == "all" else [name.strip() for name in text.split(",")]
    if not all(names) or len(set(names)) != len(names):
        raise BadInput(f"{option} {text!r}: allowed are different names with commas between them, or all")
    return names


def _numbers(option: str, text: str, convert: Callable[[str], Number], allowed: str) -> list[Number]:
    """Return the numbers in a comma list."""
    try:
        numbers = [convert(part) for part in text.split(",")]
    except ValueError as error:
        raise BadInput(f"{option} {text!r}: allowed are {allowed}, with commas between them") from error
    if len(set(numbers)) != len(numbers) or any(number < 0 for number in numbers):
        raise BadInput(f"{option} {text!r}: allowed are different {allowed}, with commas between them")
    return numbers


if __name__ == "__main__":
    sys.exit(main())
