"""Clocks of training steps, with a clock that is made up."""

import pytest
import torch
from gpu_day.stopwatch import Enough, StepTimes, summary

CPU = torch.device("cpu")


def timed(durations: list[float], **options: float) -> tuple[StepTimes, int]:
    """Let steps take these seconds, and return the clock and how many steps there were."""
    now = [0.0]
    times = StepTimes(CPU, clock=lambda: now[0], **({"warmup": 1, "window": 2, "windows": 2, "seconds": 0} | options))
    for i, duration in enumerate(durations, start=1):
        now[0] += duration
        try:
            assert not times.due()
        except Enough:
            return times, i
    raise AssertionError("it never had enough")


def test_the_first_step_with_its_compilation_is_no_part_of_the_speed():
    times, steps = timed([60.0, 1, 3, 2, 4])
    assert times.first == 60
    assert times.step_seconds() == [2, 3]
    assert steps == 5


def test_steps_of_the_warm_up_are_left_out():
    times, _ = timed([60.0, 9, 9, 1, 1, 1, 1], warmup=3)
    assert times.step_seconds() == [1, 1]


def test_it_goes_on_until_the_windows_have_taken_long_enough():
    times, steps = timed([1.0] * 100, seconds=20)
    assert steps == 21
    assert times.step_seconds() == [1.0] * 10


def test_the_summary_is_the_median_and_the_spread_as_a_share_of_it():
    assert summary([2.0, 1.0, 4.0]) == (2.0, 1.5)


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a GPU: its windows lie between the device's own events"
)
def test_on_a_gpu_the_device_itself_is_timed():
    device = torch.device("cuda:0")
    times = StepTimes(device, warmup=1, window=1, windows=3, seconds=0)
    matrix = torch.randn(4096, 4096, device=device)

    def run() -> None:
        while True:
            matrix @ matrix
            times.due()

    with pytest.raises(Enough):
        run()
    # Two thousandths of a second are a hundred TFLOP/s: the host would have been far ahead of it.
    assert all(seconds > 2 * 4096**3 / 2e15 for seconds in times.step_seconds())
