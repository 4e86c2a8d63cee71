import math

import pytest
from builders import make_context, make_images, make_loop

from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Setting, check_method
from bench.methods.pool import Pool


def test_equal_parts_weigh_as_the_golden_ratio():
    pool = Pool.assemble(make_images(4), {1: make_images(4, seed=1)})
    weights = load_method("golden_ratio").build().curate(pool, make_context(make_loop("fresh_data"), 2)).weights
    # k = 1: w = (sqrt(5) - 1) / 2 = 0.618, shared by 4 images.
    assert weights.tolist() == pytest.approx([0.618034 / 4] * 4 + [0.381966 / 4] * 4, rel=1e-5)


def test_the_parts_weigh_w_and_one_minus_w_whatever_their_sizes():
    pool = Pool.assemble(make_images(2), {1: make_images(5, seed=1), 2: make_images(11, seed=2)})
    curated = load_method("golden_ratio").build().curate(pool, make_context(make_loop("fresh_data"), 3))
    # k = 2 / 16: k^2 + 4k = 33/64, so w = (sqrt(33) - 1) / 16 = 0.29654.
    assert curated.weights[curated.real].sum().item() == pytest.approx((math.sqrt(33) - 1) / 16)
    assert curated.weights[~curated.real].sum().item() == pytest.approx((17 - math.sqrt(33)) / 16)
    assert curated.data.sha256 == pool.data.sha256


def test_it_is_refused_where_the_real_images_are_not_known_or_not_there():
    method, loop = load_method("golden_ratio").build(), make_loop("fresh_data", contamination=0.6)
    with pytest.raises(BadInput, match=r"needs a pool that tells which images are real, found contamination 0\.6"):
        check_method(
            "golden_ratio", method, Setting(loop, "ddpm", labelled=True, are_points=False, image_shape=(1, 8, 8))
        )
    with pytest.raises(BadInput, match="is not for fully_synthetic"):
        check_method(
            "golden_ratio",
            method,
            Setting(make_loop(), "ddpm", labelled=True, are_points=False, image_shape=(1, 8, 8)),
        )
