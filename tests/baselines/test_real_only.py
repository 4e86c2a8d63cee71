import pytest
from builders import make_context, make_images, make_loop

from bench.methods.file import load_method
from bench.methods.pool import Pool


@pytest.mark.parametrize("kind", ["synthetic_augmentation", "fresh_data"])
def test_the_real_images_are_kept_in_their_order_and_nothing_else(kind: str):
    real = make_images(20)
    pool = Pool.assemble(real, {1: make_images(30, seed=1)})
    method = load_method("real_only").build()
    assert method.curate(pool, make_context(make_loop(kind), 2, real)).data.sha256 == real.sha256


def test_in_the_fully_synthetic_loop_it_trains_on_the_real_images_of_generation_one():
    real = make_images(20)
    pool = Pool.assemble(None, {1: make_images(30, seed=1)})
    curated = load_method("real_only").build().curate(pool, make_context(make_loop(), 2, real, pool=pool))
    assert curated.data.sha256 == real.sha256
    assert curated.n_real == 20


def test_it_is_a_control():
    assert load_method("real_only").identity.control
