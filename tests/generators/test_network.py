"""What the generators that are networks share: determinism, resume, flips and averages in training, and sampling."""

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from builders import QUIET, Killed, KilledCheckpoint, MemoryCheckpoint, make_images
from models import LABELS, POOL, SEEDS, STEPS, Build, ddpm, equal, fit, sample, stylegan
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.base import Work
from bench.generators.network import NetworkGenerator
from bench.generators.training import Training, ema_decay, to_uint8

OTHER_POOL = make_images(24, seed=1)
BIASES = pytest.mark.parametrize("bias", [1.0, 0.5], ids=["unbiased", "biased"])


@pytest.fixture(scope="module", params=[ddpm, stylegan])
def build(request: pytest.FixtureRequest) -> Build:
    return request.param


@pytest.fixture(scope="module")
def fitted(build: Build) -> NetworkGenerator:
    return fit(build())


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


VARIANTS = pytest.mark.parametrize(
    ("build", "changes"),
    [
        pytest.param(ddpm, {}, id="ddpm"),
        pytest.param(ddpm, {"attention": True}, id="ddpm-attention"),
        pytest.param(ddpm, {"patch": 2}, id="ddpm-patch"),
        pytest.param(ddpm, {"channels": [16, 32]}, id="ddpm-two"),
        pytest.param(ddpm, {"sampler": "sde"}, id="ddpm-sde"),
        pytest.param(stylegan, {}, id="stylegan"),
        pytest.param(stylegan, {"patch": 2}, id="stylegan-patch"),
        pytest.param(stylegan, {"base_layers": 3}, id="stylegan-base"),
        pytest.param(stylegan, {"augment": ["color", "translation", "cutout"]}, id="stylegan-augment"),
    ],
)


@VARIANTS
def test_the_size_of_a_checkpoint_is_known_before_there_is_one(build: Build, changes: dict[str, Any]):
    checkpoint = KilledCheckpoint(3)
    with pytest.raises(Killed):
        fit(build(**changes), checkpoint=checkpoint)
    assert checkpoint.state is not None
    # Beside the weights and their moments there are the state of the random generator, and steps and hashes.
    others = len(checkpoint.state["random"]) + 16 * len(checkpoint.state)
    found = sum(tensor.nbytes for tensor in checkpoint.state.values())
    assert found - others < build(**changes).checkpoint_bytes <= found


def test_asking_for_the_size_of_a_checkpoint_changes_nothing(build: Build):
    generator = fit(build())
    before = generator.state_dict()
    assert generator.checkpoint_bytes > 0
    assert equal(generator.state_dict(), before)


@VARIANTS
def test_fits_with_the_same_seed_give_the_same_weights(build: Build, changes: dict[str, Any]):
    assert equal(fit(build(**changes)).state_dict(), fit(build(**changes)).state_dict())


def test_a_fit_with_another_seed_gives_other_weights(build: Build, fitted: NetworkGenerator):
    assert not equal(fit(build(), seed=1).state_dict(), fitted.state_dict())


def test_a_fit_on_other_images_gives_other_weights(build: Build, fitted: NetworkGenerator):
    assert not equal(fit(build(), pool=OTHER_POOL).state_dict(), fitted.state_dict())


@pytest.mark.parametrize(
    ("build", "changes"),
    [(ddpm, {}), (ddpm, {"attention": True}), (stylegan, {})],
    ids=["ddpm", "ddpm-attention", "stylegan"],
)
def test_a_fit_from_scratch_forgets_what_was_fitted_before(build: Build, changes: dict[str, Any]):
    model = fit(build(**changes), seed=0)
    first = model.state_dict()
    fit(model, seed=1, pool=OTHER_POOL)
    assert equal(fit(model, seed=0).state_dict(), first)


def test_a_fine_tuned_fit_starts_from_the_present_weights(build: Build, fitted: NetworkGenerator):
    model = build(learning_rate=1e-12)
    model.load_state_dict(fitted.state_dict())
    fit(model, seed=1, from_scratch=False)
    for name, value in model.state_dict().items():
        assert torch.allclose(value, fitted.state_dict()[name], atol=1e-9)


def test_a_fine_tuned_fit_is_another_than_one_from_scratch(build: Build, fitted: NetworkGenerator):
    scratch, tuned = build(), build()
    tuned.load_state_dict(fitted.state_dict())
    assert not equal(fit(tuned, seed=1, from_scratch=False).state_dict(), fit(scratch, seed=1).state_dict())


@pytest.mark.parametrize("from_scratch", [True, False], ids=["scratch", "finetune"])
@pytest.mark.parametrize("killed_after", [1, STEPS - 1])
def test_a_fit_that_is_killed_and_resumed_equals_an_undisturbed_one_bit_for_bit(
    build: Build, from_scratch: bool, killed_after: int
):
    undisturbed, killed, resumed = fit(build(), seed=5), fit(build(), seed=5), build()
    resumed.load_state_dict(killed.state_dict())
    fit(undisturbed, seed=6, from_scratch=from_scratch)
    checkpoint = KilledCheckpoint(killed_after)
    with pytest.raises(Killed):
        fit(killed, seed=6, from_scratch=from_scratch, checkpoint=checkpoint)
    fit(resumed, seed=6, from_scratch=from_scratch, checkpoint=checkpoint)
    assert equal(resumed.state_dict(), undisturbed.state_dict())
    assert resumed.work == Work(images_trained=64)


def test_a_resumed_fit_does_not_repeat_steps_and_is_charged_with_all_of_its_images(
    monkeypatch: pytest.MonkeyPatch, build: Build
):
    checkpoint = KilledCheckpoint(3)
    with pytest.raises(Killed):
        fit(build(), checkpoint=checkpoint)
    resumed, steps = build(), []
    take = resumed.train_step
    monkeypatch.setattr(
        resumed, "train_step", lambda training, step, *rest: steps.append(step) or take(training, step, *rest)
    )
    fit(resumed, checkpoint=checkpoint)
    assert steps == list(range(3, STEPS))
    assert resumed.work.images_trained == 64


def test_a_fit_does_not_go_on_from_what_another_fit_has_left(build: Build):
    checkpoint = KilledCheckpoint(2)
    with pytest.raises(Killed):
        fit(build(), seed=1, checkpoint=checkpoint)
    for changes in ({"seed": 2}, {"seed": 1, "pool": make_images(24, seed=1)}):
        left = MemoryCheckpoint()
        left.state = dict(checkpoint.state)
        assert equal(fit(build(), **changes, checkpoint=left).state_dict(), fit(build(), **changes).state_dict())


@pytest.mark.parametrize(("images", "trained"), [(64, 64), (60, 64), (65, 80), (1, 16)])
def test_work_counts_whole_batches_of_trained_images(build: Build, images: int, trained: int):
    assert fit(build(images=images)).work.images_trained == trained


@pytest.mark.parametrize(("build", "name"), [(ddpm, "loss"), (stylegan, "discriminator")], ids=["ddpm", "stylegan"])
def test_a_loss_that_is_not_finite_stops_the_fit_with_advice(build: Build, name: str):
    message = rf"the {name} is (nan|inf) after \d+ of 4 steps, training has diverged: lower"
    with pytest.raises(RunFailed, match=message):
        fit(build(learning_rate=1e30))


def test_images_are_mirrored_with_probability_one_half_where_the_task_says_so(
    monkeypatch: pytest.MonkeyPatch, build: Build
):
    plain, mirrored = (
        {bytes(image.flatten().tolist()): i for i, image in enumerate(images)}
        for images in (POOL.images, POOL.images.flip(3))
    )
    for flips in (False, True):
        model, seen = build(flips=flips, images=16 * 40), []
        monkeypatch.setattr(model, "train_step", lambda *arguments: seen.append(arguments[2]) or {})  # noqa: B023
        fit(model)
        names = [bytes(to_uint8(image).flatten().tolist()) for batch in seen for image in batch.images]
        origins = [plain[name] if name in plain else mirrored[name] for name in names]
        assert torch.equal(torch.cat([batch.labels for batch in seen]), POOL.labels[origins])
        shares = torch.tensor([name in mirrored for name in names]).double().view(40, 16).mean(1)
        # A binomial share of 640; without flips none.
        assert abs(shares.mean() - 0.5 * flips) <= 4 * 0.5 / math.sqrt(640) * flips
        assert not flips or 0 < shares.min() < shares.max() < 1  # not a batch as a whole


def test_the_weights_kept_are_the_moving_average_of_those_after_each_step(
    monkeypatch: pytest.MonkeyPatch, build: Build
):
    def step(training: Training, step: int, *_: Any) -> dict[str, Tensor]:
        for weight in training.weights[training.averaged]:
            weight.detach().fill_(step)
        return {}

    model = build(images=16 * 40)
    monkeypatch.setattr(model, "train_step", step)
    fit(model)
    expected = 0.0  # of the weights that it starts from nothing is left
    for i in range(40):
        decay = ema_decay(i + 1, 40, model.settings.ema_halflife)
        expected = decay * expected + (1 - decay) * i
    for name, value in model.state_dict().items():
        if name != "centre" and not name.startswith("discriminator."):
            assert torch.allclose(value, torch.tensor(expected))


def test_the_weight_average_is_no_part_of_a_graph(build: Build, monkeypatch: pytest.MonkeyPatch):
    model, trainings = build(), []
    begin = model.begin_fit
    monkeypatch.setattr(model, "begin_fit", lambda *arguments: trainings.append(begin(*arguments)) or trainings[-1])
    fit(model)
    assert not any(weight.requires_grad for weight in trainings[0].weights["average"])


def test_weights_put_in_place_are_copied(build: Build, fitted: NetworkGenerator):
    other, state = build(), fitted.state_dict()
    other.load_state_dict(state)
    for value in state.values():
        value.zero_()
    assert torch.equal(sample(other, bias=0.5), sample(fitted, bias=0.5))


@BIASES
def test_weights_put_in_place_sample_the_same_images(build: Build, fitted: NetworkGenerator, bias: float):
    other = build()
    other.load_state_dict(fitted.state_dict())
    assert torch.equal(sample(other, bias=bias), sample(fitted, bias=bias))


def test_weights_given_out_do_not_change_with_the_next_fit(build: Build):
    model = fit(build())
    given = model.state_dict()
    copied = {name: value.clone() for name, value in given.items()}
    fit(model, seed=1)
    assert equal(given, copied)


@pytest.mark.usefixtures("_threads")
@BIASES
def test_an_image_depends_on_its_own_seed_and_label_and_not_on_its_place(fitted: NetworkGenerator, bias: float):
    order = torch.tensor([6, 2, 0, 5, 1, 4, 3])
    permuted = sample(fitted, LABELS[order], [SEEDS[i] for i in order], bias)
    assert torch.equal(permuted, sample(fitted, bias=bias)[order])


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("n", [1, 3, 4, 5])
def test_fewer_images_are_the_first_of_more(fitted: NetworkGenerator, n: int):
    assert torch.equal(sample(fitted, LABELS[:n], SEEDS[:n]), sample(fitted)[:n])


def test_every_batch_of_sampling_has_the_size_that_is_set(monkeypatch: pytest.MonkeyPatch, build: Build):
    # Kernels may round differently for another batch size, here or on another device.
    model, sizes = build(), []
    draw = model.draw
    monkeypatch.setattr(
        model,
        "draw",
        lambda noise, labels, *rest: sizes.append((len(noise), len(labels))) or draw(noise, labels, *rest),
    )
    sample(model)
    assert sizes == [(4, 4), (4, 4)]


@BIASES
def test_another_label_or_seed_changes_that_image_alone(fitted: NetworkGenerator, bias: float):
    before = sample(fitted, bias=bias)
    labels = LABELS.clone()
    labels[2] = 9
    seeds = [*SEEDS[:5], 1234, *SEEDS[6:]]
    for place, changed in (2, sample(fitted, labels, bias=bias)), (5, sample(fitted, seeds=seeds, bias=bias)):
        assert (changed != before).flatten(1).any(1).nonzero().flatten().tolist() == [place]


@pytest.mark.parametrize("n_classes", [10, None], ids=["labels", "no labels"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8)], ids=["grey", "colour"])
def test_images_are_uint8_with_the_labels_they_were_asked_for(
    build: Build, shape: tuple[int, ...], n_classes: int | None
):
    model = fit(build(n_classes, shape), pool=make_images(24, n_classes=n_classes, shape=shape))
    labels = None if n_classes is None else LABELS
    images = model.sample(labels, SEEDS, 1.0 if build is ddpm else 0.5, QUIET)  # a DDPM without labels has no bias
    assert images.images.dtype == torch.uint8
    assert images.images.shape == (7, *shape)
    assert images.labels is labels


def test_pixels_are_the_drawn_values_from_minus_one_to_one_rounded_and_clipped(
    monkeypatch: pytest.MonkeyPatch, build: Build
):
    model = build()
    values = torch.tensor([-1.5, -1.0, 0.0, 0.5, 1.0, 1.5]).repeat(11)[:64].view(1, 1, 8, 8).expand(4, 1, 8, 8)
    monkeypatch.setattr(model, "draw", lambda *arguments: values.clone())
    # 127.5 rounds to the even 128; 0.5 is 191.25.
    assert sample(model, LABELS[:1], SEEDS[:1]).flatten()[:6].tolist() == [0, 0, 128, 191, 255, 255]


EVALUATIONS = pytest.mark.parametrize(
    ("build", "network", "bias", "evaluations"),
    [
        pytest.param(ddpm, "", 1.0, 3, id="ddpm-unbiased"),
        pytest.param(ddpm, "", 0.5, 6, id="ddpm-guided"),
        pytest.param(stylegan, "synthesis", 1.0, 1, id="stylegan-unbiased"),
        pytest.param(stylegan, "synthesis", 0.5, 1, id="stylegan-truncated"),
    ],
)


@pytest.mark.parametrize("n", [3, 4, 7])
@EVALUATIONS
def test_work_counts_network_evaluations(build: Build, network: str, bias: float, evaluations: int, n: int):
    model = build()
    sample(model, LABELS[:n], SEEDS[:n], bias)
    assert model.work == Work(network_evaluations=n * evaluations)
    assert model.evaluations_per_image(bias) == evaluations


@EVALUATIONS
def test_the_network_is_evaluated_as_often_as_is_counted(build: Build, network: str, bias: float, evaluations: int):
    model, rows = build(), []
    part = model._averaged.get_submodule(network)
    part.register_forward_pre_hook(lambda _, arguments: rows.append(len(arguments[0])))
    sample(model, LABELS[:4], SEEDS[:4], bias)
    assert sum(rows) == 4 * evaluations == model.work.network_evaluations


def random_state() -> list[Any]:
    """Return the state of every random generator that is shared by the whole process."""
    _, keys, *rest = np.random.get_state()  # noqa: NPY002
    return [torch.get_rng_state().tolist(), keys.tolist(), rest, random.getstate()]


@VARIANTS
def test_building_leaves_the_global_random_state_alone(build: Build, changes: dict[str, Any]):
    before = random_state()
    build(**changes)
    assert random_state() == before


def test_fitting_and_sampling_leave_the_global_random_state_alone(build: Build):
    model = build()
    before = random_state()
    fit(model)
    assert random_state() == before
    sample(model, bias=0.5)
    assert random_state() == before


@pytest.mark.parametrize("stage", ["fit", "sample"])
def test_the_global_random_state_has_no_influence(build: Build, fitted: NetworkGenerator, stage: str):
    images = []
    for seed in (123, 456):
        torch.manual_seed(seed)
        images.append(sample(fit(build()) if stage == "fit" else fitted))
    assert torch.equal(*images)


WITHOUT_LAST_HALF = torch.tensor([1.0] * 12 + [0.0] * 12)


def with_other_last_half() -> ImageSet:
    return ImageSet(torch.cat([POOL.images[:12], OTHER_POOL.images[12:]]), POOL.labels)


@pytest.mark.parametrize(("build", "changes"), [(ddpm, {}), (stylegan, {"stddev_group": 1})], ids=["ddpm", "stylegan"])
def test_an_image_without_weight_changes_nothing(build: Build, changes: dict[str, Any]):
    # A group of one image has no deviation: nothing else tells an image's neighbours in a batch of it.
    one, other = (
        fit(build(**changes), pool=pool, weights=WITHOUT_LAST_HALF) for pool in (POOL, with_other_last_half())
    )
    assert equal(one.state_dict(), other.state_dict())
    assert not equal(
        fit(build(**changes), pool=with_other_last_half()).state_dict(), fit(build(**changes)).state_dict()
    )


def test_only_the_proportion_of_the_weights_counts(build: Build):
    weights = torch.rand(24, generator=torch.Generator().manual_seed(0))
    # A power of two scales without rounding.
    assert equal(fit(build(), weights=weights).state_dict(), fit(build(), weights=4 * weights).state_dict())


@pytest.mark.parametrize("weights", [torch.zeros(24), -torch.ones(24), torch.ones(23), torch.full((24,), math.nan)])
def test_weights_that_cannot_be_used_are_refused(build: Build, weights: Tensor):
    with pytest.raises(RunFailed, match=r"the weights of a pool of 24 images must be \(24,\), finite, at least 0"):
        fit(build(), weights=weights)


@pytest.mark.parametrize(("budget", "images"), [(1.0, 64), (0.5, 32), (0.3, 32), (2.0, 128)])
def test_a_budget_is_a_share_of_the_images_in_whole_batches(build: Build, budget: float, images: int):
    assert fit(build(), budget=budget).work.images_trained == images


def test_a_learning_rate_is_a_share_of_the_task_files(build: Build):
    as_share = fit(build(learning_rate=4e-3), learning_rate=0.25)
    assert equal(as_share.state_dict(), fit(build(learning_rate=1e-3)).state_dict())


@pytest.mark.parametrize("changes", [{"weights": torch.rand(24)}, {"budget": 0.5}, {"learning_rate": 0.5}])
def test_a_fit_does_not_go_on_from_the_checkpoint_of_another(build: Build, changes: dict[str, Any]):
    checkpoint = KilledCheckpoint(1)
    with pytest.raises(Killed):
        fit(build(), checkpoint=checkpoint)
    left = MemoryCheckpoint()
    left.state = checkpoint.state
    model = fit(build(), checkpoint=left, **changes)
    assert equal(model.state_dict(), fit(build(), **changes).state_dict())


@pytest.mark.parametrize(("build", "changes"), [(ddpm, {}), (stylegan, {"stddev_group": 1})], ids=["ddpm", "stylegan"])
def test_features_are_of_each_image_alone_and_are_counted(build: Build, changes: dict[str, Any]):
    model = fit(build(**changes))
    before = model.work.network_evaluations
    features = model.features(POOL, QUIET)
    assert model.work.network_evaluations - before == 24
    assert (features.shape[0], features.dtype, features.ndim) == (24, torch.float32, 2)
    assert torch.isfinite(features).all()
    assert torch.allclose(model.features(POOL[torch.tensor([20, 3])], QUIET), features[[20, 3]], atol=1e-5)
    unlabelled_alike = ImageSet(POOL.images, POOL.labels.flip(0))
    assert torch.equal(model.features(unlabelled_alike, QUIET), features)


def test_a_discriminator_judges_labelled_images_and_a_ddpm_has_none():
    model = fit(stylegan(stddev_group=1))
    logits = model.judge(POOL, QUIET)
    assert logits.shape == (24,)
    assert torch.allclose(model.judge(POOL[torch.tensor([5])], QUIET), logits[[5]], atol=1e-5)
    other_labels = ImageSet(POOL.images, POOL.labels.roll(1))
    assert not torch.allclose(model.judge(other_labels, QUIET), logits)
    with pytest.raises(RunFailed, match="the generator ddpm cannot judge images: choose stylegan"):
        fit(ddpm()).judge(POOL, QUIET)
