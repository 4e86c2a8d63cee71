"""What weights are made of: known by what was done to them, and by what they are sums of."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from builders import CPU, QUIET, MemoryCheckpoint, make_images
from torch import Tensor

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import GaussianSettings
from bench.cells.retraining import TrainedOn
from bench.data.image_set import ImageSet, concatenate
from bench.generators.base import Extrapolation, Generator
from bench.methods.hooks import BenchmarkChanged
from bench.methods.lineage import Lineage

State = dict[str, Tensor]
BUDGET = 100
REAL = make_images(40, seed=1)
SYNTHETIC = make_images(30, seed=2)


class Toy(Generator):
    """Weights of random numbers: a fit from scratch draws them, another moves them a little."""

    def __init__(self) -> None:
        super().__init__(GaussianSettings(), DataShape((1, 8, 8), 10), CPU)
        self._weights = {"kernel": torch.zeros(60, 60), "scale": torch.ones(60), "steps": torch.tensor(0)}

    def fit(self, pool: ImageSet, *, seed: int, from_scratch: bool, budget: float = 1.0, **_: Any) -> None:
        noise = torch.randn(60, 60, generator=torch.Generator().manual_seed(seed))
        start = torch.zeros(60, 60) if from_scratch else 0.95 * self._weights["kernel"]
        self._weights = self._weights | {"kernel": start + (1 if from_scratch else 0.3) * noise}
        self.work.images_trained += round(BUDGET * budget)

    def sample(self, labels: Tensor | None, seeds: list[int], *_: Any, **__: Any) -> ImageSet:
        return make_images(len(seeds), seed=seeds[0])

    def sample_guided(self, labels: Tensor | None, seeds: list[int], *_: Any, **__: Any) -> ImageSet:
        return self.sample(labels, seeds)

    def images_per_fit(self, n: int) -> int:
        return BUDGET

    def evaluations_per_image(self, sampling_bias: float) -> int:
        return 1

    def state_dict(self) -> State:
        return {name: value.clone() for name, value in self._weights.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._weights = {name: value.clone() for name, value in state.items()}


class Loop:
    """A generator in its second generation, after G^1; what a method would do is done to `generator`."""

    def __init__(self) -> None:
        self.generator = Toy()
        self.lineage = Lineage(self.generator, REAL)
        self.fit(seed=1, pool=REAL)
        self.first = self.generator.state_dict()
        self.lineage.begin(lambda: [self.first])

    def fit(self, seed: int = 2, *, anew: bool = True, budget: float = 1.0, pool: ImageSet = SYNTHETIC) -> State:
        self.generator.fit(
            pool, seed=seed, from_scratch=anew, checkpoint=MemoryCheckpoint(), progress=QUIET, budget=budget
        )
        return self.generator.state_dict()

    def scored(self) -> tuple[str, float]:
        """Return how the weights that are scored came about."""
        with self.lineage.scoring():
            self.generator.sample(None, [0, 1], 1.0, QUIET)
        found = self.lineage.retrained(BUDGET)
        return found.kind, found.share


def mixed(*parts: tuple[float, State]) -> State:
    """Return a sum of weights."""
    return parts[0][1] | {name: sum(share * state[name] for share, state in parts) for name in ("kernel", "scale")}


def test_a_fit_from_scratch_is_from_scratch():
    loop = Loop()
    loop.fit()
    assert loop.scored() == ("from scratch", 1.0)


def test_what_is_not_trained_is_not():
    assert Loop().scored() == ("not", 0.0)


@pytest.mark.parametrize("budget", [0.01, 1.0])
def test_a_fit_that_goes_on_from_the_last_generation(budget: float):
    loop = Loop()
    loop.fit(anew=False, budget=budget)
    assert loop.scored() == ("gone on from", budget)


def test_little_training_from_scratch_is_from_scratch():
    loop = Loop()
    loop.fit(budget=0.01)
    assert loop.scored() == ("from scratch", 0.01)


def test_weights_of_before_put_back_after_a_fit():
    loop = Loop()
    loop.fit()
    loop.generator.load_state_dict(loop.first)
    assert loop.scored() == ("not", 0.0)


@pytest.mark.parametrize("share", [0.8, 0.2, 0.01, -0.5])
def test_a_mix_with_weights_of_before_has_gone_on_from_them(share: float):
    loop = Loop()
    fitted = loop.fit()
    loop.generator.load_state_dict(mixed((share, loop.first), (1 - share, fitted)))
    assert loop.scored() == ("gone on from", 1.0)


def test_a_mix_with_weights_of_before_and_noise_on_it():
    loop = Loop()
    fitted = loop.fit()
    noise = {name: 0.1 * torch.randn_like(value) for name, value in fitted.items() if value.is_floating_point()}
    loop.generator.load_state_dict(mixed((0.5, loop.first), (0.5, fitted), (1.0, noise)))
    assert loop.scored() == ("gone on from", 1.0)


def test_weights_of_before_with_their_units_in_another_order():
    loop = Loop()
    loop.fit()
    loop.generator.load_state_dict(loop.first | {"kernel": loop.first["kernel"][torch.randperm(60)]})
    assert loop.scored()[0] != "from scratch"


def test_a_mix_with_what_went_on_from_weights_of_before():
    loop = Loop()
    gone_on = loop.fit(anew=False)
    fitted = loop.fit(seed=3)
    loop.generator.load_state_dict(mixed((0.5, gone_on), (0.5, fitted)))
    assert loop.scored() == ("gone on from", 2.0)


@pytest.mark.parametrize("weight", [0.5, 1.0, 10.0])
def test_extrapolation_within_a_generation_is_from_scratch(weight: float):
    # Neon: away from the weights after a little training on own samples.
    loop = Loop()
    fitted = loop.fit()
    tuned = loop.fit(seed=3, anew=False, budget=0.25)
    loop.generator.load_state_dict(mixed((1 + weight, fitted), (-weight, tuned)))
    assert loop.scored() == ("from scratch", 1.25)


def test_an_average_of_fits_of_one_generation_is_from_scratch():
    loop = Loop()
    fits = [loop.fit(seed) for seed in (2, 3, 4)]
    loop.generator.load_state_dict(mixed(*((1 / 3, state) for state in fits)))
    assert loop.scored() == ("from scratch", 3.0)


def test_of_several_fits_those_count_that_are_scored():
    loop = Loop()
    kept = loop.fit()
    loop.fit(seed=3)
    loop.generator.load_state_dict(kept)
    assert loop.scored() == ("from scratch", 1.0)


def prune(state: State) -> State:
    kernel = state["kernel"]
    return state | {"kernel": kernel * (kernel.abs() > 0.4)}


@pytest.mark.parametrize("change", [prune, lambda state: state | {"kernel": state["kernel"].half().float()}])
def test_weights_that_were_pruned_or_rounded_stay_from_scratch(change: Callable[[State], State]):
    loop = Loop()
    loop.generator.load_state_dict(change(loop.fit()))
    assert loop.scored() == ("from scratch", 1.0)


def test_a_fit_from_a_mix_goes_on_from_it():
    loop = Loop()
    fitted = loop.fit()
    loop.generator.load_state_dict(mixed((0.8, loop.first), (0.2, fitted)))
    loop.fit(seed=4, anew=False, budget=0.5)
    assert loop.scored()[0] == "gone on from"


def test_samples_away_from_weights_of_before_have_gone_on_from_them():
    loop = Loop()
    loop.fit()
    with loop.lineage.scoring():
        loop.generator.sample_guided(None, [0], [0.0], QUIET, away_from=Extrapolation(loop.first, -0.5))
    assert loop.lineage.retrained(BUDGET).kind == "gone on from"


def test_samples_away_from_a_fit_of_the_same_generation_are_from_scratch():
    # SIMS.
    loop = Loop()
    fitted = loop.fit()
    tuned = loop.fit(seed=3, anew=False, budget=0.25)
    loop.generator.load_state_dict(fitted)
    with loop.lineage.scoring():
        loop.generator.sample_guided(None, [0], [0.0], QUIET, away_from=Extrapolation(tuned, 1.0))
    found = loop.lineage.retrained(BUDGET)
    assert (found.kind, found.share) == ("from scratch", 1.25)


def test_weights_of_before_that_draw_a_part_of_the_samples_count():
    loop = Loop()
    fitted = loop.fit()
    with loop.lineage.scoring():
        loop.generator.sample(None, [0], 1.0, QUIET)
        loop.generator.load_state_dict(loop.first)
        loop.generator.sample(None, [1], 1.0, QUIET)
        loop.generator.load_state_dict(fitted)
    assert loop.lineage.retrained(BUDGET).kind == "gone on from"


def test_what_is_drawn_for_the_pools_does_not_count():
    # A teacher's images are what the next generation trains on, and not what is scored.
    loop = Loop()
    fitted = loop.fit()
    scored = loop.scored()
    loop.generator.load_state_dict(loop.first)
    loop.generator.sample(None, [1], 1.0, QUIET)
    loop.generator.load_state_dict(fitted)
    assert loop.scored() == scored == ("from scratch", 1.0)


def test_real_and_synthetic_images_are_told_apart_by_their_bits():
    loop = Loop()
    loop.fit(pool=concatenate([REAL[:5], SYNTHETIC, SYNTHETIC]))
    loop.scored()
    assert loop.lineage.retrained(BUDGET).on == TrainedOn(real=5, synthetic=30)


def test_the_first_generation_may_be_trained_by_somebody_else():
    loop = Loop()
    loop.lineage.begin(lambda: ())
    loop.lineage.first(REAL, 100)
    assert loop.scored() == ("from scratch", 1.0)


@pytest.mark.parametrize(("pool", "used"), [(SYNTHETIC, set()), (REAL[:5], set()), (REAL[5:6], {"real images"})])
def test_training_on_real_images_that_the_loop_did_not_give_is_seen(pool: ImageSet, used: set[str]):
    loop = Loop()
    loop.fit(pool=pool)
    assert loop.lineage.uses(2, REAL, REAL[:5], {}, BUDGET) == used


@pytest.mark.parametrize(("budget", "used"), [(1.0, set()), (4.0, {"stronger model"})])
def test_a_model_that_is_trained_longer_in_generation_1_is_seen(budget: float, used: set[str]):
    loop = Loop()
    loop.fit(pool=REAL, budget=budget)
    assert loop.lineage.uses(1, REAL, REAL, {}, BUDGET) == used
    assert loop.lineage.uses(2, REAL, REAL, {}, BUDGET) == set()


def test_a_method_cannot_take_the_watched_ways_away():
    generator = Loop().generator
    with pytest.raises(BenchmarkChanged, match=r"Toy\.sample was to be changed"):
        type(generator).sample = None


def test_the_class_of_a_watched_generator_keeps_its_name():
    assert type(Loop().generator).__name__ == "Toy"
