"""The DDPM: guidance, the losses, what a training step draws, and the schedule of the learning rate."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from builders import QUIET, make_images
from models import DDPM_SETTINGS, LABELS, SEEDS, fit, sample
from models import ddpm as build
from pydantic import ValidationError
from torch import Tensor

from bench.cells.generator_settings import DDPMSettings
from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.base import Extrapolation
from bench.generators.batch import Batch
from bench.generators.training import WARMUP_FRACTION, warmed_cosine


def test_a_model_without_labels_refuses_a_sampling_bias():
    with pytest.raises(RunFailed, match=r"sampling_bias is 0\.5: without labels .* choose 1"):
        build(n_classes=None).sample(None, SEEDS, 0.5, QUIET)


class StubNetwork:
    """Its output is half of its input, plus a tenth of the label."""

    def __call__(self, images: Tensor, timestep: Tensor, class_labels: Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=images / 2 + class_labels.view(-1, 1, 1, 1) / 10)


class StubSolver:
    """One step, whose result is what the network predicted."""

    timesteps = torch.tensor([3])

    def set_timesteps(self, steps: int, device: torch.device) -> None:
        pass

    def step(self, prediction: Tensor, timestep: Tensor, noisy: Tensor) -> SimpleNamespace:
        return SimpleNamespace(prev_sample=prediction)


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize("w", [0.0, 0.25, 1.0, 3.0])
def test_guided_prediction_is_one_plus_w_conditional_minus_w_unconditional(
    monkeypatch: pytest.MonkeyPatch, w: float, patch: int
):
    model = build(patch=patch)
    monkeypatch.setattr(model, "_sampled", StubNetwork())
    monkeypatch.setattr(model._schedule, "solver", StubSolver())
    noise, labels = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 3, 5, 9])
    conditional = noise / 2 + labels.view(4, 1, 1, 1) / 10
    unconditional = noise / 2 + 10 / 10  # the label after the ten classes
    expected = (1 + w) * conditional - w * unconditional
    assert torch.allclose(model.draw(noise.flatten(1), labels, 1 / (1 + w)), expected, atol=1e-6)


@pytest.mark.parametrize("bias", [1.0, 0.5])
def test_constant_guidance_draws_what_its_sampling_bias_draws(bias: float):
    model = fit(build())
    guided = model.sample_guided(LABELS, SEEDS, [1 / bias - 1] * model.guidance_steps, QUIET)
    assert torch.equal(guided.images, sample(model, bias=bias))
    assert torch.equal(guided.labels, LABELS)


@pytest.mark.parametrize(
    ("guidance", "value"),
    # From an image of 0, a step gives half of the image plus 0.3 for label 3, and plus w times
    # 0.3 - 1.0, as "no label" is label 10: 0 -> 0.3 -> 0.15 + 0.3 - 0.35, and 0 -> -0.05 -> -0.025 + 0.3.
    [([0.0, 0.5], 0.1), ([0.5, 0.0], 0.275)],
)
def test_the_guidance_of_a_step_acts_in_this_step(
    monkeypatch: pytest.MonkeyPatch, guidance: list[float], value: float
):
    model, solver = build(sampling_steps=2), StubSolver()
    solver.timesteps = torch.tensor([6, 3])
    monkeypatch.setattr(model, "_sampled", StubNetwork())
    monkeypatch.setattr(model._schedule, "solver", solver)
    monkeypatch.setattr("bench.generators.network.normals", lambda seeds, count: torch.zeros(len(seeds), count))
    drawn = model.sample_guided(torch.tensor([3]), [1], guidance, QUIET)
    assert (drawn.images == round(value * 127.5 + 127.5)).all()


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_the_prediction_is_extrapolated_away_from_the_other_model(monkeypatch: pytest.MonkeyPatch, weight: float):
    # The stub's one step makes the prediction itself the image: both models are asked about the same noise.
    model = fit(build())
    other = fit(build(), seed=1).state_dict()
    monkeypatch.setattr(model._schedule, "solver", StubSolver())
    guidance = [0.0] * model.guidance_steps
    own = model.sample_guided(LABELS, SEEDS, guidance, QUIET).images
    away = model.sample_guided(LABELS, SEEDS, guidance, QUIET, Extrapolation(other, weight)).images
    model.load_state_dict(other)
    others = model.sample_guided(LABELS, SEEDS, guidance, QUIET).images
    inside = [((images > 0) & (images < 255)) for images in (own, away, others)]
    inside = inside[0] & inside[1] & inside[2]
    assert inside.float().mean() > 0.2
    expected = (1 + weight) * own.double() - weight * others.double()
    # Each image is rounded to a grey level, by up to one half.
    assert (away.double() - expected)[inside].abs().max() <= 0.5 + 0.5 * (1 + 2 * weight)


@pytest.mark.parametrize(
    ("guidance", "away", "evaluations"),
    # Three steps; a step with guidance costs two, and a second model doubles it all.
    [([0.0, 0.0, 0.0], False, 3), ([1.0, 0.0, 0.5], False, 5), ([0.0] * 3, True, 6), ([1.0, 0.0, 0.5], True, 10)],
)
def test_guided_sampling_counts_its_evaluations(guidance: list[float], away: bool, evaluations: int):
    model = build()
    model.sample_guided(LABELS, SEEDS, guidance, QUIET, Extrapolation(model.state_dict(), 1.0) if away else None)
    assert model.work.network_evaluations == evaluations * len(SEEDS)


def test_guidance_must_have_a_weight_for_each_step():
    with pytest.raises(RunFailed, match="guidance has 2 weights: the sampler has 3 steps"):
        build().sample_guided(LABELS, SEEDS, [0.0, 0.0], QUIET)


class Spy:
    """Stands for the prediction of a model in training; keeps the noise levels and labels of each batch."""

    def __init__(self) -> None:
        self.timesteps: list[Tensor] = []
        self.labels: list[Tensor] = []

    def __call__(self, network: Any, noisy: Tensor, timesteps: Tensor, labels: Tensor, *_: Any) -> Tensor:
        self.timesteps.append(timesteps)
        self.labels.append(labels)
        return torch.zeros_like(noisy).requires_grad_()


@pytest.mark.parametrize("level", [50, 250, 499])
def test_the_loss_of_a_predicted_image_is_the_error_of_the_velocity_that_it_implies(
    monkeypatch: pytest.MonkeyPatch, level: int
):
    model, velocity_model = build(prediction="sample"), build()
    clean, guess = make_images(1).images / 127.5 - 1, make_images(1, seed=1).images / 127.5 - 1
    signal = model._schedule.noising.alphas_cumprod[level].item()
    timesteps = torch.tensor([level])
    monkeypatch.setattr(torch, "rand", lambda *size, **_: torch.tensor((level + 0.5) / 500).expand(*size))

    def implied_velocity(network: Any, noisy: Tensor, given: Tensor, *_: Any) -> Tensor:
        assert given.tolist() == timesteps.tolist()
        # v = sqrt(a) noise - sqrt(1 - a) image, where noisy = sqrt(a) image + sqrt(1 - a) noise
        noise = (noisy - signal**0.5 * guess) / (1 - signal) ** 0.5
        return signal**0.5 * noise - (1 - signal) ** 0.5 * guess

    monkeypatch.setattr(model, "_predict", lambda *arguments: guess)
    monkeypatch.setattr(velocity_model, "_predict", implied_velocity)
    losses = [m._loss(Batch(clean), torch.Generator().manual_seed(0)).item() for m in (model, velocity_model)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize(("prediction", "steps"), [("v_prediction", 150), ("epsilon", 400), ("sample", 150)])
def test_every_kind_of_prediction_learns_what_it_samples(prediction: str, steps: int):
    # Two grey levels, each the images of a label. The prediction of noise takes longer: the sampler begins where an
    # image is a ten-thousandth of the noise, and errors of its first step are multiplied (after 150 steps a quarter
    # of the images are on the wrong side).
    labels = torch.arange(64) % 2
    pool = ImageSet((labels * 160 + 48).to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8).contiguous(), labels)
    settings = {"prediction": prediction, "images": 64 * steps, "batch_size": 64, "sampling_steps": 10}
    model = fit(build(n_classes=2, learning_rate=3e-3, **settings), pool=pool)
    grey = sample(model, labels[:32], list(range(32))).double().mean((1, 2, 3))
    # By chance 28 of 32 are on the right side of mid-grey once in 100,000 times.
    assert ((grey > 128) == (labels[:32] == 1)).sum() >= 28
    for label, level in enumerate((48, 208)):
        assert grey[label::2].mean().item() == pytest.approx(level, abs=40)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_labels_are_dropped_for_the_share_of_images_that_is_set(monkeypatch: pytest.MonkeyPatch, dropout: float):
    model, spy = build(condition_dropout=dropout, batch_size=64, images=64 * 40), Spy()
    monkeypatch.setattr(model, "_predict", spy)
    fit(model)
    share = float((torch.cat(spy.labels) == 10).double().mean())
    deviation = math.sqrt(dropout * (1 - dropout) / (64 * 40))
    assert abs(share - dropout) <= 4 * deviation


def test_a_batch_sees_every_stratum_of_the_noise_levels_once(monkeypatch: pytest.MonkeyPatch):
    model, spy = build(timesteps=160), Spy()
    monkeypatch.setattr(model, "_predict", spy)
    fit(model)
    for timesteps in spy.timesteps:
        assert (timesteps // 10).tolist() == list(range(16))


def is_allowed(width: int) -> bool:
    try:
        DDPMSettings.model_validate(DDPM_SETTINGS | {"channels": [width]})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("width", [width for width in (8, 16, 32) if is_allowed(width)])
def test_a_network_of_any_width_that_is_allowed_hears_its_label_and_its_noise_level(width: int):
    # A group of one channel would be normalised until nothing is left of what the label and the level add to it.
    model, noisy = build(channels=[width]), make_images(2).images / 127.5 - 1
    with torch.no_grad():
        base, label, level = (
            model._predict(model._network, noisy, torch.tensor(t), torch.full((2,), c))
            for t, c in ((100, 0), (100, 9), (400, 0))
        )
    assert (label - base).abs().max() > 1e-3
    assert (level - base).abs().max() > 1e-3


def test_learning_rate_starts_at_zero_is_full_after_the_warm_up_and_ends_near_zero():
    assert warmed_cosine(0) == 0
    assert warmed_cosine(WARMUP_FRACTION / 2) == pytest.approx(0.5)
    assert warmed_cosine(WARMUP_FRACTION) == 1
    assert warmed_cosine((1 + WARMUP_FRACTION) / 2) == pytest.approx(0.5)
    assert warmed_cosine(0.999) < 1e-4


def test_learning_rate_rises_and_then_only_falls():
    factors = np.array([warmed_cosine(x) for x in np.linspace(0, 1, 201)])
    top = factors.argmax()
    assert (np.diff(factors[: top + 1]) > 0).all()
    assert (np.diff(factors[top:]) < 0).all()
