"""`autophagy compare`: what the board says of runs and result files, beside any method."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cells.floor import beside_floor
from bench.files.validation import in_one_line
from bench.process.streams import stderr
from bench.process.tables import table

if TYPE_CHECKING:
    from bench.board.compare import ComparedTrack
    from bench.board.line import Line
    from bench.board.metrics import Metric
    from bench.board.row import Row

HEADINGS = ("method", "FID ratio (95%)", "F1", "verdict", "FID", "precision", "recall", "cost", "seeds", "rank")
EARLIER = "*"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Lay the finished cells of several folders together, and print for each loop of each generator what the "
        "results page says of its methods, beside the method that is named with --to."
    )
    parser.epilog = (
        "FID ratio: FID as a multiple of the reference's with the same seed, averaged over the generations, with its "
        "95% interval; below 1 is better. F1: the difference in the harmonic mean of precision and recall, averaged "
        "likewise; above 0 is better. verdict: a method helps that is better in one of the two and worse in neither, "
        "and cures where it also ends no worse than generation 1; all at a false discovery rate of 5%. FID, "
        "precision and recall: of the last generation; the two beside what real images score (the share of it that is "
        "reached), with the difference from the reference. cost: images trained and network evaluations, as multiples "
        "of the reference's. Of parameters, those that set apart. Below stand the marks: what a method loses, copies "
        "or reuses. docs/scoring.md explains the figures; --csv and --json have all of them."
    )
    parser.add_argument(
        "folders", nargs="*", type=Path, default=[Path("runs")], metavar="FOLDER",
        help="runs folders and folders of result files, in any mixture [runs]",
    )  # fmt: skip
    parser.add_argument(
        "--to", default="none", metavar="METHOD",
        help="what the others are compared with; parameters after colons: NAME:key=value [none]",
    )  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON: a list with all figures of each method")
    form.add_argument("--csv", action="store_true", help="print CSV with the same figures")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.board.compare import compare_folders

    found = compare_folders(arguments.folders, arguments.to)
    for note in found.notes:
        print(f"autophagy: {in_one_line(note)}", file=stderr())
    if arguments.json or arguments.csv:
        rows = found.rows()
        print(rows.to_json() if arguments.json else rows.to_csv(), end="")
    else:
        print("\n\n".join("\n".join(_track_lines(track)) for track in found.tracks))
    return 0


def _track_lines(compared: "ComparedTrack") -> Iterator[str]:
    """Yield what is printed of a track: what it is, what real images score, and a line for each method."""
    view, conditions = compared.view, compared.view.conditions
    floor = ", ".join(
        f"{metric.title} {value:.{view.decimals[metric.key]}f}"
        for metric in view.column_metrics
        if (value := view.floor[metric.key]) is not None
    )
    yield f"{compared.title}, {len(compared.reference.generations)} generations"
    yield f"{conditions.features} features, n = {conditions.n}, k = {conditions.k}; real images: {floor}"
    yield f"compared with {compared.reference.cell.method.option}"
    yield table([HEADINGS, *(_cells(compared, line) for line in compared.lines)])
    marked: dict[str, list[str]] = {}
    for line in compared.lines:
        for mark in line.row.marks:
            marked.setdefault(mark.kind, []).append(_name(compared, line).removesuffix(f" {EARLIER}"))
    for kind, names in marked.items():
        yield f"{kind}: {', '.join(names)}"
    if any(line.row.entry.earlier_file for line in compared.lines):
        yield f"{EARLIER} made with an earlier file of the method"


def _cells(compared: "ComparedTrack", line: "Line") -> tuple[str, ...]:
    from bench.board.metrics import FID, PRECISION, RECALL
    from bench.board.seed_statistics import FEWEST_SEEDS

    row, comparison = line.row, line.row.comparison
    ratio = f1 = cost = ""
    verdict = "the reference" if row.entry is compared.reference else row.unranked_because or ""
    if comparison is not None:
        mean, low, high = comparison.fid_ratio
        several = comparison.log_fid_area.seeds > 1
        ratio = f"{mean:.2f}x" + f" ({low:.2f} to {high:.2f})" * several
        f1 = f"{comparison.f1_area.mean:+.2f}"
        # The least number of seeds, or a warning, is why nothing may be said.
        undecided = row.trust.warnings or comparison.seeds < FEWEST_SEEDS
        verdict = verdict if undecided else _verdict(row)
        cost = "/".join(
            "-" if times is None else f"{times:.2g}x" for times in (comparison.training, comparison.evaluations)
        )
    return (
        _name(compared, line),
        ratio,
        f1,
        verdict,
        f"{line.curves[FID.key][-1].mean:.{compared.view.decimals[FID.key]}f}",
        *(_last(compared, line, metric) for metric in (PRECISION, RECALL)),
        cost,
        f"{len(row.entry.results)}",
        "" if row.rank is None else f"{row.rank}",
    )


def _verdict(row: "Row") -> str:
    """Return the word of an entry, with what it trades, and the line that it is against where it is another."""
    word = (row.word or "").removesuffix(" shown")
    if row.trades:
        better, worse = row.trades
        word += f" {worse} for {better}"
    return f"{word}, against {row.against}" if any(m.kind == "reuses weights" for m in row.marks) else word


def _name(compared: "ComparedTrack", line: "Line") -> str:
    """Return what an entry is called, with what sets it apart from the others of its method."""
    from bench.cells.parameters import describe_parameters

    method = line.cell.method
    others = [other.cell.method.params for other in compared.lines if other.cell.method.name == method.name]
    apart = {key: value for key, value in method.params.items() if any(each.get(key) != value for each in others)}
    words = [":".join(filter(None, (method.name, describe_parameters(apart))))]
    words += [f"pool {line.cell.loop.pool}"] * (line.cell.loop.pool != "previous")
    words += ["(control)"] * line.row.entry.is_control + [EARLIER] * (line.row.entry.earlier_file is not None)
    return " ".join(words)


def _last(compared: "ComparedTrack", line: "Line", metric: "Metric") -> str:
    """Return a score of the last generation beside its floor, and its difference from the reference in parentheses."""
    decimals, floor = compared.view.decimals[metric.key], compared.view.floor[metric.key]
    assert floor is not None  # every record has it of precision and recall
    text = beside_floor(floor, line.curves[metric.key][-1].mean, decimals=decimals)
    difference = line.row.comparison.last.get(metric.key) if line.row.comparison else None
    return text if difference is None else f"{text}, {difference.mean:+.{decimals}f}"
