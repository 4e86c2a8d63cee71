"""What threads that spin while they wait cost, on a machine that has other things to do.

    python benchmarks/threads.py alone busy cells --rounds 2

A digits cell, start-up included, in a process with as many threads as there are cores: alone, with one process on each
core that computes without end, and as one of four such cells that are started together (the mean of their times). Each
with the spin count that the command sets, and with those that are asked for: 300000 is what GNU OpenMP has where
nobody sets one. They take turns; medians over the rounds are printed, and how many times as long as the first spin
count alone it is.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.process.waiting import SETTINGS, SPINS

AS_IT_COMES = 300_000
BESIDE = {"alone": "alone", "busy": "one busy process a core", "cells": "three other such cells"}
CELLS = 4


def cell(folder: Path, spins: int, generations: int) -> subprocess.Popen:
    """Start a digits cell in a new folder of runs."""
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    environment |= {"GOMP_SPINCOUNT": str(spins), "AUTOPHAGY_CACHE": str(folder.parent / "cache")}
    options = ["--task", "digits", "--loop", "fully_synthetic", "--generations", str(generations)]
    command = [sys.executable, "-m", "bench.cli.main", "run", *options, "--runs", str(folder)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def seconds(cells: list[subprocess.Popen]) -> float:
    """Return the mean time from now to the end of each cell."""
    started, ended = time.perf_counter(), {}
    while len(ended) < len(cells):
        for i, process in enumerate(cells):
            if i not in ended and process.poll() is not None:
                ended[i] = time.perf_counter() - started
                if process.returncode:
                    sys.exit("a cell failed")
        time.sleep(0.02)
    return statistics.mean(ended.values())


def measured(beside: str, spins: int, generations: int, folder: Path) -> float:
    """Return how long a cell takes."""
    forever = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(forever) for _ in range(os.cpu_count() or 1)] if beside == "busy" else []
    try:
        n = CELLS if beside == "cells" else 1
        return seconds([cell(Path(tempfile.mkdtemp(dir=folder)), spins, generations) for _ in range(n)])
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    """Measure, print a table, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("beside", nargs="*", choices=[*BESIDE], default=[*BESIDE], help="[all]")
    parser.add_argument("--spins", type=int, nargs="*", default=[AS_IT_COMES], metavar="N", help=f"[{AS_IT_COMES}]")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--generations", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    counts = list(dict.fromkeys([SPINS, *arguments.spins]))
    found: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        seconds([cell(Path(tempfile.mkdtemp(dir=name)), SPINS, 1)])  # what is kept in the cache is there
        for _, beside, spins in itertools.product(range(arguments.rounds), arguments.beside, counts):
            found.setdefault((beside, spins), []).append(measured(beside, spins, arguments.generations, Path(name)))
    medians = {key: statistics.median(values) for key, values in found.items()}
    alone = medians.get(("alone", SPINS))
    print(f"seconds of a digits cell of {arguments.generations} generations, medians of {arguments.rounds}")
    for (beside, spins), median in medians.items():
        times = "" if alone is None else f"{median / alone:8.2f}"
        print(f"{BESIDE[beside]:26}{spins:>8}{median:10.1f}{times}", flush=True)
    if arguments.json:
        rows = [{"beside": beside, "spins": spins, "seconds": values} for (beside, spins), values in found.items()]
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
