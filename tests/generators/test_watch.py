"""Looking at a fit while it goes on: what is measured, when it ends, and what a resumed fit remembers."""

import math

import pytest
import torch
from builders import QUIET, Killed, KilledCheckpoint
from models import POOL, Build, ddpm, equal, fit, stylegan
from torch import Tensor

from bench.errors import RunFailed
from bench.generators.network import NetworkGenerator
from bench.generators.watch import Watch

HELD_OUT = POOL[:8]


def never(numbers: list[float]) -> bool:
    return False


@pytest.fixture(params=[ddpm, stylegan])
def build(request: pytest.FixtureRequest) -> Build:
    return request.param


@pytest.mark.parametrize(
    ("steps", "times", "expected"),
    [(4, 4, [1, 2, 3, 4]), (10, 2, [5, 10]), (10, 3, [4, 7, 10]), (3, 20, [1, 2, 3]), (200, 1, [200])],
)
def test_it_measures_in_even_distances_and_at_the_end(steps: int, times: int, expected: list[int]):
    watch = Watch(lambda: 0.0, never, times=times)
    assert [step for step in range(1, steps + 1) if watch.due(step, steps)] == expected


def test_looking_changes_nothing(build: Build):
    model = build()
    fit(model, watch=Watch(lambda: model.sample(POOL.labels, list(range(24)), 0.5, QUIET).images.sum().item(), never))
    assert equal(model.state_dict(), fit(build()).state_dict())


def test_what_is_measured_is_the_model_as_it_would_be_if_the_fit_ended_now(build: Build):
    # The weights after two of four steps, of the same schedule: those of a fit that is stopped there.
    seen: list[dict[str, Tensor]] = []
    model = build()
    fit(model, watch=Watch(lambda: seen.append(model.state_dict()) or 0.0, never, times=2))
    stopped = fit(build(), watch=Watch(lambda: 0.0, lambda numbers: len(numbers) == 1, times=2))
    assert equal(seen[0], stopped.state_dict())
    assert equal(seen[1], model.state_dict())
    assert stopped.work.images_trained == 32


def test_a_fit_ends_when_it_is_told_to_by_all_numbers_so_far():
    given: list[list[float]] = []
    numbers = iter([3.0, 2.0, 2.5, 2.6, 9.0])

    def stop(measured: list[float]) -> bool:
        given.append(measured)
        return len(measured) > 2 and min(measured[-2:]) > min(measured)

    model = fit(ddpm(images=16 * 8), watch=Watch(lambda: next(numbers), stop, times=8))
    assert given == [[3.0], [3.0, 2.0], [3.0, 2.0, 2.5], [3.0, 2.0, 2.5, 2.6]]
    assert model.work.images_trained == 4 * 16


def test_the_best_weights_are_kept_where_that_is_asked_for():
    states: list[dict[str, Tensor]] = []
    model, numbers = ddpm(), iter([3.0, 1.0, 2.0, 1.0])
    watch = Watch(lambda: states.append(model.state_dict()) or next(numbers), never, times=4, keep_best=True)
    assert equal(fit(model, watch=watch).state_dict(), states[1])
    assert not equal(states[1], states[3])


@pytest.mark.parametrize("keep_best", [True, False])
@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_a_watched_fit_that_is_killed_and_resumed_ends_as_an_undisturbed_one(keep_best: bool, killed_after: int):
    # The best number is the second, and the fifth is never measured.
    def watched(model: NetworkGenerator) -> tuple[Watch, list[int]]:
        given: list[int] = []

        def stop(measured: list[float]) -> bool:
            given.append(len(measured))
            return len(measured) == 4

        values = {1: 1.0, 2: -1.0, 3: 2.0, 4: 0.5}

        def measure() -> float:
            model.loss(HELD_OUT, 0, QUIET, levels=[0.5])
            return values[model.work.images_trained // 16]

        return Watch(measure, stop, times=6, keep_best=keep_best), given

    def fitted(checkpoint: KilledCheckpoint | None = None) -> tuple[NetworkGenerator, list[int]]:
        model = ddpm(images=16 * 6)
        watch, given = watched(model)
        return fit(model, watch=watch, checkpoint=checkpoint), given

    undisturbed, given = fitted()
    assert given == [1, 2, 3, 4]
    checkpoint = KilledCheckpoint(killed_after)
    with pytest.raises(Killed):
        fitted(checkpoint)
    resumed, given = fitted(checkpoint)
    assert given == list(range(killed_after + 1, 5))
    assert equal(resumed.state_dict(), undisturbed.state_dict())
    assert resumed.work == undisturbed.work
    assert resumed.work.network_evaluations == 4 * len(HELD_OUT)


def test_a_number_that_is_not_finite_is_refused():
    with pytest.raises(RunFailed, match="what a watch measures is nan: must be a finite number"):
        fit(ddpm(), watch=Watch(lambda: math.nan, never))


def test_early_stopping_ends_a_fit_that_no_longer_helps_images_held_out():
    # A model with many steps for few images learns them by heart: the loss of others falls first, and then rises.
    random = torch.Generator().manual_seed(0)
    train, held_out = POOL[torch.randperm(24, generator=random)[:4]], POOL[4:]
    model = ddpm(images=16 * 120, learning_rate=5e-3, channels=[32])
    losses: list[float] = []

    def measure() -> float:
        losses.append(model.loss(held_out, 1, QUIET, levels=[0.2, 0.4, 0.6, 0.8]).mean().item())
        return losses[-1]

    watch = Watch(measure, lambda measured: min(measured[-3:]) > min(measured), times=24, keep_best=True)
    fit(model, pool=train, watch=watch)
    assert len(losses) < 24
    assert model.work.images_trained == len(losses) * 5 * 16
    assert min(losses) not in losses[-3:]
    final = model.loss(held_out, 1, QUIET, levels=[0.2, 0.4, 0.6, 0.8]).mean().item()
    assert final == min(losses)
