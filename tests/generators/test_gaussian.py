"""The Gaussian generator, against NumPy."""

from typing import Any

import numpy as np
import pytest
import torch
from builders import CPU, QUIET, MemoryCheckpoint

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import GaussianSettings
from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.gaussian import Gaussian
from bench.generators.watch import Watch

D = 4
MIXING = torch.tensor([[2.0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0.5, 0], [0, 0, 0.5, 0]])  # of rank 3
SHIFT = torch.tensor([1.0, -2, 0, 5])


def points(n: int, seed: int = 0) -> ImageSet:
    return ImageSet(torch.randn((n, D), generator=torch.Generator().manual_seed(seed)) @ MIXING.T + SHIFT)


def fit(pool: ImageSet, *, from_scratch: bool = True, **arguments: Any) -> Gaussian:
    model = Gaussian(GaussianSettings(), DataShape((pool.images.shape[1],)), CPU)
    model.fit(pool, seed=0, from_scratch=from_scratch, checkpoint=MemoryCheckpoint(), progress=QUIET, **arguments)
    return model


def sample(model: Gaussian, seeds: list[int], sampling_bias: float = 1.0) -> ImageSet:
    return model.sample(None, seeds, sampling_bias, QUIET)


def test_a_fit_is_the_mean_and_the_unbiased_covariance_of_the_pool():
    pool = points(7)
    state = fit(pool).state_dict()
    assert np.allclose(state["mean"], pool.images.double().numpy().mean(0), rtol=1e-12)
    assert np.allclose(state["covariance"], np.cov(pool.images.double().numpy().T, ddof=1), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("sampling_bias", [1.0, 0.5])
def test_samples_have_the_mean_of_the_model_and_its_covariance_times_the_sampling_bias(sampling_bias: float):
    model = fit(points(1000))
    drawn = sample(model, list(range(20_000)), sampling_bias).images.double().numpy()
    state = model.state_dict()
    assert drawn.mean(0) == pytest.approx(state["mean"].numpy(), abs=0.06)
    assert np.cov(drawn.T) == pytest.approx(sampling_bias * state["covariance"].numpy(), abs=0.15)


def test_the_sampling_bias_moves_each_point_towards_the_mean_by_its_root():
    model = fit(points(100))
    mean = model.state_dict()["mean"].float()
    plain, biased = (sample(model, [3, 4], bias).images - mean for bias in (1.0, 0.25))
    assert torch.allclose(biased, 0.5 * plain, atol=1e-5)


def test_a_point_depends_on_its_seed_alone():
    model = fit(points(100))
    together = sample(model, list(range(200))).images
    assert torch.equal(together[150], sample(model, [150]).images[0])
    assert torch.equal(together.flip(0), sample(model, list(range(199, -1, -1))).images)


def test_points_are_float32_without_labels():
    drawn = sample(fit(points(100)), [1, 2, 3])
    assert (drawn.images.dtype, drawn.images.shape, drawn.labels) == (torch.float32, (3, D), None)


def test_samples_of_a_model_of_two_points_lie_on_the_line_through_them():
    pair = points(2)
    drawn = sample(fit(pair), list(range(50))).images.double()
    along = (pair.images[1] - pair.images[0]).double()
    from_first = drawn - pair.images[0].double()
    across = from_first - (from_first @ along / (along @ along))[:, None] * along
    assert across.norm(dim=1).max() < 1e-5 * along.norm()


def test_a_model_is_restored_from_its_state():
    model, restored = fit(points(100)), fit(points(100, seed=1))
    restored.load_state_dict(model.state_dict())
    assert torch.equal(sample(restored, [1, 2]).images, sample(model, [1, 2]).images)


def test_every_point_of_the_pool_is_counted_once_and_no_network_is():
    model = fit(points(7))
    sample(model, [1, 2], 0.5)
    assert (model.work.images_trained, model.work.network_evaluations) == (7, 0)
    assert (model.images_per_fit(7), model.evaluations_per_image(0.5)) == (7, 0)


def test_a_single_point_has_no_covariance():
    with pytest.raises(RunFailed, match=r"pool of 1 .* at least 2"):
        fit(points(1))


def test_there_is_nothing_to_finetune():
    with pytest.raises(RunFailed, match=r"closed form.*choose scratch"):
        fit(points(7), from_scratch=False)


def test_a_weighted_fit_is_numpys_weighted_mean_and_unbiased_covariance():
    pool, weights = points(9), torch.tensor([1.0, 2, 0, 3, 1, 1, 0.5, 4, 2])
    state = fit(pool, weights=weights).state_dict()
    x, w = pool.images.double().numpy(), weights.double().numpy()
    assert np.allclose(state["mean"], np.average(x, axis=0, weights=w), rtol=1e-6)
    assert np.allclose(state["covariance"], np.cov(x.T, aweights=w, ddof=1), rtol=1e-6, atol=1e-12)


def test_points_without_weight_do_not_count():
    pool = points(9)
    weighted = fit(pool, weights=torch.tensor([1.0] * 5 + [0] * 4)).state_dict()
    plain = fit(pool[slice(5)]).state_dict()
    assert all(torch.allclose(weighted[name], plain[name], rtol=1e-9) for name in plain)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"weights": torch.tensor([1.0, 0, 0])}, "only one point of the pool has a weight"),
        ({"weights": torch.tensor([1.0, -1, 1])}, "at least 0"),
        ({"weights": torch.tensor([1.0, float("nan"), 1])}, "finite"),
        ({"weights": torch.zeros(3)}, "not all 0"),
        ({"weights": torch.ones(2)}, r"must be \(3,\)"),
        ({"budget": 0.5}, "closed form"),
        ({"learning_rate": 0.5}, "closed form"),
    ],
)
def test_what_a_gaussian_cannot_be_fitted_with_is_refused(arguments: dict[str, Any], said: str):
    with pytest.raises(RunFailed, match=said):
        fit(points(3), **arguments)


def test_a_gaussian_has_no_features_no_judgement_and_no_steps():
    model = fit(points(5))
    for use in (lambda: model.features(points(3), QUIET), lambda: model.judge(points(3), QUIET)):
        with pytest.raises(RunFailed, match=r"the generator gaussian cannot .*: choose .*stylegan"):
            use()
    with pytest.raises(RunFailed, match="choose ddpm"):
        model.sample_guided(None, [1], [0.0], QUIET)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: fit(points(7), least_noise=torch.zeros(7)), "be given least_noise"),
        (lambda: fit(points(7), conditions=torch.zeros(7).long()), "be given conditions"),
        (lambda: fit(points(7)).sample(None, [1], 1.0, QUIET, steps=3), "be given steps"),
        (lambda: fit(points(7)).sample(None, [1], 1.0, QUIET, condition=1), "be given conditions"),
        (lambda: fit(points(7)).loss(points(7), 0, QUIET), "tell its loss on images"),
        (lambda: fit(points(7)).noise_levels(), "sample in steps"),
    ],
)
def test_what_it_cannot_it_says_in_one_line(call, what: str):
    with pytest.raises(RunFailed, match=f"^the generator gaussian cannot {what}: choose ddpm$"):
        call()


def test_there_is_nothing_to_watch():
    with pytest.raises(RunFailed, match="there is nothing to watch"):
        fit(points(7), watch=Watch(lambda: 0.0, lambda numbers: False))
