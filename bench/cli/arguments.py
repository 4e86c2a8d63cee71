"""What several verbs share: arguments, how their comma lists are read, and the line below their tables."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bench.errors import BadInput

if TYPE_CHECKING:
    from bench.cells.record import Record
    from bench.executors.choose import Where

Number = TypeVar("Number", int, float)


def add_data(parser: argparse._ActionsContainer) -> None:
    """Add where a task's real images are."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="the task's real images [the data folder]",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the one device of a command that runs no cells."""
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda:0, ... [auto]")


def add_runs(parser: argparse._ActionsContainer) -> None:
    """Add the runs folder."""
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of the runs [runs]")


def add_where(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add what says where cells run, for `where`; return the group, for what one command alone has."""
    from bench.logs.run_log import LOGGERS

    where = parser.add_argument_group("where")
    add_data(where)
    where.add_argument(
        "--device",
        default="auto",
        metavar="NAMES",
        help="auto (GPUs, else CPU), cpu, cuda:0, ... [auto]",
    )
    where.add_argument("--no-compile", action="store_true", help="no torch.compile on a GPU: starts sooner")
    where.add_argument("--workers", type=int, metavar="N", help="processes that run cells [one for each device]")
    where.add_argument("--threads", type=int, metavar="N", help="CPU threads of each process [all; Ray 1]")
    where.add_argument(
        "--executor", default="local", choices=("local", "ray"), metavar="NAME", help="local or ray [local]"
    )
    where.add_argument("--ray-address", metavar="ADDRESS", help="Ray cluster: auto, HOST:PORT [a new one]")
    add_runs(where)
    where.add_argument(
        "--log", default="", metavar="NAMES",
        help=f"curves while it runs: {', '.join(LOGGERS)} [off]",
    )  # fmt: skip
    return where


def add_features(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add a feature space and its weights."""
    parser.add_argument(
        "--features",
        required=required,
        metavar="NAME",
        help="feature space: see autophagy list features; or the file (.toml) of a task with its own",
    )
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="the weights of the feature space [AUTOPHAGY_CACHE/weights]"
    )


def where(arguments: argparse.Namespace) -> "Where":
    """Return what the arguments of `add_where` say, but for folders."""
    from bench.executors.choose import Where
    from bench.logs.run_log import LOGGERS, check_loggers

    loggers = tuple(names("--log", arguments.log, lambda: list(LOGGERS))) if arguments.log else ()
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


def names(option: str, text: str, everything: Callable[[], list[str]]) -> list[str]:
    """Return the names in a comma list, all there are for `all`."""
    found = everything() if text == "all" else [name.strip() for name in text.split(",")]
    if not all(found) or len(set(found)) != len(found):
        raise BadInput(f"{option} {text!r}: give different names with commas between them, or all")
    return found


def numbers(option: str, text: str, convert: Callable[[str], Number], allowed: str) -> list[Number]:
    """Return the numbers in a comma list."""
    try:
        found = [convert(part) for part in text.split(",")]
    except ValueError as error:
        raise BadInput(f"{option} {text!r}: give {allowed}, with commas between them") from error
    if len(set(found)) != len(found) or any(number < 0 for number in found):
        raise BadInput(f"{option} {text!r}: give different {allowed}, with commas between them")
    return found


def floor_note(record: "Record") -> str:
    """Return the line that says what real images score under a record's conditions."""
    conditions, floor = record.score, record.score.floor
    return (
        f"Real images of {record.cell.task} under the same conditions ({conditions.features} features, "
        f"n = {conditions.n}, k = {conditions.k}): FID {floor.fid:.2f}, precision {floor.precision:.3f}, "
        f"recall {floor.recall:.3f}."
    )
