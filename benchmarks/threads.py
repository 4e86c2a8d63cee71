"""What threads that spin while they wait cost, on a machine that has other things to do.

    python benchmarks/threads.py --json threads.json      # six minutes of a quiet machine with two cores

Two things are measured, each alone, beside one process on each core that computes without end, and beside three others
of its own kind, started together (the mean of all four):

- a training step of the DDPM of digits, with the spin count that the command sets, with what GNU OpenMP does where
  nobody sets one, with 1000, and on one thread. Every process is warm, and counts its steps for some seconds; alone
  and beside busy processes the settings take turns, and medians over the rounds are taken;
- a whole cell of digits with one generation, start-up and empty caches included, with the settings of the command.

Each line is printed, and the JSON written, as soon as it is there. Beside it stands how many times as long it takes as
with the spin count of the command alone. The load of the machine before it began is printed first: it should be 0.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.process.waiting import SETTINGS, SPINS

CORES = os.cpu_count() or 1
AS_IT_COMES = 300_000  # what GNU OpenMP takes where nobody sets it
# GOMP_SPINCOUNT and threads. Where none is given the command would set its own.
WAYS = {
    f"{SPINS} spins (the command's)": (SPINS, CORES),
    f"{AS_IT_COMES} spins (as it comes)": (AS_IT_COMES, CORES),
    "1000 spins": (1000, CORES),
    "one thread": (SPINS, 1),
}
OTHERS = 3  # cells beside a cell
WARM_STEPS = 3
MOST_SECONDS = 300  # that a whole cell may take


class Steps:
    """A process that trains on digits, and says when it is asked how long its steps take."""

    def __init__(self, way: str) -> None:
        spins, threads = WAYS[way]
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--train"],
            env=environment(spins, threads), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def answer(self) -> str:
        """Return what it says next; the first time it says that it is warm."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"a process that trains ended with status {self._process.wait()}")
        return line

    def ask(self, seconds: float) -> None:
        """Let it count its steps for so long."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()

    def __enter__(self) -> "Steps":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


class Stopwatch:
    """Stands in for the checkpoint of a fit, which is asked once a step, and answers the process that measures."""

    def __init__(self) -> None:
        self._steps, self._until = -WARM_STEPS, 0.0
        self._started = time.perf_counter()

    def load(self) -> None:
        """There is nothing to resume."""

    def due(self) -> bool:
        """Count a step; where the seconds are over, say how long one took and wait to be asked again."""
        self._steps += 1
        now = time.perf_counter()
        if self._steps >= 0 and now >= self._until:
            print("warm" if self._until == 0 else (now - self._started) / max(self._steps, 1), flush=True)
            asked = sys.stdin.readline()
            if not asked:
                raise SystemExit
            self._steps, self._started = 0, time.perf_counter()
            self._until = self._started + float(asked)
        return False


def train() -> None:
    """Train without end; see `Steps`."""
    import torch

    from bench.cells.generator_settings import DDPMSettings
    from bench.cells.task import load_task
    from bench.data.real import load_real_data
    from bench.generators.build import build_generator
    from bench.generators.engine import Engine
    from bench.process.progress import Progress

    task = load_task("digits")
    settings = task.tiers["smoke"].generator_settings("ddpm").model_dump() | {"images": 10**9}
    generator = build_generator(
        DDPMSettings.model_validate(settings), task.tier_data("smoke").shape, Engine.on(torch.device("cpu"))
    )
    generator.fit(
        load_real_data(task, None).training,
        seed=0, from_scratch=True, checkpoint=Stopwatch(), progress=Progress(visible=False),
    )  # fmt: skip


def environment(spins: int, threads: int) -> dict[str, str]:
    """Return the environment of a process whose threads wait in this way."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return kept | {"GOMP_SPINCOUNT": str(spins), "OMP_NUM_THREADS": str(threads)}


@contextmanager
def busy() -> Iterator[None]:
    """Keep every core busy with a process of its own."""
    forever = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(forever) for _ in range(CORES)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def asked(processes: Sequence[Steps], seconds: float) -> float:
    """Return the mean seconds of a step of processes that all train at the same time."""
    for process in processes:
        process.ask(seconds)
    return statistics.mean(float(process.answer()) for process in processes)


def measure_steps(ways: Sequence[str], rounds: int, seconds: float) -> Iterator[tuple[str, str, list[float]]]:
    """Yield what is beside it, how its threads wait, and the seconds of a step in each round."""
    with ExitStack() as stack:
        trained = {}
        for way in ways:  # one after the other: then each is warm as soon as it can be
            trained[way] = stack.enter_context(Steps(way))
            trained[way].answer()
        for beside in ("alone", "busy processes"):
            found: dict[str, list[float]] = {way: [] for way in ways}
            with busy() if beside != "alone" else ExitStack():
                for _ in range(rounds):
                    for way, process in trained.items():
                        found[way].append(asked([process], seconds))
            for way, values in found.items():
                yield beside, way, values
        for way, process in trained.items():
            with ExitStack() as others:
                beside_it = [others.enter_context(Steps(way)) for _ in range(OTHERS)]
                for each in beside_it:
                    each.answer()
                yield "three others", way, [asked([process, *beside_it], 2 * seconds)]


def measure_cells(generations: int) -> Iterator[tuple[str, str, list[float]]]:
    """Yield what is beside it, and the seconds of a whole cell."""
    for beside in ("alone", "busy processes", "three others"):
        with busy() if beside == "busy processes" else ExitStack():
            yield beside, "a whole cell", [whole_cells(OTHERS + 1 if beside == "three others" else 1, generations)]


def whole_cells(n: int, generations: int) -> float:
    """Return the mean seconds of cells that are started together, each with caches of its own."""
    options = ["--task", "digits", "--loop", "fully_synthetic", "--generations", str(generations)]
    with tempfile.TemporaryDirectory() as name:
        started, ended, cells = time.perf_counter(), {}, []
        for i in range(n):
            folder = Path(name) / str(i)
            command = [sys.executable, "-m", "bench.cli.main", "run", *options, "--runs", str(folder / "runs")]
            own = environment(SPINS, CORES) | {"AUTOPHAGY_CACHE": str(folder / "cache")}
            cells.append(subprocess.Popen(command, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        try:
            while len(ended) < n:
                passed = time.perf_counter() - started
                ended |= {i: passed for i, each in enumerate(cells) if i not in ended and each.poll() is not None}
                if passed > MOST_SECONDS:
                    sys.exit(f"a cell took more than {MOST_SECONDS} s")
                time.sleep(0.02)
        finally:
            for cell in cells:
                cell.kill()
                cell.wait()
    if any(cell.returncode for cell in cells):
        sys.exit("a cell failed")
    return statistics.mean(ended.values())


def main() -> None:
    """Measure, print a table, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, help="of steps [2]")
    parser.add_argument("--seconds", type=float, default=5, help="of each count of steps [5]")
    parser.add_argument("--generations", type=int, default=1, help="of a whole cell, 0 for no cells [1]")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--train", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        train()
        return
    begun, load = time.perf_counter(), os.getloadavg()[0]
    print(f"{CORES} cores, load {load:.1f} before; seconds of a step and of a whole cell", flush=True)
    rows: list[dict] = []
    usual: dict[bool, float] = {}
    parts = [measure_steps(list(WAYS), arguments.rounds, arguments.seconds)]
    parts += [measure_cells(arguments.generations)] * (arguments.generations > 0)
    for of_cells, part in enumerate(parts):
        for beside, way, values in part:
            median = statistics.median(values)
            once = usual.setdefault(bool(of_cells), median)  # the command's own, alone, comes first
            print(f"{way:30}{beside:18}{median:10.3f}{median / once:8.2f}", flush=True)
            rows.append({"way": way, "beside": beside, "seconds": values})
            if arguments.json:
                arguments.json.write_text(json.dumps({"cores": CORES, "load": load, "rows": rows}, indent=2) + "\n")
    print(f"{time.perf_counter() - begun:.0f} s in all")


if __name__ == "__main__":
    main()
