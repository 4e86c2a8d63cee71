from collections.abc import Mapping, Sequence

import pytest
import torch
from builders import RecordingGenerator, make_context, make_images, make_loop
from models import ddpm, equal, fit
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.generators.base import Extrapolation
from bench.methods.file import load_method
from bench.methods.method import Method, Setting, check_method
from bench.methods.pool import Pool

POOL = Pool.assemble(None, {1: make_images(30)})


class Linear(RecordingGenerator):
    """A generator of one weight, 100, whose score and pixels are the weight itself; fine-tuning adds 10 to it."""

    guidance_steps = 3

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.tensor(100.0)
        self.guidance: list[list[float]] = []

    def fit(self, pool: ImageSet, **arguments: object) -> None:
        super().fit(pool, **arguments)
        self.weight = self.weight + 10

    def sample_guided(
        self,
        labels: Tensor,
        seeds: list[int],
        guidance: Sequence[float],
        progress: object,
        away_from: Extrapolation | None = None,
    ) -> ImageSet:
        assert away_from is not None
        self.guidance.append(list(guidance))
        value = (1 + away_from.weight) * self.weight - away_from.weight * away_from.state["weight"]
        return ImageSet(torch.full((len(seeds), 1, 8, 8), int(value), dtype=torch.uint8), labels)

    def state_dict(self) -> dict[str, Tensor]:
        return {"weight": self.weight}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.weight = state["weight"]


# (1 + w) 100 - w 110 = 100 - 10 w
@pytest.mark.parametrize(("weight", "pixel"), [("0", 100), ("1", 90), ("2.5", 75)])
@pytest.mark.parametrize("hook", ["sample", "synthesize"])
def test_all_images_are_drawn_away_from_the_model_fine_tuned_on_own_samples(hook: str, weight: str, pixel: int):
    generator, ctx = Linear(), make_context(make_loop(sampling_bias=0.8), 2)
    method, resumed = (load_method(f"sims:weight={weight}:budget=0.25").build() for _ in range(2))
    method.refine(generator, POOL, ctx)
    assert generator.weight == 100
    resumed.load_state_dict(method.state_dict())
    for sampler in (method, resumed):
        drawn = getattr(sampler, hook)(generator, 5, ctx)
        assert (drawn.images == pixel).all()
        assert torch.equal(drawn.labels, ctx.labels(5))
        # lambda = 0.8 is w = 1 / 0.8 - 1 = 0.25 in each of the three steps.
        assert generator.guidance.pop() == pytest.approx([0.25] * 3)
    [(labels, seeds, bias)] = generator.samplings
    assert torch.equal(labels, ctx.labels(30))
    assert not set(seeds) & set(ctx.seeds(1000))
    assert bias == 0.8
    [(pool, arguments)] = generator.fits
    assert torch.equal(pool.images[:, 0, 0, 0].long(), torch.tensor(seeds) % 256)
    assert (arguments["from_scratch"], arguments["budget"]) == (False, 0.25)


def test_the_first_generation_is_sampled_plainly():
    generator, method, ctx = Linear(), load_method("sims").build(), make_context(make_loop(), 1)
    assert method.state_dict() == {}
    assert torch.equal(method.sample(generator, 5, ctx).images, Method().sample(generator, 5, ctx).images)
    assert generator.guidance == []


def test_a_network_stays_what_it_is_and_a_weight_of_zero_is_plain_sampling():
    generator = fit(ddpm())
    trained, ctx = generator.state_dict(), make_context(make_loop(sampling_bias=0.8), 2)
    images = {}
    for weight in ("0", "1"):
        method = load_method(f"sims:weight={weight}:budget=0.5").build()
        method.refine(generator, POOL, ctx)
        assert equal(generator.state_dict(), trained)
        assert not equal(method.state_dict(), trained)
        images[weight] = method.sample(generator, 5, ctx).images
    plain = Method().sample(generator, 5, ctx).images
    assert torch.equal(images["0"], plain)
    assert not torch.equal(images["1"], plain)


def test_another_generator_is_refused():
    with pytest.raises(BadInput, match="method sims is not for stylegan: choose ddpm"):
        check_method("sims", load_method("sims").build(), Setting(make_loop(), "stylegan", True, False, (1, 8, 8)))
