"""Score the same features with this package, torch-fidelity and prdc, alternating, each in a process of its own.

    python benchmarks/scorer.py --n 10000 --dim 2048 --rounds 3 --json scorer.json

The work is what a further generation costs in a loop: FID, precision, recall, density and coverage of n generated
features against a reference that was prepared before (this package: moments and radii; torch-fidelity: moments; prdc
offers no way to prepare). Times are medians over the rounds. Memory is the growth of the process's peak above what it
had with the features loaded.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

THREADS = 2
K = 5
Scores = dict[str, float]


def ours(real, fake) -> Callable[[], Scores]:
    from bench.metrics.frechet import GaussianMoments, frechet_distance
    from bench.metrics.manifold import Manifold, manifold_scores

    manifold, moments = Manifold.of(real, K), GaussianMoments.of(real)
    frechet_distance(moments, moments)  # prepares the factor of the reference

    def score() -> Scores:
        fid = frechet_distance(moments, GaussianMoments.of(fake))
        return {"fid": fid} | vars(manifold_scores(manifold, Manifold.of(fake, K)))

    return score


def peers(real, fake) -> Callable[[], Scores]:
    from prdc import compute_prdc
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    statistics_of_real = fid_features_to_statistics(real)

    def score() -> Scores:
        fid = fid_statistics_to_metric(statistics_of_real, fid_features_to_statistics(fake), verbose=False)
        found = compute_prdc(real.numpy(), fake.numpy(), K)
        return {"fid": fid["frechet_inception_distance"]} | {name: float(value) for name, value in found.items()}

    return score


CANDIDATES = {"autophagy-bench": ours, "torch-fidelity FID + prdc": peers}


def measure(candidate: str, n: int, dim: int, result: Connection) -> None:
    """Send the seconds, the memory in MiB and the scores of one candidate."""
    import torch

    torch.set_num_threads(THREADS)
    random = torch.Generator().manual_seed(0)
    real = torch.randn(n, dim, generator=random).relu()
    fake = (torch.randn(n, dim, generator=random) + 0.02).relu()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    score = CANDIDATES[candidate](real, fake)
    started = time.perf_counter()
    scores = score()
    seconds = time.perf_counter() - started
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    result.send((seconds, memory, scores))


def main() -> None:
    """Measure, print a table, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(THREADS)

    context = multiprocessing.get_context("spawn")
    rounds: dict[str, list[tuple[float, float, Scores]]] = {name: [] for name in CANDIDATES}
    for _ in range(arguments.rounds):
        for name, found in rounds.items():
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=measure, args=(name, arguments.n, arguments.dim, sender))
            process.start()
            found.append(receiver.recv())
            process.join()

    table = {
        name: {
            "seconds": statistics.median(seconds for seconds, _, _ in found),
            "memory_mib": statistics.median(memory for _, memory, _ in found),
            "scores": found[0][2],
        }
        for name, found in rounds.items()
    }
    print(f"n = {arguments.n}, d = {arguments.dim}, {THREADS} threads, median of {arguments.rounds} rounds")
    slowest = max(row["seconds"] for row in table.values())
    for name, row in table.items():
        scores = "  ".join(f"{key} {row['scores'][key]:.6f}" for key in ("fid", "precision", "recall", "density"))
        share = row["seconds"] / slowest
        print(f"{name:26} {row['seconds']:6.1f} s ({share:4.0%})  +{row['memory_mib']:5.0f} MiB  {scores}")
    if arguments.json:
        arguments.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
