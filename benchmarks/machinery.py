"""What it costs that nothing is lost: the share of a digits cell's time that goes into keeping it.

    python benchmarks/machinery.py [--generations 5] [--runs DIR]

One cell is run (the time of loading data and features is not counted), and everything that would be left out if a run
could not be resumed is timed: claims, hashes, atomic writes and their way to the disk, reading back and checking,
unfinished fits, the collapse strip, logs and the record. What is timed inside of something else counts once.
"""

import argparse
import functools
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench.cells.choices import Choices
from bench.cells.record import Record
from bench.executors.cell_runner import CellRunner
from bench.executors.grid import plan_cells
from bench.files.claim import Claim
from bench.generators.engine import Engine
from bench.process.progress import Progress
from bench.runs import fit_checkpoint
from bench.runs.first_generation import FirstGenerationCache
from bench.runs.fit_checkpoint import FitCheckpoint
from bench.runs.run_folder import RunFolder

KEEPING: dict[str, tuple[tuple[type, tuple[str, ...]], ...]] = {
    "claims": ((Claim, ("take", "wait", "check", "release")),),
    "generations": ((RunFolder, ("finish_generation", "finished", "result", "tensors")),),
    "unfinished fits": ((FitCheckpoint, ("load", "save", "remove")),),
    "generation 1": ((FirstGenerationCache, ("load", "save")),),
    "strip": ((RunFolder, ("draw_strip", "mend_strip")),),
    "record": ((RunFolder, ("finish", "record", "forget_failure")), (Record, ("to_json",))),
    "log": ((Progress, ("note",)),),
}


class Stopwatch:
    """Adds up the seconds of calls by what they are for; calls inside of timed calls are not counted again."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._inside = False

    def wrap(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function with its calls timed."""

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            if self._inside:
                return function(*arguments, **named)
            self._inside, started = True, time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self._inside = False
                self.seconds[what] += time.perf_counter() - started
                self.calls[what] += 1

        return timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--generations", type=int, default=5)
    parser.add_argument("--checkpoint-seconds", type=float, default=fit_checkpoint.CHECKPOINT_SECONDS)
    parser.add_argument("--runs", type=Path, help="folder for the run, on the disk that is meant [a temporary one]")
    arguments = parser.parse_args()
    fit_checkpoint.CHECKPOINT_SECONDS = arguments.checkpoint_seconds

    stopwatch = Stopwatch()
    for what, places in KEEPING.items():
        for kind, names in places:
            for name in names:
                setattr(kind, name, stopwatch.wrap(what, getattr(kind, name)))

    with tempfile.TemporaryDirectory(dir=arguments.runs) as folder:
        [planned] = plan_cells(
            Choices(
                tasks=["digits"], generators=["ddpm"], loops=["fully_synthetic"], methods=["none"],
                sampling_biases=[1.0], seeds=[0], tier="smoke", pool="previous", protocol="scratch",
                generations=arguments.generations,
            )
        )  # fmt: skip
        progress = Progress()
        runner = CellRunner(Path(folder), None, Engine(torch.device("cpu")), progress)
        runner.check([planned])
        stopwatch.seconds.clear()
        stopwatch.calls.clear()
        started = time.perf_counter()
        outcome = runner.attempt(planned, progress)
        seconds = time.perf_counter() - started
        written = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    assert outcome is not None
    assert outcome.record is not None

    print(f"{'':18} calls  seconds  share")
    for what in KEEPING:
        spent = stopwatch.seconds[what]
        print(f"{what:18} {stopwatch.calls[what]:5}  {spent:7.3f}  {spent / seconds:.3%}")
    kept = stopwatch.seconds.total()
    print(f"{'all of it':18} {stopwatch.calls.total():5}  {kept:7.3f}  {kept / seconds:.2%}")
    print(
        f"a cell of {arguments.generations} generations: {seconds:.1f} s with {torch.get_num_threads()} threads, "
        f"{written / 2**20:.1f} MiB kept"
    )


if __name__ == "__main__":
    main()
