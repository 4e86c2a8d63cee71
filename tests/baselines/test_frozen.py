"""Frozen: nothing is trained after generation 1."""

from builders import RecordingGenerator, make_context, make_images, make_loop

from bench.methods.file import load_method
from bench.methods.method import Control
from bench.methods.pool import Pool


def test_nothing_is_trained_and_nothing_is_chosen():
    method, generator = load_method("frozen").build(), RecordingGenerator()
    ctx = make_context(make_loop(), 2)
    pool = Pool.assemble(None, {1: make_images(30)})
    assert method.curate(pool, ctx) is pool
    method.fit(generator, pool, ctx)
    method.refine(generator, pool, ctx)
    assert generator.fits == []


def test_it_is_a_line_to_compare_with_and_knows_nothing():
    method = load_method("frozen").build()
    assert isinstance(method, Control)
    assert (method.uses, method.state_dict()) == ((), {})
