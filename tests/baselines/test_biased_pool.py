import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop

from bench.methods.file import load_method


@pytest.mark.parametrize(("hook", "bias"), [("sample", 1.0), ("synthesize", 0.5)])
def test_biased_pool_applies_the_bias_to_what_enters_the_pool_and_not_to_what_is_scored(hook: str, bias: float):
    generator = RecordingGenerator()
    ctx = make_context(make_loop(sampling_bias=0.5), 2)
    getattr(load_method("biased_pool").build(), hook)(generator, 7, ctx)
    [(labels, seeds, found)] = generator.samplings
    assert torch.equal(labels, ctx.labels(7))
    assert (seeds, found) == (ctx.seeds(7), bias)
