import pytest
import torch
from builders import make_context, make_images, make_loop

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Setting, check_method
from bench.methods.pool import Pool


@pytest.mark.parametrize("kind", ["fully_synthetic", "synthetic_augmentation"])
def test_accumulate_subsample_keeps_as_many_different_images_as_the_plain_loop_trains_on(kind: str):
    loop = make_loop(kind, pool="accumulated", n_synthetic=30)
    images = torch.arange(120, dtype=torch.uint8).view(120, 1, 1, 1)
    parts = {t: ImageSet(images[30 * (t - 1) : 30 * t]) for t in (1, 2, 3)}
    real = ImageSet(images[90 : 90 + loop.n_real]) if loop.n_real else None
    pool = Pool.assemble(real, parts)
    chosen = load_method("accumulate_subsample").build().curate(pool, make_context(loop, 4, real))
    values = chosen.data.images.flatten().tolist()
    assert len(set(values)) == len(values) == loop.n_real + loop.n_synthetic
    assert set(values) <= set(pool.data.images.flatten().tolist())
    assert len(set(chosen.origin.tolist())) > 1


def test_accumulate_subsample_draws_from_the_context_alone():
    loop = make_loop(pool="accumulated")
    pool = Pool.assemble(None, {t: make_images(30, seed=t) for t in (1, 2, 3)})
    method = load_method("accumulate_subsample").build()
    first, again = (method.curate(pool, make_context(loop, 4)) for _ in range(2))
    other = method.curate(pool, make_context(loop, 5))
    assert first.data.sha256 == again.data.sha256 != other.data.sha256


@pytest.mark.parametrize("pool", ["previous", "last:3"])
def test_accumulate_subsample_refuses_another_pool_policy(pool: str):
    setting = Setting(make_loop(pool=pool), "ddpm", labelled=True, are_points=False, image_shape=(1, 8, 8))
    with pytest.raises(BadInput, match=rf"^method accumulate_subsample needs --pool accumulated, found {pool}$"):
        check_method("accumulate_subsample", load_method("accumulate_subsample").build(), setting)
