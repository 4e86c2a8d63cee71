"""Measures what a generation costs, by the generator's own counters and the clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

import torch

from bench.cells.record import Cost, Seconds
from bench.generators.base import Generator, Work
from bench.runs.environment import peak_memory_bytes
from bench.runs.stored import TrainingCost

Stage = Literal["fit", "sample", "score"]


class Meter:
    """Measures what a generator does inside a `with` block.

    Attributes:
        images_trained: images that went through a training step.
        network_evaluations: forward passes of the network for one image, but for those of training.
        seconds: wall-clock time.
    """

    images_trained = 0
    network_evaluations = 0
    seconds = 0.0

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def __enter__(self) -> "Meter":
        self._before = replace(self._generator.work)
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        work = self._generator.work
        self.seconds = time.perf_counter() - self._started
        self.images_trained = work.images_trained - self._before.images_trained
        self.network_evaluations = work.network_evaluations - self._before.network_evaluations


class Costs:
    """Adds up what each generation of a cell costs, one after the other."""

    def __init__(self, generator: Generator) -> None:
        """Measure what is done with a generator."""
        self._generator = generator
        self.begin()

    def begin(self) -> None:
        """Begin a generation, which has cost nothing yet."""
        self._work = Work()
        self._seconds: dict[Stage, float] = {"fit": 0.0, "sample": 0.0, "score": 0.0}
        if self._generator.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._generator.device)

    @contextmanager
    def during(self, stage: Stage) -> Iterator[None]:
        """Add to the generation's costs what is done inside a `with` block."""
        with Meter(self._generator) as meter:
            yield
        self._work.network_evaluations += meter.network_evaluations
        self._seconds[stage] += meter.seconds
        self._work.images_trained += meter.images_trained

    def add_fit(self, training: TrainingCost) -> None:
        """Add training that was done by another cell, or before this process was started."""
        self._work.images_trained += training.images
        self._seconds["fit"] += training.seconds

    def total(self, *, real_images: int, method_state_bytes: int) -> Cost:
        """Return what the generation has cost, with what the loop knows of it; all processes call this."""
        engine = self._generator.engine
        peaks = engine.processes.everyones(peak_memory_bytes(engine.device))
        return Cost(
            images_trained=self._work.images_trained,
            network_evaluations=self._work.network_evaluations,
            real_images=real_images,
            method_state_bytes=method_state_bytes,
            seconds=Seconds(**self._seconds),
            peak_memory_bytes=max(peaks),
        )
