from typing import Any

import pytest
import torch
from builders import RecordingGenerator, make_context, make_images, make_loop

from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Setting, check_method
from bench.methods.pool import Pool

LOOP = make_loop("fresh_data")


@pytest.mark.parametrize(
    ("parameters", "levels"),
    # Of real images, those of generation 1, and those of generation 3: 0, least, least + 2 rise, at most 1.
    [
        ("least=0.5:rise=0.1", [0, 0.5, 0.7]),
        ("least=0.25:rise=0", [0, 0.25, 0.25]),
        ("least=0.5:rise=0.5", [0, 0.5, 1]),
    ],
)
def test_a_synthetic_image_has_a_least_noise_that_rises_with_its_generation(parameters: str, levels: list[float]):
    pool = Pool.assemble(make_images(2), {1: make_images(3), 3: make_images(4)})
    generator, ctx = RecordingGenerator(), make_context(LOOP, 4, pool=pool)
    load_method(f"ambient:{parameters}").build().fit(generator, pool, ctx)
    [(images, arguments)] = generator.fits
    expected = torch.tensor([levels[0]] * 2 + [levels[1]] * 3 + [levels[2]] * 4)
    assert images is pool.data
    assert torch.allclose(arguments["least_noise"], expected)
    assert arguments["seed"] == ctx.fit_seed


@pytest.mark.parametrize(
    ("loop", "generator", "message"),
    [
        (make_loop(), "ddpm", "method ambient is not for fully_synthetic"),
        (LOOP, "stylegan", "method ambient is not for stylegan: choose ddpm"),
        (make_loop("fresh_data", contamination=0.6), "ddpm", "method ambient needs to know which images are real"),
    ],
)
def test_where_it_cannot_run_it_is_refused(loop: Any, generator: str, message: str):
    with pytest.raises(BadInput, match=message):
        check_method("ambient", load_method("ambient").build(), Setting(loop, generator, True, False, (1, 8, 8)))
