"""What a generator asks for: what is computed or counted, against the generator itself."""

import pytest
import torch
from builders import CPU

from bench.cells.task import load_task
from bench.executors.demand import POINTS, demand
from bench.files.tensors import tensor_bytes
from bench.generators.file import load_generator


@pytest.mark.parametrize(("task", "generator", "bias"), [("digits", "ddpm", 0.5), ("digits", "stylegan", 1.0)])
def test_it_is_what_the_generator_does(task: str, generator: str, bias: float):
    loaded, found = load_generator(generator), load_task(task)
    built = loaded.build(loaded.settings(found, "smoke"), found.tier_data("smoke").shape, CPU)
    asked = demand(loaded, found, "smoke", bias, {30, 500})
    assert asked.images_per_fit == {n: built.images_per_fit(n) for n in (30, 500)}
    assert asked.evaluations_per_image == built.evaluations_per_image(bias)
    assert asked.checkpoint_bytes == built.checkpoint_bytes
    assert asked.model_bytes == pytest.approx(len(tensor_bytes(built.state_dict())), rel=0.02)
    assert asked.flops_trained > asked.flops_sampled / asked.evaluations_per_image > 0


def test_products_of_a_gaussian_are_counted():
    """n points of d numbers give a covariance by a product of 2 n d^2 operations; its root, of d^3, comes on top."""
    asked = demand(load_generator("gaussian"), load_task("gaussian"), "smoke", 1.0, {100})
    assert asked.images_per_fit == {100: 100}
    assert 2 * 100**2 <= asked.flops_trained <= 2 * 100**2 + 5 * 100**3 / POINTS


def test_nothing_of_the_callers_random_state_is_used():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    demand(load_generator("stylegan"), load_task("digits"), "smoke", 1.0, {500})
    assert torch.equal(torch.get_rng_state(), before)
