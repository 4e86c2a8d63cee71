"""What methods may ask of a DDPM beyond training and sampling: losses, least noise, conditions, corrections, steps."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from builders import QUIET, Killed, KilledCheckpoint, MemoryCheckpoint, make_images
from models import LABELS, POOL, SEEDS, Build, ddpm, equal, fit, sample, stylegan
from torch import Tensor, nn

from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.base import Extrapolation
from bench.generators.batch import Batch
from bench.generators.ddpm import DDPM
from bench.generators.noise import NoiseLevel
from bench.seeds import derive_seed

PREDICTIONS = pytest.mark.parametrize("prediction", ["v_prediction", "epsilon", "sample"])
SOURCES = torch.arange(24) % 2


@pytest.fixture(scope="module")
def fitted() -> DDPM:
    return fit(ddpm())


@pytest.fixture(scope="module")
def conditioned() -> DDPM:
    return fit(ddpm(images=16 * 30), conditions=SOURCES)


# The loss of images


@PREDICTIONS
def test_the_loss_is_the_error_of_the_averaged_network_worked_out_by_hand(prediction: str):
    model = fit(ddpm(prediction=prediction))
    found = model.loss(POOL[:2], 7, QUIET, levels=[0.25, 0.8])
    expected = torch.zeros(2)
    for i, time in enumerate((125, 400)):
        clean = POOL[:2].images / 127.5 - 1
        noise = torch.randn(64, generator=torch.Generator().manual_seed(derive_seed(7, "loss", i))).view(1, 1, 8, 8)
        a = model._schedule.noising.alphas_cumprod[time]
        noisy = a.sqrt() * clean + (1 - a).sqrt() * noise
        with torch.no_grad():
            output = model._averaged(noisy, torch.tensor(time), class_labels=POOL.labels[:2]).sample
        target = {"v_prediction": a.sqrt() * noise - (1 - a).sqrt() * clean, "epsilon": noise, "sample": clean}
        error = (output - target[prediction]).square().mean((1, 2, 3))
        expected += error / (1 - a) if prediction == "sample" else error
    assert torch.allclose(found, expected / 2, rtol=1e-4)


def test_the_loss_of_an_image_does_not_depend_on_those_beside_it(fitted: DDPM):
    whole = fitted.loss(POOL, 0, QUIET)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))[:7]
    assert torch.equal(fitted.loss(POOL[order], 0, QUIET), whole[order])
    assert (whole.dtype, whole.shape) == (torch.float32, (24,))
    assert not torch.equal(fitted.loss(POOL, 1, QUIET), whole)


def test_the_loss_is_that_of_training_in_expectation(fitted: DDPM):
    # The training loss of the same weights, without dropped labels, averaged over many draws of noise and levels.
    model = ddpm(condition_dropout=0.0, batch_size=24)
    model.load_state_dict(fitted.state_dict())
    model.begin_fit(0, from_scratch=False, steps=1, learning_rate=1e-3)
    batch = Batch(POOL.images / 127.5 - 1, POOL.labels)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        trained = torch.stack([model._loss(batch, random) for _ in range(60)])
    read = torch.stack([model.loss(POOL, seed, QUIET).mean() for seed in range(8)])
    errors = trained.std() / math.sqrt(60), read.std() / math.sqrt(8)
    assert abs(trained.mean() - read.mean()) < 4 * math.hypot(*errors)


def test_images_without_labels_are_looked_at_as_if_their_labels_had_been_dropped(fitted: DDPM):
    without = fitted.loss(ImageSet(POOL.images), 0, QUIET)
    assert not torch.equal(without, fitted.loss(POOL, 0, QUIET))


def test_a_loss_costs_an_evaluation_for_each_image_and_level():
    model, rows = ddpm(), []
    model._averaged.register_forward_pre_hook(lambda _, arguments: rows.append(len(arguments[0])))
    model.loss(POOL[:8], 0, QUIET, levels=[0.1, 0.5, 0.9])
    assert model.work.network_evaluations == 24 == sum(rows)
    model.loss(POOL[:7], 0, QUIET)
    assert model.work.network_evaluations == 24 + 7 * 16


@pytest.mark.parametrize("levels", [[], [0.5, 1.1], [-0.1], [math.nan]])
def test_levels_that_cannot_be_are_refused(fitted: DDPM, levels: list[float]):
    with pytest.raises(RunFailed, match=r"levels is .*: choose one or more from 0 to 1"):
        fitted.loss(POOL, 0, QUIET, levels=levels)


def test_a_trained_model_finds_what_it_was_trained_on_likelier_than_noise():
    # Two grey levels are all that it has seen.
    labels = torch.arange(64) % 2
    greys = ImageSet((labels * 160 + 48).to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8).contiguous(), labels)
    model = fit(ddpm(n_classes=2, images=32 * 80, batch_size=32, learning_rate=3e-3), pool=greys)
    losses = [model.loss(images, 0, QUIET) for images in (greys[:2], make_images(2, n_classes=2))]
    assert losses[0].max() < 0.5 * losses[1].min()


# The least noise that an image may be trained at


@PREDICTIONS
def test_a_least_noise_leaves_levels_out_of_the_loss_and_nothing_else_in_expectation(prediction: str):
    # The loss with a least noise s, over even positions, against a direct sum over all times: those below s count
    # nothing, the others what they count without it. Every position and each image is met alike.
    model = ddpm(timesteps=20, prediction=prediction)
    clean = POOL.images[:1] / 127.5 - 1
    noise = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    def error(times: Tensor) -> Tensor:
        n = len(times)
        guess = torch.linspace(-1, 1, 64).view(1, 1, 8, 8).expand(n, -1, -1, -1) * times.view(n, 1, 1, 1)
        errors = model._schedule.errors(guess, clean.expand(n, -1, -1, -1), noise.expand(n, -1, -1, -1), times)
        return errors if errors.ndim == 1 else errors.mean((1, 2, 3))

    every = error(torch.arange(20))
    position = (torch.arange(4000) + 0.5) / 4000
    for least in (0.0, 0.25, 0.55, 0.95):
        times, counts = model._schedule.drawn_times(position, torch.full((4000,), least))
        assert times.min() == round(20 * least)
        direct = every[round(20 * least) :].sum() / 20
        assert (error(times) * counts).mean().item() == pytest.approx(direct.item(), rel=1e-5)


def test_a_level_of_the_sampler_as_least_noise_allows_that_level_and_those_above():
    model = ddpm(timesteps=500)
    levels = model.noise_levels(10)
    times, _ = model._schedule.drawn_times(torch.zeros(10), torch.tensor([level.level for level in levels]))
    assert (
        times.tolist() == [499, 449, 399, 349, 299, 249, 199, 149, 99, 49] == model._schedule.solver.timesteps.tolist()
    )


def test_no_image_is_trained_below_its_least_noise_and_one_with_a_least_noise_of_1_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
):
    model, seen = ddpm(images=16 * 40), []
    least = torch.linspace(0, 1, 24)
    predict = model._predict

    def spy(network: Any, noisy: Tensor, times: Tensor, labels: Tensor, conditions: Any = None) -> Tensor:
        seen.append(times)
        return predict(network, noisy, times, labels, conditions)

    loss = model._loss
    batches: list[Batch] = []
    monkeypatch.setattr(model, "_predict", spy)
    monkeypatch.setattr(model, "_loss", lambda batch, random: batches.append(batch) or loss(batch, random))
    fit(model, least_noise=least)
    floors = torch.cat([batch.least_noise for batch in batches])
    times = torch.cat(seen)
    allowed = floors < 1
    assert (times >= (floors * 500 + 1e-3).floor())[allowed].all()
    # The lowest time of an image is near its least noise, not always at the top.
    assert times[(floors > 0.4) & (floors < 0.6)].min() < 350

    others = ImageSet(torch.cat([POOL.images[:12], make_images(12, seed=1).images]), POOL.labels)
    never = torch.tensor([0.0] * 12 + [1.0] * 12)
    one, other = (fit(ddpm(), pool=pool, least_noise=never) for pool in (POOL, others))
    assert equal(one.state_dict(), other.state_dict())


def test_a_least_noise_of_0_is_the_plain_loss(fitted: DDPM):
    # Up to rounding: the times are the same, and all weights are 1.
    model = fit(ddpm(), least_noise=torch.zeros(24))
    for name, value in model.state_dict().items():
        assert torch.allclose(value, fitted.state_dict()[name], atol=1e-4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"least_noise": torch.zeros(23)}, r"least_noise of a pool of 24 images must be \(24,\), found \(23,\)"),
        ({"least_noise": torch.full((24,), 1.5)}, r"least_noise is 1\.5 to 1\.5: choose from 0 to 1"),
        ({"least_noise": torch.full((24,), math.nan)}, "least_noise is nan to nan: choose from 0 to 1"),
        ({"least_noise": torch.ones(24)}, "least_noise is 1 for all images"),
        ({"conditions": torch.zeros(23).long()}, r"conditions of a pool of 24 images must be \(24,\), found \(23,\)"),
        ({"conditions": torch.full((24,), -1)}, "conditions is -1 to -1: the least is 0"),
        ({"conditions": torch.zeros(24)}, r"conditions must be torch\.int64, found torch\.float32"),
    ],
)
def test_what_cannot_be_said_of_the_images_of_a_pool_is_refused(given: dict[str, Tensor], message: str):
    with pytest.raises(RunFailed, match=message):
        fit(ddpm(), **given)


# A further condition


@pytest.mark.parametrize("n_classes", [10, None], ids=["labels", "no labels"])
def test_a_model_tells_conditions_apart_and_draws_condition_0_unless_told_otherwise(n_classes: int | None):
    # Images of condition 1 are bright, those of 0 dark; labels say nothing.
    conditions = torch.arange(64) % 2
    images = (conditions * 160 + 48).to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8).contiguous()
    labels = None if n_classes is None else torch.zeros(64, dtype=torch.int64)
    settings = {"images": 32 * 80, "batch_size": 32, "sampling_steps": 5, "learning_rate": 3e-3}
    model = fit(ddpm(n_classes, **settings), pool=ImageSet(images, labels), conditions=conditions)
    wanted = None if labels is None else labels[:16]
    drawn = [model.sample(wanted, list(range(16)), 1.0, QUIET, condition=c).images.double().mean() for c in (0, 1)]
    assert torch.equal(
        model.sample(wanted, list(range(16)), 1.0, QUIET).images,
        model.sample(wanted, list(range(16)), 1.0, QUIET, condition=0).images,
    )
    assert drawn[1] - drawn[0] == pytest.approx(160, abs=60)


def test_conditions_change_no_weight_that_is_drawn_and_all_0_are_none_at_all(fitted: DDPM):
    plain, conditioned = ddpm(), ddpm()
    for model, n in ((plain, 1), (conditioned, 3)):
        model.expect_conditions(n, from_scratch=True)
        model.begin_fit(5, from_scratch=True, steps=1, learning_rate=1e-3)
    drawn = conditioned.state_dict()
    rows = drawn.pop("class_embedding.conditions")
    assert rows.shape == (2, 64)
    assert rows.std().item() == pytest.approx(1, abs=0.3)
    assert equal(drawn, plain.state_dict())
    zero = fit(ddpm(), conditions=torch.zeros(24, dtype=torch.int64))
    assert equal(zero.state_dict(), fitted.state_dict())


def test_conditions_leave_the_global_random_state_alone(conditioned: DDPM):
    before = torch.get_rng_state()
    model = fit(ddpm(), conditions=SOURCES)
    fit(model)
    model.load_state_dict(conditioned.state_dict())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("n_classes", [10, None], ids=["labels", "no labels"])
def test_a_state_with_conditions_makes_the_same_model_of_one_without_and_back(n_classes: int | None):
    pool, labels = make_images(24, n_classes=n_classes), None if n_classes is None else LABELS
    plain = fit(ddpm(n_classes), pool=pool)
    model = fit(ddpm(n_classes), pool=pool, conditions=torch.arange(24) % 3)
    other = ddpm(n_classes)
    for state, condition in ((model.state_dict(), 2), (plain.state_dict(), 0)):
        reference = model if condition else plain
        other.load_state_dict(state)
        assert equal(other.state_dict(), state)
        drawn = [m.sample(labels, SEEDS, 1.0, QUIET, condition=condition).images for m in (other, reference)]
        assert torch.equal(*drawn)


def test_a_fit_that_goes_on_keeps_its_conditions_and_begins_as_the_same_function(conditioned: DDPM):
    model = ddpm(learning_rate=1e-12)
    model.load_state_dict(conditioned.state_dict())
    fit(model, from_scratch=False, conditions=torch.arange(24) % 4)
    before, after = conditioned.state_dict(), model.state_dict()
    assert len(after["class_embedding.conditions"]) == 3
    assert torch.allclose(after["class_embedding.conditions"][:1], before["class_embedding.conditions"], atol=1e-9)
    assert after["class_embedding.conditions"][1:].abs().max() < 1e-9
    fit(model, from_scratch=False)
    assert len(model.state_dict()["class_embedding.conditions"]) == 3
    assert equal(fit(model, seed=0).state_dict(), fit(ddpm(learning_rate=1e-12), seed=0).state_dict())


@pytest.mark.parametrize("n_classes", [10, None], ids=["labels", "no labels"])
def test_a_fit_with_conditions_that_is_killed_and_resumed_equals_an_undisturbed_one(n_classes: int | None):
    given = {"pool": make_images(24, n_classes=n_classes), "conditions": SOURCES, "least_noise": torch.rand(24) / 2}
    checkpoint = KilledCheckpoint(2)
    with pytest.raises(Killed):
        fit(ddpm(n_classes), checkpoint=checkpoint, **given)
    resumed = fit(ddpm(n_classes), checkpoint=checkpoint, **given)
    assert equal(resumed.state_dict(), fit(ddpm(n_classes), **given).state_dict())
    assert resumed.work.images_trained == 64


@pytest.mark.parametrize("given", [{"conditions": SOURCES}, {"least_noise": torch.rand(24)}])
def test_a_fit_does_not_go_on_from_the_checkpoint_of_one_that_was_told_something_else(given: dict[str, Tensor]):
    checkpoint = KilledCheckpoint(1)
    with pytest.raises(Killed):
        fit(ddpm(), checkpoint=checkpoint)
    left = MemoryCheckpoint()
    left.state = checkpoint.state
    assert equal(fit(ddpm(), checkpoint=left, **given).state_dict(), fit(ddpm(), **given).state_dict())


@pytest.mark.parametrize("condition", [2, -1])
def test_a_condition_that_was_not_trained_is_refused(conditioned: DDPM, condition: int):
    message = f"condition is {condition}: choose from 0 to 1, those that were trained"
    with pytest.raises(RunFailed, match=message):
        conditioned.sample(LABELS, SEEDS, 1.0, QUIET, condition=condition)
    with pytest.raises(RunFailed, match=message):
        conditioned.sample_guided(LABELS, SEEDS, [0.0] * 3, QUIET, condition=condition)


@pytest.mark.parametrize("bias", [1.0, 0.5])
def test_guided_sampling_under_a_condition_is_that_of_its_bias(conditioned: DDPM, bias: float):
    drawn = conditioned.sample(LABELS, SEEDS, bias, QUIET, condition=1).images
    guided = conditioned.sample_guided(LABELS, SEEDS, [1 / bias - 1] * 3, QUIET, condition=1).images
    assert torch.equal(guided, drawn)
    assert not torch.equal(drawn, sample(conditioned, bias=bias))


def test_a_second_model_may_have_other_conditions(fitted: DDPM, conditioned: DDPM):
    plain = fitted.state_dict()
    drawn = [
        conditioned.sample_guided(LABELS, SEEDS, [0.0] * 3, QUIET, Extrapolation(state, 0.0)).images
        for state in (plain, conditioned.state_dict(), plain)
    ]
    assert torch.equal(drawn[0], sample(conditioned))
    assert torch.equal(drawn[0], drawn[1])
    with pytest.raises(RunFailed, match="condition is 1: choose from 0 to 0, those that were trained"):
        conditioned.sample_guided(LABELS, SEEDS, [0.0] * 3, QUIET, Extrapolation(plain, 0.0), condition=1)


# A correction in each step of the sampler


@PREDICTIONS
def test_a_correction_that_a_change_of_the_score_means_moves_the_predicted_image(prediction: str):
    # With one step the sampler's image is the predicted one. Data at one point m: the score of the noisy images is
    # (a m - x) / s^2, and towards another point the gradient is a (m' - m) / s^2, which must move the image to m'.
    model = ddpm(prediction=prediction)
    [level] = model.noise_levels(1)
    assert level.signal**2 + level.noise**2 == pytest.approx(1)
    target = torch.linspace(-0.9, 0.9, 64).view(1, 1, 8, 8)

    def at_point(network: Any, noisy: Tensor, time: Tensor, labels: Any, conditions: Any = None) -> Tensor:
        point, (a, s) = torch.zeros_like(noisy), (level.signal, level.noise)
        noise = (noisy - a * point) / s
        return {"v_prediction": a * noise - s * point, "epsilon": noise, "sample": point}[prediction]

    model._predict = at_point

    def correct(noisy: Tensor, at: NoiseLevel, labels: Tensor | None) -> Tensor:
        assert at == level
        return at.shift(at.signal / at.noise**2 * target.expand(noisy.shape))

    drawn = model.sample_guided(LABELS, SEEDS, [0.0], QUIET, correct=correct, steps=1).images
    expected = (target * 127.5 + 127.5).round().to(torch.uint8)
    # Epsilon at the first time divides by a signal of 1e-4: rounding is multiplied.
    assert (drawn.int() - expected.int()).abs().max() <= (12 if prediction == "epsilon" else 1)


def test_a_correction_of_nothing_changes_nothing_and_one_of_gradients_is_per_image(fitted: DDPM):
    with torch.random.fork_rng(devices=[]):
        critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.SiLU(), nn.Linear(8, 10))
    seen: list[tuple[int, float]] = []

    def correct(noisy: Tensor, level: NoiseLevel, labels: Tensor | None) -> Tensor:
        assert labels is not None
        seen.append((len(noisy), level.level))
        noisy.requires_grad_()
        log_probability = critic(noisy).log_softmax(1).gather(1, labels[:, None]).sum()
        return level.shift(torch.autograd.grad(log_probability, noisy)[0]).clamp(-0.5, 0.5)

    def guided(n: int, **given: Any) -> Tensor:
        return fitted.sample_guided(LABELS[:n], SEEDS[:n], [0.0] * 3, QUIET, **given).images

    assert torch.equal(guided(7, correct=lambda noisy, level, labels: torch.zeros_like(noisy)), sample(fitted))
    whole = guided(7, correct=correct)
    assert not torch.equal(whole, sample(fitted))
    assert torch.equal(guided(3, correct=correct), whole[:3])
    assert {n for n, _ in seen} == {4}  # sampling_batch
    assert [level for _, level in seen[:3]] == [level.level for level in fitted.noise_levels()]
    assert not any(weight.grad is not None for weight in critic.parameters())


def test_a_classifier_on_noisy_images_guides_towards_its_class():
    # Classifier guidance (Dhariwal & Nichol 2021) of an unconditional model of two grey levels, with the exact
    # classifier of noisy images: a logistic function of their mean.
    labels = torch.arange(64) % 2
    greys = (labels * 160 + 48).to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8).contiguous()
    settings = {"images": 32 * 100, "batch_size": 32, "sampling_steps": 10, "learning_rate": 3e-3}
    model = fit(ddpm(None, **settings), pool=ImageSet(greys))
    dark, bright = (value / 127.5 - 1 for value in (48, 208))

    def towards_bright(noisy: Tensor, level: NoiseLevel, labels: Tensor | None) -> Tensor:
        noisy.requires_grad_()
        distances = [(noisy - level.signal * value).square().sum((1, 2, 3)) for value in (dark, bright)]
        log_odds = (distances[0] - distances[1]) / (2 * level.noise**2)
        return level.shift(torch.autograd.grad(nn.functional.logsigmoid(log_odds).sum(), noisy)[0])

    seeds = list(range(32))
    plain = model.sample(None, seeds, 1.0, QUIET).images.double().mean((1, 2, 3))
    guided = model.sample_guided(None, seeds, [0.0] * 10, QUIET, correct=towards_bright).images.double()
    assert 4 < (plain > 128).sum() < 28
    assert (guided.mean((1, 2, 3)) > 128).all()


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda noisy: noisy[:1], r"correct returned \(1, 1, 8, 8\) for noisy images of \(4, 1, 8, 8\)"),
        (lambda noisy: noisy * math.nan, "correct returned what is not finite, at the noise level 0.999"),
    ],
)
def test_a_correction_that_cannot_be_added_is_refused(fitted: DDPM, returned: Any, message: str):
    with pytest.raises(RunFailed, match=message):
        fitted.sample_guided(LABELS, SEEDS, [0.0] * 3, QUIET, correct=lambda noisy, *_: returned(noisy))


# The number of steps


def test_the_number_of_steps_is_an_argument_and_changes_nothing_after_it(fitted: DDPM):
    # Three steps are what the settings say.
    other = fit(ddpm(sampling_steps=7))
    for bias in (1.0, 0.5):
        assert torch.equal(fitted.sample(LABELS, SEEDS, bias, QUIET, steps=7).images, sample(other, bias=bias))
        assert torch.equal(
            fitted.sample_guided(LABELS, SEEDS, [1 / bias - 1] * 7, QUIET, steps=7).images, sample(other, bias=bias)
        )
        assert torch.equal(other.sample(LABELS, SEEDS, bias, QUIET, steps=3).images, sample(fitted, bias=bias))


def test_steps_are_counted():
    model = ddpm()
    model.sample(LABELS, SEEDS, 1.0, QUIET, steps=5)
    assert model.work.network_evaluations == 5 * 7
    model.sample(LABELS, SEEDS, 0.5, QUIET, steps=5)
    assert model.work.network_evaluations == 15 * 7
    model.sample_guided(LABELS, SEEDS, [0.0, 1.0], QUIET, steps=2, correct=lambda noisy, *_: noisy)
    assert model.work.network_evaluations == 18 * 7


@pytest.mark.parametrize("steps", [0, -1, 501])
def test_a_number_of_steps_that_the_schedule_has_not_is_refused(fitted: DDPM, steps: int):
    for call in (
        lambda: fitted.sample(LABELS, SEEDS, 1.0, QUIET, steps=steps),
        lambda: fitted.sample_guided(LABELS, SEEDS, [0.0], QUIET, steps=steps),
        lambda: fitted.noise_levels(steps),
    ):
        with pytest.raises(RunFailed, match=f"steps is {steps}: choose from 1 to 500"):
            call()


# Labels, and what other generators cannot


@pytest.mark.parametrize("build", [ddpm, stylegan])
@pytest.mark.parametrize(
    ("n_classes", "labels", "message"),
    [
        (10, torch.arange(24) - 1, "was given labels from -1 to 22: choose from 0 to 9"),
        # What stands for "no label" inside of the DDPM is none.
        (10, torch.full((24,), 10), "was given labels from 10 to 10: choose from 0 to 9"),
        (10, None, "was given no labels: choose from 0 to 9"),
        (None, torch.zeros(24, dtype=torch.int64), "was given labels: give none"),
    ],
)
def test_labels_are_those_of_the_task(build: Build, n_classes: int | None, labels: Tensor | None, message: str):
    model, pool = build(n_classes), ImageSet(POOL.images, labels)
    with pytest.raises(RunFailed, match=f"^fit {message}$"):
        fit(model, pool=pool)
    with pytest.raises(RunFailed, match=f"^sample {message}$"):
        model.sample(labels, list(range(24)), 1.0, QUIET)
    if build is ddpm and labels is not None:
        with pytest.raises(RunFailed, match=f"^loss {message}$"):
            model.loss(pool, 0, QUIET)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda model: fit(model, least_noise=torch.zeros(24)), "be given least_noise"),
        (lambda model: fit(model, conditions=SOURCES), "be given conditions"),
        (lambda model: model.sample(LABELS, SEEDS, 1.0, QUIET, condition=1), "be given conditions"),
        (lambda model: model.sample(LABELS, SEEDS, 1.0, QUIET, steps=5), "be given steps"),
        (lambda model: model.loss(POOL, 0, QUIET), "tell its loss on images"),
        (lambda model: model.noise_levels(), "sample in steps"),
    ],
)
def test_a_generator_that_cannot_says_so_in_one_line(call: Any, what: str):
    with pytest.raises(RunFailed, match=f"the generator stylegan cannot {what}: choose ddpm"):
        call(stylegan())


def test_what_is_said_of_images_goes_with_them_through_the_batches(monkeypatch: pytest.MonkeyPatch):
    model, batches = ddpm(), []
    monkeypatch.setattr(model, "train_step", lambda training, step, batch, random: batches.append(batch) or {})
    numbers = torch.arange(24)
    pool = replace(POOL, images=numbers.to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8).contiguous())
    fit(model, pool=pool, weights=numbers + 1.0, least_noise=numbers / 32, conditions=numbers)
    for batch in batches:
        of_image = ((batch.images[:, 0, 0, 0] + 1) * 127.5).round().long()
        assert torch.equal(batch.conditions, of_image)
        assert torch.equal(batch.least_noise, of_image / 32)
        assert torch.allclose(batch.weights, (of_image + 1) / 12.5)
        assert torch.equal(batch.labels, POOL.labels[of_image])
