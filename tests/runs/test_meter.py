"""What a generation costs: work by the generator's counters, time by the clock."""

import pytest
from builders import CPU

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import GaussianSettings
from bench.generators.gaussian import Gaussian
from bench.runs.meter import Costs
from bench.runs.stored import TrainingCost


class Clock:
    """A clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("bench.runs.meter.time.perf_counter", clock)
    return clock


def test_what_is_done_is_added_up_by_stage_and_what_lies_between_is_not(clock: Clock):
    generator = Gaussian(GaussianSettings(), DataShape((2,)), CPU)
    costs = Costs(generator)
    for stage, seconds, images, evaluations in (("fit", 3, 50, 0), ("sample", 2, 4, 20), ("sample", 1, 0, 7)):
        with costs.during(stage):
            clock.now += seconds
            generator.work.images_trained += images
            generator.work.network_evaluations += evaluations
        clock.now += 1000
        generator.work.network_evaluations += 1000
    costs.add_fit(TrainingCost(images=640, seconds=1.5))
    total = costs.total(real_images=7, method_state_bytes=8)
    assert (total.images_trained, total.network_evaluations) == (694, 27)
    assert (total.seconds.fit, total.seconds.sample, total.seconds.score) == (4.5, 3, 0)
    assert (total.real_images, total.method_state_bytes) == (7, 8)
    assert total.peak_memory_bytes > 1 << 20


def test_every_generation_begins_at_nothing():
    generator = Gaussian(GaussianSettings(), DataShape((2,)), CPU)
    costs = Costs(generator)
    costs.add_fit(TrainingCost(images=640, seconds=1.5))
    costs.begin()
    total = costs.total(real_images=0, method_state_bytes=0)
    assert (total.images_trained, total.network_evaluations, total.seconds.fit) == (0, 0, 0)
