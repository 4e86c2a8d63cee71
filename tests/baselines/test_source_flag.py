from typing import Any

import pytest
import torch
from builders import RecordingGenerator, make_context, make_images, make_loop
from models import ddpm, fit

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Method, Setting, check_method
from bench.methods.pool import Pool

LOOP = make_loop("synthetic_augmentation")
POOL = Pool.assemble(make_images(20), {1: make_images(30, seed=1)})


def test_real_images_have_condition_0_and_synthetic_ones_condition_1():
    generator, ctx = RecordingGenerator(), make_context(LOOP, 2, pool=POOL)
    load_method("source_flag").build().fit(generator, POOL, ctx)
    [(pool, arguments)] = generator.fits
    assert pool is POOL.data
    assert arguments["conditions"].tolist() == [0] * 20 + [1] * 30
    assert (arguments["seed"], arguments["from_scratch"]) == (ctx.fit_seed, True)


def test_what_is_drawn_looks_like_the_real_images():
    # Real images are bright, synthetic ones dark; a model without the flag draws both.
    greys = {"real": 208, "synthetic": 48}
    real, synthetic = (
        ImageSet(torch.full((32, 1, 8, 8), grey, dtype=torch.uint8), torch.zeros(32, dtype=torch.int64))
        for grey in greys.values()
    )
    pool = Pool.assemble(real, {1: synthetic})
    settings: dict[str, Any] = {"images": 64 * 80, "batch_size": 64, "sampling_steps": 10, "learning_rate": 3e-3}
    bright = {}
    for name, method in (("flag", load_method("source_flag").build()), ("none", Method())):
        ctx = make_context(LOOP, 2, pool=pool, n_classes=1)
        model = ddpm(1, **settings)
        method.fit(model, pool, ctx)
        bright[name] = int((method.sample(model, 24, ctx).images.double().mean((1, 2, 3)) > 128).sum())
    assert bright["flag"] == 24
    assert 4 < bright["none"] < 20


def test_g1_is_drawn_from_as_by_the_plain_loop():
    model, ctx = fit(ddpm()), make_context(LOOP, 1)
    drawn = [method.sample(model, 5, ctx).images for method in (load_method("source_flag").build(), Method())]
    assert torch.equal(*drawn)


@pytest.mark.parametrize(
    ("loop", "generator", "message"),
    [
        (make_loop(), "ddpm", "method source_flag is not for fully_synthetic"),
        (LOOP, "stylegan", "method source_flag is not for stylegan: choose ddpm"),
        (make_loop("fresh_data", contamination=0.6), "ddpm", "method source_flag needs to know which images are real"),
    ],
)
def test_where_it_cannot_run_it_is_refused(loop: Any, generator: str, message: str):
    with pytest.raises(BadInput, match=message):
        check_method(
            "source_flag", load_method("source_flag").build(), Setting(loop, generator, True, False, (1, 8, 8))
        )
