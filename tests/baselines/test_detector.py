import math

import pytest
import torch
from builders import make_context, make_images, make_loop

from bench.data.image_set import ImageSet
from bench.errors import BadInput, RunFailed
from bench.methods.file import load_method
from bench.methods.method import Setting, check_method
from bench.methods.pool import Pool

LOOP = make_loop("synthetic_augmentation", contamination=0.6)


def judge(parameters: str, pool: Pool) -> Pool:
    return load_method(f"detector:{parameters}").build().curate(pool, make_context(LOOP, 2, pool=pool))


def points(n_real: int, n_synthetic: int) -> Pool:
    """A pool whose images are their own numbers, real ones first."""
    values = torch.arange(n_real + n_synthetic, dtype=torch.float32).view(-1, 1)
    return Pool.assemble(ImageSet(values[:n_real]), {1: ImageSet(values[n_real:])})


@pytest.mark.parametrize(("tpr", "fpr"), [(0.8, 0.2), (0.5, 0.5), (0.9, 0.0)])
def test_the_shares_that_are_kept_are_the_two_rates(tpr: float, fpr: float):
    n = 20_000
    kept = judge(f"tpr={tpr}:fpr={fpr}", points(n, n))
    # Counts are binomial: mean n p, standard deviation sqrt(n p (1 - p)); 4 of these miss once in 16,000.
    assert abs(kept.n_real - n * tpr) <= 4 * math.sqrt(n * tpr * (1 - tpr))
    assert abs(len(kept) - kept.n_real - n * fpr) <= 4 * math.sqrt(n * fpr * (1 - fpr))
    values = kept.data.images.flatten()
    assert torch.equal(values, values.sort().values)


def test_at_equal_rates_the_origin_plays_no_part():
    pool = points(100, 100)
    other = Pool(pool.data, 1 - pool.origin)
    kept, swapped = judge("tpr=0.4:fpr=0.4", pool), judge("tpr=0.4:fpr=0.4", other)
    assert kept.data.sha256 == swapped.data.sha256


def test_a_perfect_detector_leaves_exactly_the_real_images():
    real = make_images(20)
    pool = Pool.assemble(real, {1: make_images(30, seed=1)})
    kept = judge("tpr=1:fpr=0", pool)
    assert kept.data.sha256 == real.sha256
    assert kept.n_real == 20


def test_nothing_left_is_a_failed_run():
    with pytest.raises(RunFailed, match=r"^the detector with tpr 0.0 and fpr 0.0 judged none of the 50 images"):
        judge("tpr=0:fpr=0", points(20, 30))


def test_it_is_a_control_that_the_fully_synthetic_loop_has_no_use_for():
    method = load_method("detector")
    assert method.identity.control
    with pytest.raises(BadInput, match=r"^method detector is not for fully_synthetic"):
        check_method(
            "detector",
            method.build(),
            Setting(make_loop(), "ddpm", labelled=True, are_points=False, image_shape=(1, 8, 8)),
        )
