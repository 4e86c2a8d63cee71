"""The fault campaign: `python tests/faults`. docs/faults.md says what it does."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: threads do not survive a fork
sys.path[0] = str(Path(__file__).resolve().parents[1])  # where the tests find each other

from faults import kills
from faults.cells import Workshop
from faults.forks import import_everything
from faults.report import Part, to_json, to_text


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="at random instants [200]")
    parser.add_argument("--write-kills", type=int, metavar="N", help="at steps of writes [each step of each write]")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is drawn [0]")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()

    import_everything()
    parts: list[Part] = []
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    workshop = Workshop(folder, arguments.seed)
    for count, run in ((arguments.kills, kills.kill_at_random), (arguments.write_kills, kills.kill_at_writes)):
        if count != 0:
            parts.append(run(workshop, count))
            print(f"{parts[-1].kind}: {parts[-1].faults} faults, {parts[-1].seconds:.0f} s", file=sys.stderr)
    print(to_json(parts) if arguments.json else to_text(parts))
    return 0 if all(part.passed for part in parts) else 1


if __name__ == "__main__":
    sys.exit(main())
