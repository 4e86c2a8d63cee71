import math

import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput, RunFailed
from bench.methods.file import load_method
from bench.methods.method import Method, Setting, check_method
from bench.methods.pool import Pool

LOOP = make_loop()


def normal(n: int, mean: float, seed: int) -> ImageSet:
    return ImageSet(mean + torch.randn(n, 1, generator=torch.Generator().manual_seed(seed)))


def prepared(real: ImageSet, parameters: str = "clip=10") -> Method:
    method = load_method(f"density_reweight:{parameters}").build()
    method.prepare(RecordingGenerator(), make_context(LOOP, 1, real))
    return method


def weights(method: Method, pool: Pool) -> Tensor:
    curated = method.curate(pool, make_context(LOOP, 2, pool=pool))
    assert curated.data is pool.data
    assert curated.weights is not None
    return curated.weights


def test_the_weights_are_the_density_ratio_of_two_normal_distributions():
    # Real images N(1/2, 1), synthetic ones N(-1/2, 1): p_real / p_synthetic = exp(-((x - 1/2)^2 - (x + 1/2)^2) / 2)
    # = exp(x), whatever the numbers of images, here 4,000 and 8,000. The slope's standard error is about 0.03.
    synthetic = normal(8000, -0.5, seed=1)
    found = weights(prepared(normal(4000, 0.5, seed=0), "clip=1000"), Pool.assemble(None, {1: synthetic}))
    x = synthetic.images.flatten()
    inner = x.abs() < 1.5
    torch.testing.assert_close(found[inner].log(), x[inner], rtol=0, atol=0.25)
    # The mean of exp(x) over N(-1/2, 1) is exp(-1/2 + 1/2) = 1.
    assert found.mean().item() == pytest.approx(1, abs=0.1)


def test_weights_are_clipped_and_known_real_images_have_weight_one():
    # The two sets are far apart, so the odds at synthetic images are all but 0, and at 10, where the real ones are,
    # all but infinite.
    synthetic = ImageSet(torch.cat([normal(60, 0, seed=1).images, torch.tensor([[10.0]])]))
    pool = Pool.assemble(normal(5, 10, seed=2), {1: synthetic})
    found = weights(prepared(normal(60, 10, seed=0), "clip=4"), pool)
    assert found.tolist() == [1] * 5 + [0.25] * 60 + [4]


def test_no_image_is_judged_by_a_discriminator_that_was_fitted_on_it():
    # More features than images: a discriminator knows the images that it was fitted on by heart, and would give the
    # synthetic ones odds far below 1. Both sets have the same distribution, so the log-odds of the others have mean 0.
    random = torch.Generator().manual_seed(0)
    real, synthetic = (ImageSet(torch.randn(100, 300, generator=random)) for _ in range(2))
    found = weights(prepared(real, "clip=1e9"), Pool.assemble(None, {1: synthetic})).log()
    assert abs(found.mean()) < 4 * found.std() / math.sqrt(100)
    assert (found > 0).float().mean() > 0.3


def test_a_contaminated_pool_is_weighed_whole():
    real = normal(60, 10, seed=0)
    pool = Pool.assemble(normal(60, 10, seed=2), {1: normal(60, 0, seed=1)}).with_hidden_origin()
    found = weights(prepared(real), pool)
    # Half of the pool has the real density, so p_real / p_pool is near 2 there, and near 0 at the other half.
    assert found[:60].median().item() == pytest.approx(2, abs=0.3)
    assert found[60:].median().item() == pytest.approx(0.1)


def test_the_real_features_are_kept_as_the_methods_state():
    method, resumed = prepared(normal(60, 0.5, seed=0)), load_method("density_reweight").build()
    assert resumed.state_dict() == {}
    resumed.load_state_dict(method.state_dict())
    pool = Pool.assemble(None, {1: normal(60, 0, seed=1)})
    assert torch.equal(weights(resumed, pool), weights(method, pool))


def test_too_few_images_are_refused():
    setting = Setting(make_loop(n_initial=1), "ddpm", labelled=True, are_points=False, image_shape=(1, 8, 8))
    with pytest.raises(BadInput, match=r"needs at least 2 real images in generation 1, found 1$"):
        check_method("density_reweight", load_method("density_reweight").build(), setting)
    with pytest.raises(RunFailed, match=r"^density reweighting needs at least 2 synthetic images, found 1$"):
        weights(prepared(normal(60, 0, seed=0)), Pool.assemble(None, {1: normal(1, 0, seed=1)}))
