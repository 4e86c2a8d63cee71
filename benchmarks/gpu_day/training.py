"""Stage b: training of the standard networks: images/s, share of the chip, memory, compile time, and what limits it.

A part is b.NETWORK.HOW: `cold` compiles into an empty cache, beside other jobs; `compiled` finds that code and is
timed as a cell runs it; `eager` is not compiled; `fp32` is eager without bfloat16. `profile` says how much of a step
the device works; where it does not, `graphs` (CUDA graphs) and `larger` (four times the batch) could fill it. `tuned`
lets cuDNN try its kernels for each shape, which a cell does not do.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.cells.generator_settings import NetworkSettings, StyleGANSettings
from bench.generators.build import build_generator
from bench.generators.engine import Engine
from bench.generators.network import NetworkGenerator
from bench.runs.environment import peak_memory_bytes
from gpu_day.networks import POOL, StandardNetwork
from gpu_day.product import chip
from gpu_day.stopwatch import Enough, NoCheckpoint, StepTimes, summary
from gpu_day.worker import Bench

ENDLESS = 10**10  # images of a fit that the stopwatch ends
BUSY = 0.7  # share of a step under which it is launches that take the time
LARGER = 4
COUNTED_IMAGES = 8  # of a batch whose operations are counted
TOP_KERNELS = 8


def measure(bench: Bench, part: str) -> Iterator[dict[str, Any]]:
    """Measure a part; see above."""
    _, name, how = part.split(".")
    network = StandardNetwork.of(name, bench.tiny)
    match how:
        case "cold":
            yield cold(bench, network)
        case "compiled":
            yield from trained(bench, network, bench.engine(compiled=True))
        case "eager":
            yield from trained(bench, network, bench.engine(compiled=False))
        case "fp32":
            yield from trained(bench, network, bench.engine(compiled=False, bfloat16=False))
        case "tuned":
            before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
            try:
                yield from trained(bench, network, bench.engine(compiled=True))
            finally:
                torch.backends.cudnn.benchmark = before
        case "profile":
            yield profiled(bench, network)
        case "graphs" | "larger":
            yield from filled(bench, network, how)


def trained(bench: Bench, network: StandardNetwork, engine: Engine) -> Iterator[dict[str, Any]]:
    """Yield the speed of training, first what the chip can do."""
    found: dict[str, Any] = {"chip": chip(bench), "batch": network.settings.batch_size}
    yield found
    found |= timed_fit(bench, network, engine)
    yield found
    flop = flop_per_image(network.settings, network, bench)
    achieved = flop * found["images_per_second"]
    found |= {
        "flop_per_image": flop,
        "flops": achieved,
        "share_of_product": achieved / found["chip"]["bfloat16_flops" if engine.bfloat16 else "float32_flops"],
    }
    yield found


def timed_fit(bench: Bench, network: StandardNetwork, engine: Engine) -> dict[str, Any]:
    """Return images/s, seconds of the first step, and peak memory of a fit that is ended when it has been timed."""
    settings = endless(network.settings)
    generator = _built(settings, network, engine)
    if bench.on_gpu:
        torch.cuda.reset_peak_memory_stats(bench.device)
    period = getattr(settings, "r1_interval", 1)
    times = StepTimes(
        bench.device,
        warmup=bench.pick(2 * period + 8, period),
        window=bench.pick(max(period, 8), period),
        windows=bench.pick(5, 2),
        seconds=bench.pick(3.0, 0.0),
    )
    _fit(bench, generator, network, times)
    step, spread = summary(times.step_seconds())
    return {
        "images_per_second": settings.batch_size / step,
        "step_seconds": step,
        "spread": spread,
        "first_step_seconds": times.first,
        "peak_memory_bytes": peak_memory_bytes(bench.device),
        "parameters": sum(weight.numel() for weight in generator.state_dict().values()),
    }


def cold(bench: Bench, network: StandardNetwork) -> dict[str, Any]:
    """Return the seconds of the first step and of the first batch of samples where nothing is compiled yet."""
    generator = _built(endless(network.settings), network, bench.engine(compiled=True))
    times = StepTimes(bench.device, warmup=1, window=1, windows=1, seconds=0)
    _fit(bench, generator, network, times)
    found = {"first_step_seconds": times.first}
    labels = network.pool(network.settings.sampling_batch).labels
    began = time.perf_counter()
    generator.sample(labels, list(range(network.settings.sampling_batch)), 1.0, bench.quiet)
    return found | {"first_samples_seconds": time.perf_counter() - began}


def profiled(bench: Bench, network: StandardNetwork) -> dict[str, Any]:
    """Return the kernels that take longest in a compiled step, how many there are, and how long the device works.

    The profiler slows the host down, so that how long a step takes is the figure of the part `compiled`.
    """
    from torch.profiler import ProfilerActivity, profile

    steps = getattr(network.settings, "r1_interval", 8)
    activities = [ProfilerActivity.CUDA] if bench.on_gpu else [ProfilerActivity.CPU]
    generator = _built(endless(network.settings), network, bench.engine(compiled=True))
    profiler = profile(activities=activities)

    class Profiling(NoCheckpoint):
        done = 0

        def due(self) -> bool:
            self.done += 1
            if self.done == steps:  # warm
                bench.wait()
                profiler.start()
            if self.done == 2 * steps:
                bench.wait()
                profiler.stop()
                raise Enough
            return False

    _fit(bench, generator, network, Profiling())
    events = profiler.key_averages()
    seconds = {event.key: _device_seconds(event, bench.on_gpu) / steps for event in events}
    longest = sorted(seconds, key=lambda key: -seconds[key])[:TOP_KERNELS]
    working = sum(seconds.values())
    found: dict[str, Any] = {
        "working_seconds": working,
        "launches": sum(event.count for event in events if seconds[event.key] > 0) / steps,
        "kernels": {key[:100]: seconds[key] for key in longest},
    }
    step = bench.earlier(f"b.{network.name}.compiled").get("step_seconds")
    return found | ({} if step is None else {"step_seconds": step, "busy": min(1.0, working / step)})


def filled(bench: Bench, network: StandardNetwork, how: str) -> Iterator[dict[str, Any]]:
    """Yield the speed with CUDA graphs or a larger batch, where a profile shows launches and not arithmetic."""
    busy = bench.earlier(f"b.{network.name}.profile").get("busy")
    if busy is not None and busy >= BUSY and not bench.tiny:
        yield {"not_here": f"not needed: the device works in {busy:.0%} of a step"}
        return
    if how == "larger":
        larger = network.settings.model_copy(update={"batch_size": LARGER * network.settings.batch_size})
        yield from trained(bench, replace(network, settings=larger), bench.engine(compiled=True))
        return
    options: dict[str, Any] = {} if bench.tiny else {"mode": "reduce-overhead"}
    with mock.patch.object(torch, "compile", partial(torch.compile, **options)):
        yield from trained(bench, network, bench.engine(compiled=True))


def endless(settings: NetworkSettings) -> NetworkSettings:
    """Return settings of a fit that only a stopwatch ends."""
    return settings.model_copy(update={"images": ENDLESS})


def flop_per_image(settings: NetworkSettings, network: StandardNetwork, bench: Bench) -> float:
    """Count the products and sums of training on one image, forward and backward, as torch counts them.

    Of a GAN it is the mean over the steps from one gradient penalty to the next. The fit is stopped before it prepares
    for sampling, which does not belong to a step.
    """
    n_steps = settings.r1_interval if isinstance(settings, StyleGANSettings) else 1
    batch = max(COUNTED_IMAGES, getattr(settings, "stddev_group", 1))
    small = settings.model_copy(update={"images": ENDLESS, "batch_size": batch})
    generator = _built(small, network, bench.plain)

    class Counting(NoCheckpoint):
        steps = 0

        def due(self) -> bool:
            self.steps += 1
            if self.steps == n_steps:
                raise Enough
            return False

    with FlopCounterMode(display=False) as counter:
        _fit(bench, generator, network, Counting())
    return counter.get_total_flops() / (n_steps * batch)


def _built(settings: NetworkSettings, network: StandardNetwork, engine: Engine) -> NetworkGenerator:
    generator = build_generator(settings, network.data, engine)
    assert isinstance(generator, NetworkGenerator)
    return generator


def _fit(bench: Bench, generator: NetworkGenerator, network: StandardNetwork, checkpoint: NoCheckpoint) -> None:
    """Fit until the checkpoint says that it is enough."""
    pool = network.pool(bench.pick(POOL, 64))
    try:
        generator.fit(pool, seed=0, from_scratch=True, checkpoint=checkpoint, progress=bench.quiet)
    except Enough:
        return
    raise AssertionError("the fit came to its end before it was timed")


def _device_seconds(event: Any, on_gpu: bool) -> float:
    """Return the seconds of an event of the profiler by itself; the attribute's name depends on torch's version."""
    if not on_gpu:
        return event.self_cpu_time_total / 1e6
    microseconds = getattr(event, "self_device_time_total", None)
    return (event.self_cuda_time_total if microseconds is None else microseconds) / 1e6
