"""The long fuzzer: `python tests/fuzz --minutes 30`, from the root of the repository.

It goes round the kinds of input, a batch of new ones each time, and prints how many were tried, done, refused and
failed. A failure is shrunk to the smallest input that shows it, printed, and appended to the file --failures; the
fuzzer then goes on with the other kinds. Exit status 1 where there was one.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers are found as pytest finds them

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings

from fuzz.sandbox import Hung, Sandbox
from fuzz.targets import TARGETS, Target

BATCH = 50


def main() -> int:
    """Fuzz, and print what became of it."""
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="how long [30]")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the first batch [0]")
    names = [target.name for target in TARGETS]
    parser.add_argument("--only", choices=names, metavar="NAME", help=f"one of: {', '.join(names)}")
    parser.add_argument("--failures", type=Path, default=Path("fuzz_failures.txt"), metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    counts = {target.name: Counter[str]() for target in TARGETS if options.only in (None, target.name)}
    open_targets = [target for target in TARGETS if target.name in counts]
    end = time.monotonic() + 60 * options.minutes
    batch = options.seed
    with tempfile.TemporaryDirectory() as folder:
        while open_targets and time.monotonic() < end:
            for target in list(open_targets):
                sandbox = Sandbox(Path(tempfile.mkdtemp(dir=folder)))
                problem = _batch(target, sandbox, counts[target.name], batch, end)
                if problem is not None:
                    counts[target.name]["failed"] += 1
                    print(problem)
                    with options.failures.open("a") as file:
                        file.write(f"{target.name}, seed {batch}\n{problem}\n\n")
                    open_targets.remove(target)  # it would find the same again
            batch += 1
    print(f"{'kind':14} {'inputs':>8} {'done':>8} {'ran, said no':>12} {'refused':>8} {'failed':>8}")
    for name, count in counts.items():
        numbers = [count["inputs"], count["0"], count["1"], count["2"], count["failed"]]
        print(f"{name:14} {numbers[0]:8} {numbers[1]:8} {numbers[2]:12} {numbers[3]:8} {numbers[4]:8}")
    return 1 if any(count["failed"] for count in counts.values()) else 0


def _batch(target: Target, sandbox: Sandbox, counts: Counter[str], number: int, end: float) -> str | None:
    """Try a batch of inputs, and return the traceback of the first that fails, made as small as it gets."""

    @seed(number)
    @settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(target.inputs)
    def give(example: object) -> None:
        if time.monotonic() > end:
            return
        counts["inputs"] += 1
        counts[str(target.give(sandbox, example).status)] += 1

    try:
        give()
    except (Exception, Hung, SystemExit):
        return traceback.format_exc()
    return None


if __name__ == "__main__":
    sys.exit(main())
