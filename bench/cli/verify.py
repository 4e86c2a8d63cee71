"""`autophagy verify`: runs a result's cell again, and holds its scores against those that are found."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cells.floor import WITH_FLOOR, percent, share_of_floor, shares_of_floor
from bench.cli.arguments import add_data, add_device
from bench.errors import BadInput, RunFailed
from bench.process.streams import stderr
from bench.process.tables import table

if TYPE_CHECKING:
    from bench.cells.agreement import Agreement, Compared
    from bench.cells.record import Record, Scores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Run the cell of a result file again and hold its scores against those that are found, within the "
        "tolerance of docs/verifying.md. Exit status 0 where they agree, 1 where they do not. With --by, what was "
        "found is written as a reproduction. A run that is cut short goes on."
    )
    parser.add_argument("result", type=Path, metavar="RESULT", help="a result file (.json)")
    parser.add_argument(
        "--method",
        type=Path,
        metavar="FILE",
        help="the method's file, where it is no baseline: read it first, it runs",
    )
    parser.add_argument(
        "--generator",
        type=Path,
        metavar="FILE",
        help="the generator's file, where it is not one of the benchmark: read it first, it runs",
    )
    parser.add_argument(
        "--samples", type=Path, metavar="CELL", help="run nothing: score the samples in this run folder of the cell"
    )
    parser.add_argument(
        "--task", type=Path, metavar="FILE",
        help="the task file, where it is neither of the package nor in the tasks/ of the result's leaderboard",
    )  # fmt: skip
    add_data(parser)
    add_device(parser)
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


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.cells.agreement import compare
    from bench.cells.record import read_record
    from bench.cells.reproduction import Reproduction, check_name, keep_reproduction
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
        raise BadInput("--method and --samples: give one of them, with --samples no method runs")
    if not rerun and arguments.generator is not None:
        raise BadInput("--generator and --samples: give one of them, with --samples no generator runs")
    device = choose_device(arguments.device)
    record = read_record(path)
    # A record from a GPU says whether networks were compiled, and the same is run again; one from a CPU does not.
    engine = Engine.on(device, compiled=record.environment.compiled or record.environment.driver is None)
    task, data = task_of(path, record, arguments.data, progress, arguments.task)
    if rerun:
        planned = plan_again(path, record, task, arguments.method, arguments.generator)
        try:
            with stoppable():
                finding = run_again(path, record, planned, arguments.runs, arguments.data, engine, progress)
        except RunFailed as error:
            print(f"autophagy: {path}: not verified, its run has failed: {error}", file=stderr())
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


def verification_table(record: "Record", agreement: "Agreement", notes: Sequence[str]) -> str:
    """Return FID, precision and recall of each generation beside those found, all that differs, and the verdict."""
    from bench.cells.agreement import FLOOR

    floor = record.score.floor
    rows = [("generation", "score", "reported", "found", "difference", "allowed", "of the floor", "")]
    for compared in agreement.compared:
        if compared.agrees and (compared.generation == FLOOR or compared.name not in ("fid", "precision", "recall")):
            continue
        rows.append(
            (
                "real" if compared.generation == FLOOR else f"{compared.generation}",
                compared.name,
                _number(compared.reported, ".6g"),
                _number(compared.found, ".6g"),
                _number(compared.difference, "+.3g"),
                f"{compared.allowed:.3g}",
                _of_floor(compared, floor),
                "" if compared.agrees else "DIFFERS",
            )
        )
    return "\n".join([table(rows), *notes, f"{record.cell.slug}: {_verdict(agreement)}"])


def _of_floor(compared: "Compared", floor: "Scores") -> str:
    """Return the floor of a score that is read beside one, with the shares of it that were reported and found."""
    from bench.cells.agreement import FLOOR

    if compared.name not in WITH_FLOOR or compared.generation == FLOOR:
        return ""
    real = getattr(floor, compared.name)
    shares = (each if each is None else share_of_floor(each, real) for each in (compared.reported, compared.found))
    return f"{real:.3f} ({', '.join(map(percent, shares))})"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


def _verdict(agreement: "Agreement") -> str:
    n, n_same = len(agreement.same_samples), sum(agreement.same_samples)
    samples = f"the samples of {n_same} of {n} generations are the same bits"
    if agreement.agrees:
        kind = "identical" if agreement.identical else "statistical reproduction"
        return f"AGREES ({kind}): {samples}, and every number is within what is allowed"
    if agreement.rescored and not agreement.identical:
        return f"DOES NOT AGREE: {samples}: the others are not those of the record"
    differing = agreement.differing
    return f"DOES NOT AGREE: {samples}, and {len(differing)} of {len(agreement.compared)} numbers differ"


def verification_json(
    record: "Record", agreement: "Agreement", notes: Sequence[str], reproduction: Path | None
) -> str:
    """Return every number beside the one that was found, the verdict, and the file that it was written to."""
    content = {
        "cell_id": record.cell_id,
        "slug": record.cell.slug,
        "agrees": agreement.agrees,
        "identical": agreement.identical,
        "same_environment": agreement.same_environment,
        "same_samples": agreement.same_samples,
        "compared": [
            asdict(compared) | {"difference": compared.difference, "agrees": compared.agrees}
            for compared in agreement.compared
        ],
        "tolerance": agreement.tolerance.model_dump(),
        "floor": record.score.floor.model_dump(),
        "shares_of_floor": [shares_of_floor(result.scores, record.score.floor) for result in record.generations],
        "notes": list(notes),
        "reproduction": None if reproduction is None else str(reproduction),
    }
    return json.dumps(content, indent=2)
