"""`autophagy rescore`: scores a finished cell in another feature space."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cells.floor import WITH_FLOOR, beside_floor, shares_of_floor
from bench.cli.arguments import add_data, add_device, add_features, floor_note
from bench.process.tables import table

if TYPE_CHECKING:
    from bench.cells.record import Record, Scores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = "Add the scores of another feature space to the record of a finished cell, from its samples."
    parser.add_argument("cell", type=Path, metavar="CELL", help="run folder of the cell: RUNS/cells/NAME")
    add_features(parser)
    parser.add_argument("--task", metavar="FILE", help="the task file, where the task is not one of the package")
    add_data(parser)
    add_device(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.cells.task import load_task
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


def rescore_table(record: "Record", space: str) -> str:
    """Return a table of each generation's scores in one feature space, with the floor below it."""
    [view] = [view for view in record.in_each_space() if view.score.features == space]
    names = [name for name, value in view.score.floor if value is not None]
    rows = [("generation", *names)]
    for label, scores in [*((str(g.generation), g.scores) for g in view.generations), ("real", view.score.floor)]:
        rows.append((label, *(_shown(name, scores, view.score.floor) for name in names)))
    return f"{table(rows)}\n{floor_note(view)}"


def _shown(name: str, scores: "Scores", floor: "Scores") -> str:
    """Return a score, beside its floor where it is read so; the floor itself stands alone."""
    value = getattr(scores, name)
    if name in WITH_FLOOR and scores is not floor:
        return beside_floor(getattr(floor, name), value)
    return f"{value:.4g}"


def rescore_json(record: "Record", space: str) -> str:
    """Return the conditions and each generation's scores in one feature space."""
    [view] = [view for view in record.in_each_space() if view.score.features == space]
    content = {
        "cell_id": record.cell_id,
        "score": view.score.model_dump(mode="json"),
        "generations": [g.scores.model_dump() for g in view.generations],
        "shares_of_floor": [shares_of_floor(g.scores, view.score.floor) for g in view.generations],
    }
    return json.dumps(content, indent=2)
