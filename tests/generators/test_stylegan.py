"""The StyleGAN-lite: its layers against the published formulas, determinism, resume, sampling and truncation."""

import random
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from builders import CPU, QUIET, Killed, KilledCheckpoint, MemoryCheckpoint, make_images
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators import stylegan
from bench.generators.settings import StyleGANSettings
from bench.generators.stylegan import EqualConv, EqualLinear, ModulatedConv, StyleGAN
from bench.seeds import draw_weights

SETTINGS = {
    "channels": [8, 8],
    "latent": 8,
    "augment": ["translation"],
    "r1_weight": 0.1,
    "r1_interval": 2,
    "images": 64,
    "batch_size": 16,
    "learning_rate": 2e-3,
    "sampling_batch": 4,
}
STEPS = 64 // 16
POOL = make_images(24)
SEEDS = [11, 22, 33, 44, 55, 66, 77]
LABELS = torch.tensor([0, 1, 2, 3, 4, 5, 6])


def build(
    n_classes: int | None = 10, shape: tuple[int, int, int] = (1, 8, 8), flips: bool = False, **changes: Any
) -> StyleGAN:
    return StyleGAN(StyleGANSettings.model_validate(SETTINGS | changes), shape, n_classes, flips, CPU)


def fit(
    model: StyleGAN,
    *,
    seed: int = 0,
    pool: ImageSet = POOL,
    from_scratch: bool = True,
    checkpoint: MemoryCheckpoint | None = None,
) -> StyleGAN:
    checkpoint = checkpoint or MemoryCheckpoint()
    model.fit(pool, seed=seed, from_scratch=from_scratch, checkpoint=checkpoint, progress=QUIET)
    return model


def sample(model: StyleGAN, labels: Tensor | None = LABELS, seeds: list[int] = SEEDS, bias: float = 1.0) -> Tensor:
    return model.sample(labels, seeds, bias, QUIET).images


def equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def drawn(layer: nn.Module) -> nn.Module:
    draw_weights(layer, 3)
    return layer


@pytest.fixture(scope="module")
def fitted() -> StyleGAN:
    return fit(build())


@pytest.mark.parametrize("demodulate", [True, False])
def test_a_modulated_convolution_is_that_of_the_paper(demodulate: bool):
    layer = drawn(ModulatedConv(5, 6, 3, 4, demodulate=demodulate))
    x, w = normal(2, 5, 7, 7), normal(2, 4, seed=1)
    found = layer(x, w)
    for image, style, result in zip(x, layer.style(w), found, strict=True):
        weights = layer.convolution.weight / 45**0.5 * style[None, :, None, None]
        if demodulate:
            weights = weights / (weights.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        assert torch.allclose(result, F.conv2d(image[None], weights, padding=1)[0], atol=1e-5)


def test_a_demodulated_convolution_keeps_the_size_of_its_activations():
    found = drawn(ModulatedConv(64, 64, 3, 4))(normal(4, 64, 16, 16), 5 * normal(4, 4, seed=1))
    assert found[:, :, 1:-1, 1:-1].std().item() == pytest.approx(1, rel=0.1)


def test_doubling_is_the_published_filter():
    image = normal(1, 1, 6, 6)
    spread = torch.zeros(1, 1, 12, 12)
    spread[:, :, ::2, ::2] = image
    taps = torch.tensor([1.0, 3, 3, 1]) / 4
    filtered = F.conv2d(F.pad(spread, (2, 1, 2, 1)), torch.outer(taps, taps)[None, None])
    # At the border the interpolation repeats the edge, the filter sees zeros.
    assert torch.allclose(stylegan._doubled(image)[..., 2:-2, 2:-2], filtered[..., 2:-2, 2:-2], atol=1e-6)


def test_the_last_channel_is_the_standard_deviation_over_groups_of_four():
    x = normal(8, 3, 2, 2)
    found = stylegan._with_stddev(x, 4)
    assert torch.equal(found[:, :3], x)
    for first in range(2):  # images first, first + 2, first + 4 and first + 6 are a group
        expected = float((x[first::2].var(0, unbiased=False) + 1e-8).sqrt().mean())
        assert found[first::2, 3].unique().tolist() == [pytest.approx(expected, rel=1e-5)]


@pytest.mark.parametrize("n", [1, 3, 5, 7])
def test_any_number_of_images_has_a_standard_deviation(n: int):
    assert stylegan._with_stddev(normal(n, 3, 2, 2), 4).shape == (n, 4, 2, 2)


@pytest.mark.parametrize("layer", [EqualLinear(300, 200), EqualLinear(300, 200, rate=0.01)], ids=["plain", "slow"])
def test_an_equalised_layer_keeps_the_size_of_its_input(layer: EqualLinear):
    assert drawn(layer)(normal(100, 300)).std().item() == pytest.approx(1, rel=0.05)


def test_an_equalised_convolution_keeps_the_size_of_its_input():
    x = normal(4, 64, 16, 16)
    assert drawn(EqualConv(64, 64, 3))(x)[:, :, 1:-1, 1:-1].std().item() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("size", [8, 16, 28, 32, 64, 128])
def test_one_definition_makes_images_of_8_to_128_pixels(size: int):
    levels = {8: 2, 16: 3, 28: 3, 32: 4, 64: 5, 128: 6}[size]
    model = build(shape=(3, size, size), channels=[8] * levels)
    assert sample(model, LABELS[:2], SEEDS[:2]).shape == (2, 3, size, size)


def test_a_size_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="must be a multiple of 4"):
        StyleGANSettings.model_validate(SETTINGS | {"channels": [8, 8, 8]}).check((3, 10, 10))


def test_an_unknown_augmentation_is_refused():
    with pytest.raises(ValidationError):
        StyleGANSettings.model_validate(SETTINGS | {"augment": ["rotation"]})


def test_the_gradient_penalty_is_the_squared_norm_of_the_gradient():
    model = build(augment=[], r1_weight=3.0, r1_interval=5)
    slope = normal(64)

    class Linear(nn.Module):
        def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
            return images.flatten(1) @ slope

    model._discriminator = model._discriminate = Linear()
    real, fake, random_numbers = normal(6, 1, 8, 8), normal(6, 1, 8, 8, seed=1), torch.Generator()
    losses = [
        model._discriminator_loss(real, fake, None, random_numbers, regularise).item() for regularise in (True, False)
    ]
    expected = float(F.softplus(-real.flatten(1) @ slope).mean() + F.softplus(fake.flatten(1) @ slope).mean())
    assert losses[1] == pytest.approx(expected, rel=1e-5)
    assert losses[0] - losses[1] == pytest.approx(3 / 2 * 5 * float(slope.square().sum()), rel=1e-5)


@pytest.mark.parametrize(
    "changes",
    [{}, {"patch": 2}, {"base_layers": 3}, {"augment": ["color", "translation", "cutout"]}],
    ids=["plain", "patch", "base", "augment"],
)
def test_fits_with_the_same_seed_give_the_same_weights(changes: dict[str, Any]):
    assert equal(fit(build(**changes)).state_dict(), fit(build(**changes)).state_dict())


def test_a_fit_with_another_seed_gives_other_weights(fitted: StyleGAN):
    assert not equal(fit(build(), seed=1).state_dict(), fitted.state_dict())


def test_a_fit_on_other_images_gives_other_weights(fitted: StyleGAN):
    assert not equal(fit(build(), pool=make_images(24, seed=1)).state_dict(), fitted.state_dict())


def test_a_fit_from_scratch_forgets_what_was_fitted_before(fitted: StyleGAN):
    model = fit(fit(build(), seed=5))
    assert equal(model.state_dict(), fitted.state_dict())


def test_a_fine_tuned_fit_starts_from_the_present_weights(fitted: StyleGAN):
    scratch, tuned = build(), build()
    tuned.load_state_dict(fitted.state_dict())
    assert not equal(fit(tuned, seed=1, from_scratch=False).state_dict(), fit(scratch, seed=1).state_dict())


@pytest.mark.parametrize("from_scratch", [True, False], ids=["scratch", "finetune"])
@pytest.mark.parametrize("killed_after", [1, STEPS - 1])
def test_a_fit_that_is_killed_and_resumed_equals_an_undisturbed_one_bit_for_bit(
    fitted: StyleGAN, from_scratch: bool, killed_after: int
):
    models = [build() for _ in range(3)]
    for model in models:
        model.load_state_dict(fitted.state_dict())
    undisturbed, killed, resumed = models
    fit(undisturbed, seed=1, from_scratch=from_scratch)
    checkpoint = KilledCheckpoint(killed_after)
    with pytest.raises(Killed):
        fit(killed, seed=1, from_scratch=from_scratch, checkpoint=checkpoint)
    fit(resumed, seed=1, from_scratch=from_scratch, checkpoint=checkpoint)
    assert equal(resumed.state_dict(), undisturbed.state_dict())
    assert resumed.work == undisturbed.work


@pytest.mark.parametrize(("images", "trained"), [(64, 64), (60, 64), (65, 80), (1, 16)])
def test_work_counts_whole_batches_of_trained_images(images: int, trained: int):
    assert fit(build(images=images)).work.images_trained == trained


def test_a_loss_that_is_not_finite_stops_the_fit_with_advice():
    with pytest.raises(RunFailed, match=r"after \d+ of 4 steps, training has diverged: lower"):
        fit(build(learning_rate=1e30))


def test_weights_put_in_place_sample_the_same_images(fitted: StyleGAN):
    model = build()
    model.load_state_dict(fitted.state_dict())
    assert torch.equal(sample(model, bias=0.5), sample(fitted, bias=0.5))


@pytest.mark.parametrize("bias", [1.0, 0.5], ids=["unbiased", "truncated"])
def test_an_image_depends_on_its_own_seed_and_label_and_not_on_its_place(fitted: StyleGAN, bias: float):
    backwards = sample(fitted, LABELS.flip(0), SEEDS[::-1], bias).flip(0)
    assert torch.equal(backwards, sample(fitted, bias=bias))


@pytest.mark.parametrize("n", [1, 3, 4, 5])
def test_fewer_images_are_the_first_of_more(fitted: StyleGAN, n: int):
    assert torch.equal(sample(fitted, LABELS[:n], SEEDS[:n]), sample(fitted)[:n])


def test_another_label_or_seed_changes_that_image_alone(fitted: StyleGAN):
    before = sample(fitted)
    labels = LABELS.clone()
    labels[2] = 9
    for changed in (sample(fitted, labels), sample(fitted, seeds=[*SEEDS[:2], 99, *SEEDS[3:]])):
        assert [i for i in range(len(SEEDS)) if not torch.equal(before[i], changed[i])] == [2]


def test_work_counts_one_network_evaluation_an_image(fitted: StyleGAN):
    before = fitted.work.network_evaluations
    sample(fitted, bias=0.5)
    assert fitted.work.network_evaluations - before == len(SEEDS)
    assert fitted.evaluations_per_image(0.5) == 1


@pytest.mark.parametrize("n_classes", [10, None])
def test_truncation_draws_styles_towards_their_mean(n_classes: int | None):
    pool = POOL if n_classes else make_images(24, n_classes=None)
    model = fit(build(n_classes), pool=pool)
    z = normal(4000, 8)
    label = None if n_classes is None else torch.full((4000,), 3)
    mean = model._averaged.mapping(z, label).mean(0)
    centre = model._centre[0 if n_classes is None else 3]
    assert (centre - mean).norm().item() < 0.1 * model._averaged.mapping(z, label).std(0).norm().item()

    seen = []
    model._averaged.synthesis.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    labels = None if n_classes is None else torch.full((4,), 3)
    for bias in (1.0, 0.5, 0.25):
        sample(model, labels, SEEDS[:4], bias)
    full, half, quarter = seen
    assert torch.allclose(half, centre + 0.5 * (full - centre), atol=1e-6)
    assert torch.allclose(quarter, centre + 0.25 * (full - centre), atol=1e-6)


def test_a_model_without_labels_fits_and_samples_colour_images():
    model = fit(build(None, (3, 8, 8)), pool=make_images(24, n_classes=None, shape=(3, 8, 8)))
    images = model.sample(None, SEEDS, 0.5, QUIET)
    assert images.labels is None
    assert images.images.shape == (7, 3, 8, 8)


def random_state() -> list[Any]:
    return [torch.get_rng_state().tolist(), random.getstate()]


def test_the_global_random_state_is_left_alone_and_has_no_influence(fitted: StyleGAN):
    torch.manual_seed(5)
    before = random_state()
    model = fit(build())
    images = sample(model)
    assert random_state() == before
    torch.manual_seed(6)
    assert torch.equal(sample(fit(build())), images)
