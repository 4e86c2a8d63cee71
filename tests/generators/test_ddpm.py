"""The DDPM: determinism, resume, the order of images, sampling and guidance."""

import math
import random
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from builders import CPU, QUIET, Killed, KilledCheckpoint, MemoryCheckpoint, make_images
from pydantic import ValidationError
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.ddpm import DDPM, WARMUP_FRACTION, _learning_rate_factor
from bench.generators.settings import DDPMSettings
from bench.generators.training import to_uint8

SETTINGS = {
    "channels": [16],
    "layers_per_block": 1,
    "attention": False,
    "images": 64,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "sampling_steps": 3,
    "sampling_batch": 4,
}
STEPS = 64 // 16
POOL = make_images(24)
SEEDS = [11, 22, 33, 44, 55, 66, 77]
LABELS = torch.tensor([0, 1, 2, 3, 4, 5, 6])


def build(
    n_classes: int | None = 10, shape: tuple[int, int, int] = (1, 8, 8), flips: bool = False, **changes: Any
) -> DDPM:
    return DDPM(DDPMSettings.model_validate(SETTINGS | changes), shape, n_classes, flips, CPU)


def fit(
    model: DDPM,
    *,
    seed: int = 0,
    pool: ImageSet = POOL,
    from_scratch: bool = True,
    checkpoint: MemoryCheckpoint | None = None,
) -> DDPM:
    checkpoint = checkpoint or MemoryCheckpoint()
    model.fit(pool, seed=seed, from_scratch=from_scratch, checkpoint=checkpoint, progress=QUIET)
    return model


def sample(model: DDPM, labels: Tensor | None = LABELS, seeds: list[int] = SEEDS, bias: float = 1.0) -> Tensor:
    return model.sample(labels, seeds, bias, QUIET).images


def equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def fitted() -> DDPM:
    return fit(build())


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    "changes",
    [{}, {"attention": True}, {"patch": 2}, {"channels": [16, 32]}],
    ids=["plain", "attention", "patch", "two"],
)
def test_fits_with_the_same_seed_give_the_same_weights(changes: dict[str, Any]):
    assert equal(fit(build(**changes)).state_dict(), fit(build(**changes)).state_dict())


def test_a_fit_with_another_seed_gives_other_weights(fitted: DDPM):
    assert not equal(fit(build(), seed=1).state_dict(), fitted.state_dict())


def test_a_fit_on_other_images_gives_other_weights(fitted: DDPM):
    assert not equal(fit(build(), pool=make_images(24, seed=1)).state_dict(), fitted.state_dict())


@pytest.mark.parametrize("attention", [False, True])
def test_a_fit_from_scratch_forgets_what_was_fitted_before(attention: bool):
    model = fit(build(attention=attention), seed=0)
    first = model.state_dict()
    fit(model, seed=1, pool=make_images(24, seed=1))
    assert equal(fit(model, seed=0).state_dict(), first)


def test_a_fine_tuned_fit_starts_from_the_present_weights(fitted: DDPM):
    model = build(learning_rate=1e-12)
    model.load_state_dict(fitted.state_dict())
    fit(model, seed=1, from_scratch=False)
    for name, value in model.state_dict().items():
        assert torch.allclose(value, fitted.state_dict()[name], atol=1e-9)


@pytest.mark.parametrize("from_scratch", [True, False], ids=["scratch", "finetune"])
@pytest.mark.parametrize("killed_after", [1, STEPS - 1])
def test_a_fit_that_is_killed_and_resumed_equals_an_undisturbed_one_bit_for_bit(from_scratch: bool, killed_after: int):
    undisturbed = fit(build(), seed=5)
    fit(undisturbed, seed=6, from_scratch=from_scratch)
    victim = fit(build(), seed=5)
    before = victim.state_dict()
    checkpoint = KilledCheckpoint(killed_after)
    with pytest.raises(Killed):
        fit(victim, seed=6, from_scratch=from_scratch, checkpoint=checkpoint)
    resumed = build()
    resumed.load_state_dict(before)
    fit(resumed, seed=6, from_scratch=from_scratch, checkpoint=checkpoint)
    assert equal(resumed.state_dict(), undisturbed.state_dict())


def test_a_resumed_fit_is_charged_with_all_of_its_images():
    checkpoint = KilledCheckpoint(3)
    with pytest.raises(Killed):
        fit(build(), checkpoint=checkpoint)
    resumed = fit(build(), checkpoint=checkpoint)
    assert resumed.work.images_trained == 64


def test_a_resumed_fit_does_not_repeat_steps(monkeypatch: pytest.MonkeyPatch):
    checkpoint = KilledCheckpoint(3)
    with pytest.raises(Killed):
        fit(build(), checkpoint=checkpoint)
    resumed, losses = build(), []
    loss = resumed._loss
    monkeypatch.setattr(resumed, "_loss", lambda *arguments: losses.append(loss(*arguments)) or losses[-1])
    fit(resumed, checkpoint=checkpoint)
    assert len(losses) == STEPS - 3


@pytest.mark.parametrize(("images", "trained"), [(64, 64), (60, 64), (65, 80), (1, 16)])
def test_work_counts_whole_batches_of_trained_images(images: int, trained: int):
    assert fit(build(images=images)).work.images_trained == trained


def test_a_loss_that_is_not_finite_stops_the_fit_with_advice():
    with pytest.raises(RunFailed, match=r"the loss is (nan|inf) after \d+ of 40 steps, training has diverged: lower"):
        fit(build(learning_rate=1e30, images=640))


def test_weights_put_in_place_sample_the_same_images(fitted: DDPM):
    other = build()
    other.load_state_dict(fitted.state_dict())
    assert torch.equal(sample(other), sample(fitted))


def test_weights_given_out_do_not_change_with_the_next_fit():
    model = fit(build())
    given = model.state_dict()
    copied = {name: value.clone() for name, value in given.items()}
    fit(model, seed=1)
    assert equal(given, copied)


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("bias", [1.0, 0.5], ids=["unbiased", "guided"])
def test_an_image_depends_on_its_own_seed_and_label_and_not_on_its_place(fitted: DDPM, bias: float):
    order = torch.tensor([6, 2, 0, 5, 1, 4, 3])
    permuted = sample(fitted, LABELS[order], [SEEDS[i] for i in order], bias)
    assert torch.equal(permuted, sample(fitted, bias=bias)[order])


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("n", [1, 3, 4, 5])
def test_fewer_images_are_the_first_of_more(fitted: DDPM, n: int):
    assert torch.equal(sample(fitted, LABELS[:n], SEEDS[:n]), sample(fitted)[:n])


def test_every_batch_of_sampling_has_the_size_that_is_set(monkeypatch: pytest.MonkeyPatch):
    # Kernels may round differently for another batch size, here or on another device.
    model, sizes = build(), []
    draw = model._draw
    monkeypatch.setattr(
        model,
        "_draw",
        lambda noise, labels, bias: sizes.append((len(noise), len(labels))) or draw(noise, labels, bias),
    )
    sample(model)
    assert sizes == [(4, 4), (4, 4)]


@pytest.mark.parametrize("bias", [1.0, 0.5], ids=["unbiased", "guided"])
def test_another_label_or_seed_changes_that_image_alone(fitted: DDPM, bias: float):
    images = sample(fitted, bias=bias)
    labels = LABELS.clone()
    labels[2] = 9
    seeds = [*SEEDS[:5], 1234, *SEEDS[6:]]
    changed = sample(fitted, labels, seeds, bias)
    different = (changed != images).flatten(1).any(1)
    assert different.tolist() == [False, False, True, False, False, True, False]


def test_images_are_uint8_with_the_labels_they_were_asked_for(fitted: DDPM):
    images = fitted.sample(LABELS, SEEDS, 1.0, QUIET)
    assert images.images.shape == (7, 1, 8, 8)
    assert images.labels is LABELS


def test_a_model_without_labels_fits_and_samples():
    model = fit(build(n_classes=None), pool=make_images(24, n_classes=None))
    images = model.sample(None, SEEDS, 1.0, QUIET)
    assert (len(images), images.labels) == (7, None)


def test_a_model_without_labels_refuses_a_sampling_bias():
    with pytest.raises(RunFailed, match=r"sampling_bias is 0\.5: without labels .* allowed is 1"):
        build(n_classes=None).sample(None, SEEDS, 0.5, QUIET)


def test_colour_images_are_fitted_and_sampled():
    model = fit(build(shape=(3, 8, 8)), pool=make_images(24, shape=(3, 8, 8)))
    assert sample(model).shape == (7, 3, 8, 8)


@pytest.mark.parametrize("n", [3, 4, 7])
@pytest.mark.parametrize(("bias", "evaluations"), [(1.0, 3), (0.5, 6)], ids=["unbiased", "guided"])
def test_work_counts_network_evaluations_and_guidance_doubles_them(n: int, bias: float, evaluations: int):
    model = build()
    sample(model, LABELS[:n], SEEDS[:n], bias)
    assert model.work.network_evaluations == n * evaluations == n * model.evaluations_per_image(bias)


@pytest.mark.parametrize(("bias", "forwards"), [(1.0, 3), (0.5, 6)], ids=["unbiased", "guided"])
def test_the_network_is_evaluated_as_often_as_is_counted(bias: float, forwards: int):
    model, rows = build(), []
    model._averaged.register_forward_pre_hook(lambda _, arguments: rows.append(len(arguments[0])))
    sample(model, LABELS[:4], SEEDS[:4], bias)
    assert sum(rows) == 4 * forwards == model.work.network_evaluations


def random_state() -> list[Any]:
    """Return the state of every random generator that is shared by the whole process."""
    _, keys, *rest = np.random.get_state()  # noqa: NPY002
    return [torch.get_rng_state().tolist(), keys.tolist(), rest, random.getstate()]


@pytest.mark.parametrize("stage", ["build", "fit", "sample"])
def test_the_global_random_state_is_left_alone(stage: str):
    model = build()
    before = random_state()
    match stage:
        case "build":
            build(attention=True)
        case "fit":
            fit(model)
        case "sample":
            sample(model, bias=0.5)
    assert random_state() == before


@pytest.mark.parametrize("stage", ["fit", "sample"])
def test_the_global_random_state_has_no_influence(fitted: DDPM, stage: str):
    torch.manual_seed(123)
    model = fit(build()) if stage == "fit" else fitted
    images = sample(model)
    torch.manual_seed(456)
    model = fit(build()) if stage == "fit" else fitted
    assert torch.equal(sample(model), images)


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
    monkeypatch.setattr(model, "_solver", StubSolver())
    noise, labels = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 3, 5, 9])
    conditional = noise / 2 + labels.view(4, 1, 1, 1) / 10
    unconditional = noise / 2 + 10 / 10  # the label after the ten classes
    expected = (1 + w) * conditional - w * unconditional
    assert torch.allclose(model._draw(noise.flatten(1), labels, 1 / (1 + w)), expected, atol=1e-6)


def test_pixels_are_the_solvers_values_from_minus_one_to_one_rounded_and_clipped(monkeypatch: pytest.MonkeyPatch):
    model = build()
    values = torch.tensor([-1.5, -1.0, 0.0, 0.5, 1.0, 1.5]).repeat(11)[:64].view(1, 1, 8, 8).expand(4, 1, 8, 8)
    monkeypatch.setattr(model, "_draw", lambda *arguments: values.clone())
    # 127.5 rounds to the even 128; 0.5 is 191.25.
    assert sample(model, LABELS[:1], SEEDS[:1]).flatten()[:6].tolist() == [0, 0, 128, 191, 255, 255]


class Spy:
    """Stands for the prediction of a model in training; keeps the noise levels and labels of each batch."""

    def __init__(self) -> None:
        self.timesteps: list[Tensor] = []
        self.labels: list[Tensor] = []

    def __call__(self, network: Any, noisy: Tensor, timesteps: Tensor, labels: Tensor) -> Tensor:
        self.timesteps.append(timesteps)
        self.labels.append(labels)
        return torch.zeros_like(noisy).requires_grad_()


@pytest.mark.parametrize("level", [50, 250, 499])
def test_the_loss_of_a_predicted_image_is_the_error_of_the_velocity_that_it_implies(
    monkeypatch: pytest.MonkeyPatch, level: int
):
    model, velocity_model = build(prediction="sample"), build()
    clean, guess = make_images(1).images / 127.5 - 1, make_images(1, seed=1).images / 127.5 - 1
    signal = model._noising.alphas_cumprod[level].item()
    timesteps = torch.tensor([level])
    monkeypatch.setattr(torch, "rand", lambda *size, **_: torch.tensor((level + 0.5) / 500).expand(*size))

    def implied_velocity(network: Any, noisy: Tensor, given: Tensor, labels: Any) -> Tensor:
        assert given.tolist() == timesteps.tolist()
        # v = sqrt(a) noise - sqrt(1 - a) image, where noisy = sqrt(a) image + sqrt(1 - a) noise
        noise = (noisy - signal**0.5 * guess) / (1 - signal) ** 0.5
        return signal**0.5 * noise - (1 - signal) ** 0.5 * guess

    monkeypatch.setattr(model, "_predict", lambda *arguments: guess)
    monkeypatch.setattr(velocity_model, "_predict", implied_velocity)
    losses = [m._loss(clean, None, torch.Generator().manual_seed(0)).item() for m in (model, velocity_model)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon", "sample"])
def test_every_kind_of_prediction_learns_what_it_samples(prediction: str):
    # Two grey levels, each the images of a label: a model that has learned anything tells them apart.
    labels = torch.arange(64) % 2
    pool = ImageSet((labels * 160 + 48).to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8).contiguous(), labels)
    settings = {"prediction": prediction, "images": 64 * 150, "batch_size": 64, "sampling_steps": 10}
    model = fit(build(n_classes=2, learning_rate=3e-3, **settings), pool=pool)
    grey = sample(model, labels[:16], list(range(16))).double().mean((1, 2, 3))
    assert (grey[1::2].mean() - grey[::2].mean()).item() == pytest.approx(160, abs=60)


def test_images_are_mirrored_with_probability_one_half_where_the_task_says_so(monkeypatch: pytest.MonkeyPatch):
    pool = make_images(24)
    by_name = {bytes(image.flatten().tolist()): i for i, image in enumerate(pool.images)}
    mirrored = {bytes(image.flatten().tolist()): i for i, image in enumerate(pool.images.flip(3))}
    for flips in (False, True):
        model, seen = build(flips=flips, images=16 * 40), []
        loss = model._loss
        monkeypatch.setattr(model, "_loss", lambda real, *rest: seen.append(real) or loss(real, *rest))  # noqa: B023
        fit(model, pool=pool)
        names = [bytes(to_uint8(image).flatten().tolist()) for image in torch.cat(seen)]
        assert all(name in by_name or name in mirrored for name in names)
        share = sum(name in mirrored for name in names) / len(names)
        # A binomial share of 640; without flips none.
        assert abs(share - 0.5 * flips) <= 4 * 0.5 / math.sqrt(640) * flips


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
        DDPMSettings.model_validate(SETTINGS | {"channels": [width]})
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
    assert _learning_rate_factor(0) == 0
    assert _learning_rate_factor(WARMUP_FRACTION / 2) == pytest.approx(0.5)
    assert _learning_rate_factor(WARMUP_FRACTION) == 1
    assert _learning_rate_factor((1 + WARMUP_FRACTION) / 2) == pytest.approx(0.5)
    assert _learning_rate_factor(0.999) < 1e-4


def test_learning_rate_rises_and_then_only_falls():
    factors = np.array([_learning_rate_factor(x) for x in np.linspace(0, 1, 201)])
    top = factors.argmax()
    assert (np.diff(factors[: top + 1]) > 0).all()
    assert (np.diff(factors[top:]) < 0).all()
