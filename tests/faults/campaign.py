"""Runs the parts of the campaign and prints what they have found."""

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faults import damages, disks, kills, nodes, oddities
from faults.cells import Workshop
from faults.forks import import_everything
from faults.report import Part, to_json, to_text

DESCRIPTION = "Disturb cells in every way, and hold what they leave against what undisturbed ones leave."
# Option, default, metavar's meaning, and what it does.
PARTS: tuple[tuple[str, int | None, str, Callable[[Workshop, Any], Part]], ...] = (
    ("kills", 200, "kill -9 at random instants", kills.kill_at_random),
    ("write-kills", None, "kill -9 at steps of writes", kills.kill_at_writes),
    ("terminations", 30, "SIGTERM at random instants", kills.ask_to_end),
    ("damages", 50, "damaged files", damages.damage_files),
    ("full-disks", 20, "disks that are too small", disks.fill_disks),
    ("read-only-disks", 10, "disks that become read-only", disks.forbid_writing),
    ("memory-limits", 10, "runs with too little memory", oddities.starve),
    ("clock-jumps", 10, "runs whose clock jumps", oddities.turn_clocks),
    ("moves", 10, "runs folders that are moved", oddities.move_runs),
    ("pairs", 12, "two runners at the same time", oddities.run_twice),
    ("worker-kills", 5, "worker processes that are killed", nodes.kill_workers),
    ("parent-kills", 5, "runs with worker processes that are killed", nodes.kill_parents),
    ("node-losses", 10, "nodes of a Ray cluster that are lost", nodes.lose_nodes),
    ("ray-worker-kills", 5, "workers of a Ray cluster that are killed", nodes.kill_ray_workers),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/faults", description=DESCRIPTION)
    for option, default, what, _ in PARTS:
        usual = "each step of each write" if default is None else default
        parser.add_argument(f"--{option}", type=int, metavar="N", help=f"{what} [{usual}]")
    parser.add_argument("--only", action="store_true", help="nothing but what is named")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is drawn [0]")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()

    import_everything()
    parts: list[Part] = []
    workshop = Workshop(Path(tempfile.mkdtemp(prefix="faults-")))
    for option, default, _, run in PARTS:
        count = getattr(arguments, option.replace("-", "_"))
        if count is None:
            count = 0 if arguments.only else default
        if count != 0:
            workshop.random = random.Random(f"{arguments.seed} {option}")  # whatever the other parts have drawn
            parts.append(run(workshop, count))
            print(f"{parts[-1].kind}: {parts[-1].faults} faults, {parts[-1].seconds:.0f} s", file=sys.stderr)
    print(to_json(parts) if arguments.json else to_text(parts))
    passed = all(part.passed for part in parts)
    if passed:
        shutil.rmtree(workshop.folder)
    return 0 if passed else 1
