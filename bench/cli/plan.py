"""What cells will take, before they run: what `run --dry-run` prints, and the question before hours on a CPU."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.errors import BadInput
from bench.process.tables import size, table

if TYPE_CHECKING:
    import torch

    from bench.executors.estimate import Estimate
    from bench.executors.grid import PlannedCell
    from bench.process.processes import Processes
    from bench.process.progress import Progress

FOR_A_GPU = ("standard", "paper")
ASKED_BEYOND_SECONDS = 3600
MEASURED = "Times are of a few steps of the networks; scoring comes on top."
COMPUTED = (
    "Times are computed from the networks' arithmetic, to a factor of two or three; scoring comes on top. --measure "
    "times a few steps."
)


def plan_text(arguments: argparse.Namespace, cells: Sequence["PlannedCell"], progress: "Progress") -> str:
    """Return what `run --dry-run` prints, as a table or as JSON; note what a feature space still needs."""
    from bench.executors.estimate import estimate_cells
    from bench.features.build import missing_weights
    from bench.generators.engine import Engine
    from bench.runs.environment import choose_devices

    engine = Engine.on(choose_devices(arguments.device)[0], compiled=not arguments.no_compile)
    for task, tier in {each.task.sha256: (each.task, each.cell.tier) for each in cells}.values():
        if (missing := missing_weights(task, tier)) is not None:
            progress.note(f"task {task.name}: {missing}")
    estimates = estimate_cells(cells, engine, measured=arguments.measure)
    return (estimate_json if arguments.json else estimate_table)(cells, estimates, engine.device, arguments.measure)


def check_time(
    arguments: argparse.Namespace, cells: Sequence["PlannedCell"], processes: "Processes", progress: "Progress"
) -> None:
    """Say what cells for a GPU will take on a CPU, and raise BadInput beyond an hour unless somebody agrees."""
    from bench.executors.estimate import estimate_cells
    from bench.generators.engine import Engine
    from bench.runs.environment import choose_devices

    folder = arguments.runs / "cells"
    left = [
        planned
        for planned in cells
        if planned.cell.tier in FOR_A_GPU and not (folder / planned.cell.slug / "record.json").exists()
    ]
    if not left or arguments.executor != "local" or choose_devices(arguments.device)[0].type != "cpu":
        return
    estimates = estimate_cells(left, Engine.on(choose_devices("cpu")[0], compiled=False), measured=False)
    seconds = sum(estimate.seconds for estimate in estimates)
    tiers = ", ".join(dict.fromkeys(planned.cell.tier for planned in left))
    said = f"tier {tiers} is for a GPU: about {_duration(seconds)} on this CPU for {len(left)} cells, scoring apart"
    if seconds <= ASKED_BEYOND_SECONDS or arguments.yes:
        progress.note(said)
        return
    if processes.count == 1 and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        print(f"autophagy: {said}. Begin? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise BadInput(f"{said}: --yes begins all the same, --dry-run shows each cell, --tier smoke is for a CPU")


def estimate_json(
    cells: Sequence["PlannedCell"], estimates: Sequence["Estimate"], device: "torch.device", measured: bool
) -> str:
    """Return the cost of each cell before it runs, as JSON."""
    content = [
        {"cell_id": planned.cell.id, "cell": planned.cell.model_dump(mode="json")}
        | {"images_trained": e.images_trained, "network_evaluations": e.network_evaluations}
        | {"seconds": e.seconds, "measured": measured, "device": str(device)}
        | {"disk_bytes": e.disk_bytes, "disk_peak_bytes": e.disk_peak_bytes}
        for planned, e in zip(cells, estimates, strict=True)
    ]
    return json.dumps(content, indent=2)


def estimate_table(
    cells: Sequence["PlannedCell"], estimates: Sequence["Estimate"], device: "torch.device", measured: bool
) -> str:
    """Return the cost of each cell before it runs, as a table."""
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
    return (
        f"{table(rows)}\n"
        f"{len(cells)} cells, about {_duration(total)} in all; G^1 is counted once where cells share it.\n"
        f"{MEASURED if measured else COMPUTED}\n"
        f"{size(disk)} on disk, and up to {size(unfinished)} more for each cell that runs (method state not included)."
    )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"
