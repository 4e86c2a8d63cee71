import math

import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop
from models import ddpm, fit
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Method, Setting, check_method


class Guided(RecordingGenerator):
    """A generator of four steps that keeps the guidance that it is asked for."""

    guidance_steps = 4

    def sample_guided(self, labels: Tensor, seeds: list[int], guidance: list[float], progress: object) -> ImageSet:
        self.guidance = guidance
        return self.sample(labels, seeds, 1.0, progress)


@pytest.mark.parametrize("hook", ["sample", "synthesize"])
def test_the_guidance_of_the_bias_decays_from_the_noisiest_step_on(hook: str):
    generator, ctx = Guided(), make_context(make_loop(sampling_bias=0.25), 1)
    # w_0 = 1 / 0.25 - 1 = 3; a decay of 4 ln 2 over four steps halves the weight in each.
    method = load_method(f"guidance_schedule:decay={4 * math.log(2)}").build()
    getattr(method, hook)(generator, 6, ctx)
    assert generator.guidance == pytest.approx([3, 1.5, 0.75, 0.375])
    [(labels, seeds, _)] = generator.samplings
    assert torch.equal(labels, ctx.labels(6))
    assert seeds == ctx.seeds(6)


def test_without_decay_it_is_the_plain_loop_and_with_it_is_not():
    model, ctx = fit(ddpm()), make_context(make_loop(sampling_bias=0.5), 2)
    plain = Method().sample(model, 6, ctx).images
    assert torch.equal(load_method("guidance_schedule:decay=0").build().sample(model, 6, ctx).images, plain)
    assert not torch.equal(load_method("guidance_schedule").build().sample(model, 6, ctx).images, plain)


def test_it_is_refused_without_labels_and_without_guidance():
    method = load_method("guidance_schedule").build()
    with pytest.raises(BadInput, match="needs labels"):
        check_method(
            "guidance_schedule", method, Setting(make_loop(sampling_bias=0.5), "ddpm", False, False, (1, 8, 8))
        )
    with pytest.raises(BadInput, match=r"^method guidance_schedule needs --sampling-bias below 1, found 1"):
        check_method("guidance_schedule", method, Setting(make_loop(), "ddpm", True, False, (1, 8, 8)))
