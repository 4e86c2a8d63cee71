"""Stage d, metrics: a further generation's scores of 50,000 features against 50,000, and peers at what they can do.

Features are made up, as in `scorer.py`, whose functions for the peers are used here. The reference is prepared once,
as in a loop. A peer is given more and more features, each time twice as many, until the next size would take too long
or more memory than there is.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from scorer import METRICS, K, our_authpct, our_kid
from torch import Tensor

from bench.metrics.frechet import GaussianMoments, frechet_distance
from bench.metrics.manifold import Manifold, manifold_scores
from bench.runs.environment import peak_memory_bytes
from gpu_day.worker import Bench, NotHere

N, DIM = 50_000, 2048
PEER_SIZES = (5_000, 10_000, 20_000, 50_000)
PEERS = {
    "prdc": "prdc precision, recall, density, coverage",
    "torch-fidelity": "torch-fidelity precision, recall",
    "torch-fidelity-fid": "torch-fidelity FID",
}
GROWTH = {"torch-fidelity-fid": 2.0}  # of the time, where the size doubles; the others look at all pairs
# Distances of all pairs of two sets, three times, in float64, and as much again for what is sorted.
PEER_BYTES_PER_PAIR = 8 * 6
SHARE_OF_MEMORY = 0.7  # that a peer may take: a machine without memory ends what it likes
SPARE_SECONDS = 5.0


def measure(bench: Bench, part: str) -> Iterator[dict[str, Any]]:
    """Measure d.metrics, or the peer d.metrics.NAME."""
    _, _, peer = part.removeprefix("d.").partition(".")
    yield from (of_peer(bench, peer) if peer else ours(bench))


def features(n: int, dim: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return features of real and of generated images, float32 (n, dim)."""
    random = torch.Generator(device).manual_seed(0)
    real = torch.randn(n, dim, generator=random, device=device).relu()
    fake = (torch.randn(n, dim, generator=random, device=device) + 0.02).relu()
    return real, fake


def ours(bench: Bench) -> Iterator[dict[str, Any]]:
    """Yield the seconds of each score of a further generation, and of the reference."""
    n, dim = bench.pick((N, DIM), (200, 16))
    warm = features(min(n, 2_000), dim, bench.device)
    score_all(*warm)
    real, fake = features(n, dim, bench.device)
    found: dict[str, Any] = {"n": n, "dim": dim}
    if bench.on_gpu:
        torch.cuda.reset_peak_memory_stats(bench.device)
    found["reference_seconds"], (moments, manifold) = timed(
        bench, lambda: (GaussianMoments.of(real), Manifold.of(real, K))
    )
    frechet_distance(moments, moments)  # prepares the factor of the reference
    found["fid_seconds"], fid = timed(bench, lambda: frechet_distance(moments, GaussianMoments.of(fake)))
    found["prdc_seconds"], scores = timed(bench, lambda: manifold_scores(manifold, Manifold.of(fake, K)))
    found |= {"scores": {"fid": fid} | vars(scores), "peak_memory_bytes": peak_memory_bytes(bench.device)}
    yield found
    for name, prepare in (("kid", our_kid), ("authpct", our_authpct)):
        found[f"{name}_seconds"], more = timed(bench, prepare(real, fake))
        found["scores"] |= more
        yield found


def score_all(real: Tensor, fake: Tensor) -> None:
    """Go through all metrics once, so that libraries are loaded."""
    for name, score in METRICS.items():
        if name.startswith("autophagy-bench"):
            score(real, fake)()


def timed(bench: Bench, work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of some work, the device's part included, and what it gave."""
    bench.wait()
    began = time.perf_counter()
    result = work()
    bench.wait()
    return time.perf_counter() - began, result


def of_peer(bench: Bench, name: str) -> Iterator[dict[str, Any]]:
    """Yield the seconds of a peer at growing sizes, beside ours at the same ones, and why it went no further."""
    score = METRICS[PEERS[name]]
    dim = bench.pick(DIM, 16)
    found: dict[str, Any] = {"sizes": []}
    for n in bench.pick(PEER_SIZES, (100, 200)):
        last = found["sizes"][-1] if found["sizes"] else None
        expected = 0.0 if last is None else last["seconds"] * (n / last["n"]) ** (GROWTH.get(name, 4.0) / 2)
        if expected > bench.seconds_left - SPARE_SECONDS:
            found["stopped"] = (
                f"{n:,} features would take about {expected:.0f} s, and {bench.seconds_left:.0f} are left"
            )
            break
        if name not in GROWTH and (needed := n * n * PEER_BYTES_PER_PAIR) > (free := SHARE_OF_MEMORY * free_memory()):
            found["stopped"] = f"{n:,} features may need {needed / 2**30:.0f} GiB, and it may take {free / 2**30:.0f}"
            break
        # Peers compute on the CPU, where their libraries have the features.
        real, fake = features(n, dim, torch.device("cpu"))
        try:
            seconds, scores = timed(bench, score(real, fake))
        except ImportError as error:
            raise NotHere(f"not installed: {error}") from error
        found["sizes"].append({"n": n, "seconds": seconds, "scores": scores, **ours_at(bench, real, fake)})
        yield found
    yield found


def ours_at(bench: Bench, real: Tensor, fake: Tensor) -> dict[str, Any]:
    """Return the seconds and scores of all our metrics of the same features, on the device."""
    prepared = METRICS["autophagy-bench FID, precision, recall, density, coverage"](
        real.to(bench.device), fake.to(bench.device)
    )
    seconds, scores = timed(bench, prepared)
    return {"our_seconds": seconds, "our_scores": scores}


def free_memory() -> int:
    """Return the bytes of memory that this machine has free."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
