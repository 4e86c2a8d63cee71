import math

import numpy as np
import pytest
import torch
from builders import QUIET, make_context, make_images, make_loop

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.generators.gaussian import Gaussian
from bench.generators.settings import GaussianSettings
from bench.method import Method, Setting, check_method
from bench.method_file import load_method
from bench.pool import Pool


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


@pytest.mark.parametrize("name", ["golden_ratio", "none"])
def test_real_points_are_worth_the_golden_ratio_for_the_mean_and_one_and_a_half_without_weights(name: str):
    # The fresh-data loop at n_r = n_s = n. The variance of the mean settles at V = a^2 / n + b^2 (V + 1 / n), with a
    # the weight of the real part and b = 1 - a, as the synthetic points lie around the mean of the generation before
    # them. So n_e / n_r = 1 / (n V) = (1 - b^2) / (a^2 + b^2): 3/2 for a = 1/2, 1.618 for a = 0.618.
    a = {"golden_ratio": (math.sqrt(5) - 1) / 2, "none": 0.5}[name]
    expected = (1 - (1 - a) ** 2) / (a**2 + (1 - a) ** 2)
    assert expected == pytest.approx({"golden_ratio": 1.618034, "none": 1.5}[name])
    n, d, chains, generations = 100, 20, 32, 28
    method, loop = load_method(name).build(), make_loop("fresh_data", n_real=n, n_synthetic=n, generations=generations)
    squares = []
    for chain in range(chains):
        random = torch.Generator().manual_seed(chain)
        generator, synthetic = Gaussian(GaussianSettings(), (d,), "cpu"), None
        for t in range(1, generations + 1):
            real = ImageSet(torch.randn(n, d, generator=random))
            pool = Pool.assemble(real, {} if synthetic is None else {t - 1: synthetic})
            ctx = make_context(loop, t, real, pool=pool, n_classes=None)
            (Method() if t == 1 else method).fit(generator, pool if t == 1 else method.curate(pool, ctx), ctx)
            seeds = torch.randint(2**62, (n,), generator=random).tolist()
            synthetic = generator.sample(None, seeds, 1.0, QUIET)
            if t > 4:
                squares.append(generator.state_dict()["mean"].square().mean().item())
    per_chain = np.array(squares).reshape(chains, -1).mean(1)
    error = per_chain.std(ddof=1) / math.sqrt(chains)
    # In the unit 1 / n; the standard error tells the two apart.
    assert 4 * error * n < 1 / 1.5 - 1 / 1.618034
    assert abs(per_chain.mean() - 1 / (n * expected)) < 4 * error


def test_it_is_refused_where_the_real_images_are_not_known_or_not_there():
    method, loop = load_method("golden_ratio").build(), make_loop("fresh_data", contamination=0.6)
    with pytest.raises(BadInput, match=r"needs a pool that tells which images are real, found contamination 0\.6"):
        check_method("golden_ratio", method, Setting(loop, "ddpm", labelled=True, are_points=False))
    with pytest.raises(BadInput, match="is not for fully_synthetic"):
        check_method("golden_ratio", method, Setting(make_loop(), "ddpm", labelled=True, are_points=False))
