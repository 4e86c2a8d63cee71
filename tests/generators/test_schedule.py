"""The noise schedule and its two samplers, against Gaussians, whose denoised images are known."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from models import DDPM_SETTINGS, LABELS, SEEDS, fit, sample
from models import ddpm as build
from pydantic import ValidationError
from torch import Tensor

from bench.cells.generator_settings import DDPMSettings
from bench.generators.schedule import NoiseSchedule
from bench.process.progress import Progress

SAMPLERS = pytest.mark.parametrize("sampler", ["ode", "sde"])


def schedule(**changes: object) -> NoiseSchedule:
    return NoiseSchedule(DDPMSettings.model_validate(DDPM_SETTINGS | changes), torch.device("cpu"))


def denoiser(of: NoiseSchedule, mean: float, deviation: float) -> Callable[[Tensor, Tensor, int], Tensor]:
    """The mean of images, independent normal numbers, given noisy ones: what the best network predicts."""

    def predict(noisy: Tensor, time: Tensor, step: int) -> Tensor:
        signal = of.noising.alphas_cumprod[time].sqrt()
        variance = signal**2 * deviation**2 + 1 - signal**2
        return mean + signal * deviation**2 / variance * (noisy - signal * mean)

    return predict


def normals(n: int, draws: int) -> Tensor:
    return torch.randn(n, draws, 1, 4, 4, generator=torch.Generator().manual_seed(0))


@SAMPLERS
@pytest.mark.parametrize("exponent", [1.0, 1.5])
def test_of_the_best_prediction_a_sampler_draws_the_distribution_itself(sampler: str, exponent: float):
    of = schedule(prediction="sample", sampler=sampler, sampling_steps=100, step_exponent=exponent)
    images = of.denoised(normals(1000, of.draws(None)), denoiser(of, 0.3, 0.5), None)
    # 16,000 numbers: four standard errors, and what 100 steps leave.
    assert images.mean().item() == pytest.approx(0.3, abs=4 * 0.5 / math.sqrt(16_000) + 0.005)
    assert images.std().item() == pytest.approx(0.5, rel=4 / math.sqrt(2 * 16_000) + 0.02)


@pytest.mark.parametrize(("sampler", "expected"), [("ode", 1.0), ("sde", 0.0)])
def test_an_ode_keeps_its_first_noise_and_an_sde_forgets_it(sampler: str, expected: float):
    # Of images that are standard normal the ODE leaves every number as it is; the SDE is the process of noising run
    # backwards, whose two ends have the correlation sqrt(alpha-bar) of the last time, nearly 0.
    of = schedule(prediction="sample", sampler=sampler, sampling_steps=100)
    noise = normals(1000, of.draws(None))
    images = of.denoised(noise, denoiser(of, 0.0, 1.0), None)
    together = torch.stack([noise[:, 0].flatten(), images.flatten()])
    assert torch.corrcoef(together)[0, 1].item() == pytest.approx(expected, abs=4 / math.sqrt(16_000))


def test_a_step_of_the_sde_is_that_of_the_paper():
    # Lu et al. 2022, SDE-DPM-Solver++1: x_t = (sigma_t / sigma_s) e^-h x_s + alpha_t (1 - e^-2h) x0
    # + sigma_t sqrt(1 - e^-2h) z, with h the difference of log(alpha / sigma). Two steps: the first is of first order,
    # the second ends at the image that is predicted.
    of = schedule(prediction="sample", sampler="sde", sampling_steps=2)
    seen: list[Tensor] = []

    def predict(noisy: Tensor, time: Tensor, step: int) -> Tensor:
        seen.append(noisy)
        return torch.full_like(noisy, 0.25)

    noise = normals(5, 2)
    images = of.denoised(noise, predict, None)
    (_, alpha_s, sigma_s), (_, alpha_t, sigma_t) = (
        (level.level, level.signal, level.noise) for level in of.noise_levels(None)
    )
    h = math.log(alpha_t / sigma_t) - math.log(alpha_s / sigma_s)
    shrunk, left = sigma_t / sigma_s * math.exp(-h), 1 - math.exp(-2 * h)
    expected = shrunk * noise[:, 0] + alpha_t * left * 0.25 + sigma_t * math.sqrt(left) * noise[:, 1]
    assert torch.allclose(seen[1], expected, atol=1e-4)
    assert torch.allclose(images, torch.full_like(images, 0.25), atol=1e-5)


def test_both_samplers_begin_with_the_same_noise_and_each_image_has_its_own():
    ode, sde = build(sampling_steps=3), build(sampler="sde", sampling_steps=3)
    assert (ode.numbers_per_image, sde.numbers_per_image) == (64, 3 * 64)
    fit(ode)
    sde.load_state_dict(ode.state_dict())
    drawn = sample(sde)
    assert not torch.equal(drawn, sample(ode))
    order = torch.tensor([6, 2, 0, 5, 1, 4, 3])
    assert torch.equal(sample(sde, LABELS[order], [SEEDS[i] for i in order]), drawn[order])


def test_an_sde_draws_as_often_as_it_is_asked_to_take_steps():
    model = fit(build(sampler="sde", sampling_steps=3))
    quiet = Progress(visible=False)
    five = model.sample(LABELS, SEEDS, 1.0, quiet, steps=5)
    guided = model.sample_guided(LABELS, SEEDS, [0.0] * 5, quiet, steps=5)
    assert torch.equal(five.images, guided.images)
    assert not torch.equal(five.images, sample(model))
    assert torch.equal(model.sample(LABELS, SEEDS, 1.0, quiet, steps=3).images, sample(model))


@pytest.mark.parametrize("changes", [{"sampler": "heun"}])
def test_what_no_schedule_has_is_refused(changes: dict[str, object]):
    with pytest.raises(ValidationError):
        DDPMSettings.model_validate(DDPM_SETTINGS | changes)


def test_the_exponent_puts_steps_close_to_the_image():
    # The level of a step's time is that of its middle: (time + 1/2) / T.
    of = schedule(timesteps=500, sampling_steps=4, step_exponent=1.5)
    expected = [math.floor(500 * share**1.5) - 0.5 for share in (1, 0.75, 0.5, 0.25)]
    assert [level.level * 500 for level in of.noise_levels(None)] == pytest.approx(expected)


@pytest.mark.parametrize("exponent", [1.0, 1.01, 2.0, 4.0])
@pytest.mark.parametrize("steps", [1, 37, 49, 50])
def test_a_sampler_steps_at_each_time_once_from_the_last(exponent: float, steps: int):
    of = schedule(timesteps=50, step_exponent=exponent)
    times = [round(level.level * 50 - 0.5) for level in of.noise_levels(steps)]
    assert len(times) == steps
    assert times[0] == 49
    assert times[-1] >= 0
    assert all(after < before for before, after in itertools.pairwise(times))


@pytest.mark.parametrize("finest", [0.1, 0.02])
def test_errors_of_an_image_weigh_more_at_less_noise_down_to_the_finest_level(finest: float):
    of = schedule(prediction="sample", timesteps=500, finest_level=finest)
    clean = torch.zeros(2, 1, 4, 4)
    errors = of.errors(clean + 0.3, clean, clean, torch.tensor([0, 250]))
    variances = 1 - of.noising.alphas_cumprod[[0, 250]]
    assert variances[0].item() < 0.02**2
    assert errors.tolist() == pytest.approx([0.09 / finest**2, 0.09 / variances[1].item()])


def test_logits_of_training_levels_have_the_mean_and_the_deviation_that_are_set():
    of = schedule(training_levels=(0.5, 0.8), timesteps=500)
    times, counts = of.drawn_times((torch.arange(10_000) + 0.5) / 10_000, None)
    logits = torch.logit((times.double() + 0.5) / 500)
    assert counts is None
    assert logits.mean().item() == pytest.approx(0.5, abs=0.01)
    assert logits.std().item() == pytest.approx(0.8, abs=0.01)


def test_training_levels_stay_among_the_times_at_the_ends():
    of = schedule(training_levels=(0.0, 1.0), timesteps=50)
    times, _ = of.drawn_times(torch.tensor([0.0, 1e-30, 0.5, 1.0 - 2**-24]), None)
    assert times.tolist() == [0, 0, 25, 49]


@pytest.mark.parametrize("levels", [None, (0.5, 0.8)])
@pytest.mark.parametrize("least", [0.0, 0.3, 0.62])
def test_levels_below_the_least_noise_are_left_out_and_the_others_count_as_before(
    levels: tuple[float, float] | None, least: float
):
    of = schedule(training_levels=levels, timesteps=50)
    positions = (torch.arange(20_000) + 0.5) / 20_000
    everywhere, _ = of.drawn_times(positions, None)
    times, counts = of.drawn_times(positions, torch.full_like(positions, least))
    assert counts is not None
    assert times.min() >= least * 50
    # The mean over all levels, of a loss that is the square of the time where it is allowed.
    expected = (everywhere.double().square() * (everywhere >= least * 50)).mean().item()
    assert (counts * times.double().square()).mean().item() == pytest.approx(expected, rel=2e-3)


def test_training_levels_must_spread():
    with pytest.raises(ValidationError, match="the deviation is 0: choose a number above 0"):
        schedule(training_levels=(0.0, 0.0))


def test_a_finest_level_is_of_a_predicted_image():
    with pytest.raises(ValidationError, match='prediction is "epsilon", choose "sample"'):
        schedule(prediction="epsilon", finest_level=0.02)
