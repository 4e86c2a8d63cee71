import pytest
import torch
from builders import make_context, make_images, make_loop

from bench.errors import BadInput, RunFailed
from bench.methods.file import load_method
from bench.methods.method import Setting, check_method
from bench.methods.pool import Pool

LOOP = make_loop("fresh_data", contamination=0.6)


def test_exactly_the_real_images_of_a_mixed_pool_stay_in_its_order():
    pool = Pool.assemble(make_images(20), {1: make_images(30, seed=1)}).shuffled(torch.Generator().manual_seed(0))
    kept = load_method("oracle_filter").build().curate(pool, make_context(LOOP, 2, pool=pool))
    assert kept.data.sha256 == pool.data[pool.origin == 0].sha256
    assert len(kept) == kept.n_real == 20


def test_it_is_the_detector_without_errors():
    pool = Pool.assemble(make_images(20), {1: make_images(30, seed=1)}).shuffled(torch.Generator().manual_seed(0))
    oracle, detector = (
        load_method(name).build().curate(pool, make_context(LOOP, 2, pool=pool))
        for name in ("oracle_filter", "detector:tpr=1:fpr=0")
    )
    assert oracle.data.sha256 == detector.data.sha256


def test_a_pool_without_real_images_is_a_failed_run():
    pool = Pool.assemble(None, {1: make_images(30)})
    with pytest.raises(RunFailed, match=r"^the oracle filter found no real image in the pool of generation 2$"):
        load_method("oracle_filter").build().curate(pool, make_context(LOOP, 2, pool=pool))


def test_it_is_a_control_that_the_fully_synthetic_loop_has_no_use_for():
    method = load_method("oracle_filter")
    assert method.identity.control
    with pytest.raises(BadInput, match=r"^method oracle_filter is not for fully_synthetic"):
        check_method(
            "oracle_filter",
            method.build(),
            Setting(make_loop(), "ddpm", labelled=True, are_points=False, image_shape=(1, 8, 8)),
        )
