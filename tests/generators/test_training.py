"""What the generators' training loops share: the order of images, the weight average, pixels and noise."""

import math

import pytest
import torch

from bench.errors import RunFailed
from bench.generators.training import (
    DIVERGED,
    EpochOrder,
    check_losses,
    check_weights,
    ema_decay,
    from_uint8,
    normals,
    to_uint8,
)


@pytest.mark.parametrize(("n", "size"), [(12, 4), (10, 4), (7, 16), (5, 5), (1, 3)])
def test_every_image_is_visited_once_an_epoch_also_where_a_batch_spans_epochs(n: int, size: int):
    order = EpochOrder(n, seed=0)
    visited = torch.cat([order.batch(step, size) for step in range(3 * n)])
    for epoch in visited[: len(visited) // n * n].view(-1, n):
        assert sorted(epoch.tolist()) == list(range(n))


def test_epochs_have_different_orders():
    order = EpochOrder(50, seed=0)
    assert not torch.equal(order.batch(0, 50), order.batch(1, 50))


def test_the_order_of_a_step_does_not_depend_on_the_steps_before_it():
    order = EpochOrder(10, seed=0)
    batches = [order.batch(step, 4) for step in range(9)]
    assert all(torch.equal(EpochOrder(10, seed=0).batch(step, 4), batch) for step, batch in enumerate(batches))


def test_another_seed_gives_another_order():
    assert not torch.equal(EpochOrder(50, seed=0).batch(0, 50), EpochOrder(50, seed=1).batch(0, 50))


def test_weight_average_forgets_half_in_its_half_life_late_in_the_run():
    assert ema_decay(900, 1000, halflife=0.05) ** 50 == pytest.approx(0.5)


def test_weight_average_forgets_faster_early_in_the_run():
    # The half-life is at most a tenth of the steps so far: 2 steps after 20.
    assert ema_decay(20, 1000, halflife=0.05) ** 2 == pytest.approx(0.5)


def test_pixels_come_back_from_minus_one_to_one():
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    scaled = from_uint8(pixels)
    assert (float(scaled.min()), float(scaled.max())) == (-1, 1)
    assert torch.equal(to_uint8(scaled), pixels)


def test_values_outside_are_clipped():
    assert to_uint8(torch.tensor([-3.0, -1.0, 1.0, 7.0])).tolist() == [0, 0, 255, 255]


def test_a_row_of_numbers_is_a_function_of_its_seed():
    assert torch.equal(normals([5, 6, 7], 9)[1], normals([6], 9)[0])
    assert float(normals(list(range(200)), 500).std()) == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, 1.1 * DIVERGED])
def test_a_loss_that_is_not_finite_or_far_too_large_is_refused_with_advice(loss: float):
    message = r"the generator is .* after 3 of 7 steps, training has diverged: lower learning_rate \(0.1\) in the task"
    with pytest.raises(RunFailed, match=message):
        check_losses({"discriminator": 0.0, "generator": loss}, 3, 7, 0.1)
    check_losses({"discriminator": 0.0, "generator": 0.9 * DIVERGED}, 3, 7, 0.1)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_weight_that_is_not_finite_is_refused_with_advice(value: float):
    weights = [torch.ones(3), torch.tensor([1.0, value])]
    with pytest.raises(RunFailed, match=r"weights are not finite after 7 of 7 steps.*lower learning_rate"):
        check_weights(weights, 7, 0.1)
    check_weights(weights[:1], 7, 0.1)
