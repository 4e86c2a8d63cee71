"""Methods: what the defaults do, and what the context gives."""

import pytest
from builders import MemoryCheckpoint, RecordingGenerator, make_context, make_images, make_loop

from bench.errors import RunFailed
from bench.methods.method import Method
from bench.methods.pool import Pool


def test_default_hooks_keep_pool_and_state_as_they_are():
    pool = Pool.assemble(None, {1: make_images(5)})
    method, ctx = Method(), make_context(make_loop(), 2)
    assert method.curate(pool, ctx) is pool
    method.prepare(RecordingGenerator(), ctx)
    assert method.state_dict() == {}


@pytest.mark.parametrize(("protocol", "from_scratch"), [("scratch", True), ("finetune", False)])
def test_default_fit_trains_on_the_pool_by_the_loops_protocol(protocol: str, from_scratch: bool):
    generator, pool = RecordingGenerator(), Pool.assemble(None, {1: make_images(5)})
    ctx = make_context(make_loop(protocol=protocol), 2)
    Method().fit(generator, pool, ctx)
    [(images, arguments)] = generator.fits
    assert images is pool.data
    assert arguments["from_scratch"] is from_scratch
    assert (arguments["seed"], arguments["checkpoint"]) == (ctx.fit_seed, ctx.checkpoint)
    assert isinstance(ctx.checkpoint, MemoryCheckpoint)


@pytest.mark.parametrize("hook", ["sample", "synthesize"])
def test_default_drawing_uses_the_first_labels_and_seeds_and_the_loops_bias(hook: str):
    generator, ctx = RecordingGenerator(), make_context(make_loop(sampling_bias=0.5), 2)
    images = getattr(Method(), hook)(generator, 12, ctx)
    [(labels, seeds, bias)] = generator.samplings
    assert len(images) == 12
    assert labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert (seeds, bias) == (list(range(12)), 0.5)


def test_context_gives_the_real_images_of_the_generation():
    real = make_images(3)
    assert make_context(make_loop("fresh_data"), 2, real).real is real


def test_context_gives_the_real_images_of_generation_1_also_in_the_fully_synthetic_loop():
    real = make_images(3)
    assert make_context(make_loop("fully_synthetic"), 1, real).real is real


def test_asking_for_real_images_later_in_the_fully_synthetic_loop_fails_and_says_why():
    with pytest.raises(RunFailed, match="real images in generation 2 of the fully_synthetic loop"):
        _ = make_context(make_loop("fully_synthetic"), 2).real
