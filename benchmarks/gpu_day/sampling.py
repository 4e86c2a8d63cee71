"""Stage c: sampling of the standard networks at the tier's steps, without and with guidance (or truncation).

Compiled, whole batches of `sampling_batch`, as a cell draws them: seeds to normal numbers on the CPU, network, uint8
images back on the CPU.
"""

import time
from collections.abc import Iterator
from typing import Any

from bench.generators.build import build_generator
from bench.generators.network import NetworkGenerator
from bench.generators.training import normals
from gpu_day.networks import StandardNetwork
from gpu_day.worker import Bench

BATCHES = 4
GUIDED = 0.5  # the sampling bias: guidance of weight 1, or truncation


def measure(bench: Bench, part: str) -> Iterator[dict[str, Any]]:
    """Yield images/s of c.NETWORK, and how long the normal numbers of a batch take, which are drawn on the CPU."""
    network = StandardNetwork.of(part.partition(".")[2], bench.tiny)
    generator = build_generator(network.settings, network.data, bench.engine(compiled=True))
    assert isinstance(generator, NetworkGenerator)
    size = network.settings.sampling_batch
    found: dict[str, Any] = {"batch": size, "evaluations": generator.evaluations_per_image(1.0)}
    began = time.perf_counter()
    normals(list(range(size)), generator.numbers_per_image)
    found["normals_seconds"] = time.perf_counter() - began
    labels = network.pool(BATCHES * size).labels
    for name, bias in (("plain", 1.0), ("guided", GUIDED)):
        if bias != 1 and labels is None and part.endswith("ddpm"):
            continue  # guidance is by labels
        generator.sample(None if labels is None else labels[:size], list(range(size)), bias, bench.quiet)
        began = time.perf_counter()
        generator.sample(labels, list(range(BATCHES * size)), bias, bench.quiet)
        found[f"{name}_images_per_second"] = BATCHES * size / (time.perf_counter() - began)
        yield found
