from collections.abc import Mapping

import pytest
import torch
from builders import RecordingGenerator, make_context, make_images, make_loop
from models import ddpm, equal, fit
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Setting, check_method
from bench.methods.pool import Pool

POOL = Pool.assemble(None, {1: make_images(30)})


class Weights(RecordingGenerator):
    """A generator of two weights and a counter; fine-tuning adds 0.5 and -2 to the weights and 1 to the counter."""

    def __init__(self) -> None:
        super().__init__()
        self.state = {"a": torch.tensor([1.0, 4.0]), "steps": torch.tensor(7)}

    def fit(self, pool: ImageSet, **arguments: object) -> None:
        super().fit(pool, **arguments)
        self.state = {"a": self.state["a"] + torch.tensor([0.5, -2.0]), "steps": self.state["steps"] + 1}

    def state_dict(self) -> dict[str, Tensor]:
        return dict(self.state)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.state = dict(state)


@pytest.mark.parametrize(
    ("weight", "expected"),
    # (1 + w) (1, 4) - w (1.5, 2) = (1, 4) + w (-0.5, 2)
    [("1", [0.5, 6.0]), ("0.5", [0.75, 5.0]), ("2", [0.0, 8.0]), ("0", [1.0, 4.0])],
)
def test_the_weights_are_extrapolated_away_from_the_fine_tuned_ones(weight: str, expected: list[float]):
    generator = Weights()
    load_method(f"neon:weight={weight}").build().refine(generator, POOL, make_context(make_loop(), 2))
    assert generator.state["a"].tolist() == expected
    assert generator.state["steps"] == 7


def test_it_fine_tunes_briefly_on_own_samples_that_are_not_those_that_are_scored():
    generator, ctx = Weights(), make_context(make_loop(sampling_bias=0.8), 2)
    load_method("neon:budget=0.25:rate=0.5").build().refine(generator, POOL, ctx)
    [(labels, seeds, bias)] = generator.samplings
    assert torch.equal(labels, ctx.labels(30))
    assert len(set(seeds)) == 30
    assert not set(seeds) & set(ctx.seeds(1000))
    assert bias == 0.8
    [(pool, arguments)] = generator.fits
    assert torch.equal(pool.images[:, 0, 0, 0].long(), torch.tensor(seeds) % 256)
    assert (arguments["from_scratch"], arguments["budget"], arguments["learning_rate"]) == (False, 0.25, 0.5)
    assert arguments["seed"] != ctx.fit_seed


def test_a_network_with_a_weight_of_zero_stays_what_it_is_and_moves_with_another():
    generator = fit(ddpm())
    trained = generator.state_dict()
    for weight, same in (("0", True), ("1", False)):
        load_method(f"neon:weight={weight}:budget=0.5").build().refine(generator, POOL, make_context(make_loop(), 2))
        assert equal(generator.state_dict(), trained) is same


def test_another_generator_is_refused():
    with pytest.raises(BadInput, match="method neon is not for stylegan: allowed are ddpm"):
        check_method("neon", load_method("neon").build(), Setting(make_loop(), "stylegan", True, False, (1, 8, 8)))
