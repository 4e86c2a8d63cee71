"""What the methods do to the loops: the last generation of each, paired with the plain loop of the same seed.

    python benchmarks/field.py [DIR]          a folder of result files [leaderboard/results]

Prints one table for each task and loop. A difference is the mean over seeds of the method's score minus the plain
loop's, with its 95% interval (Student's t over seeds); methods of a seed share generation 1 and the real draws.
"""

import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.board.seed_statistics import paired_difference
from bench.cells.record import Record, Scores, read_record
from bench.cells.task import load_task
from bench.paths import LEADERBOARD

PLAIN = "none"
Loop = tuple[str, ...]  # task, tier, generator, loop and what sets it apart
Seeds = dict[int, Record]
Score = Callable[[Scores], float]


def read_field(folder: Path) -> dict[Loop, dict[str, Seeds]]:
    """Return the records of a folder by loop, method as on the command line (with its pool policy), and seed."""
    field: dict[Loop, dict[str, Seeds]] = defaultdict(lambda: defaultdict(dict))
    for path in sorted(folder.glob("*.json")):
        record = read_record(path)
        cell = record.cell
        usual = load_task(cell.task).tiers[cell.tier].loops[cell.loop.kind]
        words = [cell.task, cell.tier, cell.generator.name, cell.loop.kind]
        if cell.loop.contamination is not None:
            words.append(f"contamination {cell.loop.contamination:g}")
        elif cell.loop.n_real != usual.n_real or cell.loop.n_synthetic != usual.n_synthetic:
            words.append(f"n_real {cell.loop.n_real}, n_synthetic {cell.loop.n_synthetic}")
        if cell.loop.sampling_bias != 1:
            words.append(f"sampling bias {cell.loop.sampling_bias:g}")
        loop = tuple(words)
        name = cell.method.option + ("" if cell.loop.pool == "previous" else f", pool {cell.loop.pool}")
        field[loop][name][cell.seed] = record
    return field


def last(score: Score) -> Callable[[Record], float]:
    """Return what gives a record's score in its last generation."""
    return lambda record: score(record.generations[-1].scores)


def mean(seeds: Seeds, value: Callable[[Record], float]) -> float:
    """Return the mean over seeds."""
    return float(np.mean([value(record) for record in seeds.values()]))


def fid(scores: Scores) -> float:
    return scores.fid


def precision(scores: Scores) -> float:
    return scores.precision


def recall(scores: Scores) -> float:
    return scores.recall


def images_trained(record: Record) -> float:
    return sum(generation.cost.images_trained for generation in record.generations)


def network_evaluations(record: Record) -> float:
    return sum(generation.cost.network_evaluations for generation in record.generations)


def main() -> None:
    field = read_field(Path(sys.argv[1]) if len(sys.argv) > 1 else LEADERBOARD / "results")
    for loop, methods in sorted(field.items()):
        if PLAIN not in methods:
            continue  # nothing to compare with
        plain = methods[PLAIN]
        first = {seed: record.generations[0].scores for seed, record in plain.items()}
        print(f"\n### {', '.join(loop)}")
        print(f"\nGeneration 1: FID {np.mean([s.fid for s in first.values()]):.2f}, precision ", end="")
        print(f"{np.mean([s.precision for s in first.values()]):.2f}, recall ", end="")
        print(f"{np.mean([s.recall for s in first.values()]):.2f}; {len(first)} seeds.\n")
        print("| method | FID | precision | recall | FID, difference from `none` | recall, difference | cost |")
        print("|---|---|---|---|---|---|---|")
        for name, seeds in sorted(methods.items(), key=lambda item: mean(item[1], last(fid))):
            differences = ["", ""]
            if name != PLAIN:
                differences = [str(paired_difference(seeds, plain, last(score))) for score in (fid, recall)]
            cost = [
                f"{mean(seeds, value) / mean(plain, value):.3g}x" if mean(plain, value) else "0"
                for value in (images_trained, network_evaluations)
            ]
            scores = [f"{mean(seeds, last(score)):.2f}" for score in (fid, precision, recall)]
            control = " (control)" if next(iter(seeds.values())).cell.method.control else ""
            print(f"| `{name}`{control} | {' | '.join(scores)} | {' | '.join(differences)} | {', '.join(cost)} |")
    print("\nCost: images trained and network evaluations, against the plain loop's.")


if __name__ == "__main__":
    main()
