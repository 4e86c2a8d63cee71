"""What the chip can do: a product of large matrices and a large copy, in the same run as what is held against it."""

import time
from itertools import pairwise
from typing import Any

import torch

from gpu_day.stopwatch import summary
from gpu_day.worker import Bench

MATRIX = 8192
COPIED_BYTES = 2**31
WARMUPS, REPEATS = 5, 10


def chip(bench: Bench) -> dict[str, Any]:
    """Return the FLOP/s of products in bfloat16 and in plain float32, and the bytes/s of a copy, read and written."""
    size = bench.pick(MATRIX, 128)
    found: dict[str, Any] = {"matrix": size}
    for name, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        # Random: a product of zeros runs faster than any that is real.
        a, b = (torch.randn(size, size, device=bench.device, dtype=dtype) for _ in range(2))
        out = torch.empty_like(a)
        seconds, spread = _timed(bench, lambda a=a, b=b, out=out: torch.matmul(a, b, out=out))
        found |= {f"{name}_flops": 2 * size**3 / seconds, f"{name}_spread": spread}
    n = bench.pick(COPIED_BYTES, 2**20)
    source = torch.randint(0, 256, (n,), dtype=torch.uint8, device=bench.device)
    target = torch.empty_like(source)
    seconds, _ = _timed(bench, lambda: target.copy_(source))
    return found | {"copy_bytes_per_second": 2 * n / seconds}


def _timed(bench: Bench, work: Any) -> tuple[float, float]:
    """Return the median of the seconds of some work, and their spread; on a GPU by its own events."""
    for _ in range(WARMUPS):
        work()
    bench.wait()
    if not bench.on_gpu:
        seconds = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - began)
        return summary(seconds)
    events = [torch.cuda.Event(enable_timing=True) for _ in range(REPEATS + 1)]
    events[0].record()
    for event in events[1:]:
        work()
        event.record()
    bench.wait()
    return summary([a.elapsed_time(b) / 1000 for a, b in pairwise(events)])
