"""The StyleGAN-lite: its loss against the published formula, its sizes and its truncation."""

import pytest
import torch
from builders import make_images
from models import LABELS, POOL, SEEDS, STYLEGAN_SETTINGS, fit, sample
from models import stylegan as build
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from bench.cells.generator_settings import StyleGANSettings
from bench.generators.batch import Batch
from bench.seeds import draw_weights


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [8, 16, 28, 32, 64, 128])
def test_one_definition_makes_images_of_8_to_128_pixels(size: int):
    levels = {8: 2, 16: 3, 28: 3, 32: 4, 64: 5, 128: 6}[size]
    model = build(shape=(3, size, size), channels=[8] * levels)
    assert sample(model, LABELS[:2], SEEDS[:2]).shape == (2, 3, size, size)


def test_a_size_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="must be a multiple of 4"):
        StyleGANSettings.model_validate(STYLEGAN_SETTINGS | {"channels": [8, 8, 8]}).check((3, 10, 10))


def test_an_unknown_augmentation_is_refused():
    with pytest.raises(ValidationError):
        StyleGANSettings.model_validate(STYLEGAN_SETTINGS | {"augment": ["rotation"]})


def test_the_gradient_penalty_is_the_squared_norm_of_the_gradient():
    model = build(augment=[], r1_weight=3.0, r1_interval=5)
    slope = normal(64)

    class Linear(nn.Module):
        def forward(self, images: Tensor, labels: Tensor | None) -> tuple[Tensor, None]:
            return images.flatten(1) @ slope, None

    model._discriminator = model._discriminate = Linear()
    real, fake, random_numbers = normal(6, 1, 8, 8), normal(6, 1, 8, 8, seed=1), torch.Generator()
    losses = [
        model._discriminator_loss(Batch(real), fake, random_numbers, regularise).item() for regularise in (True, False)
    ]
    expected = float(F.softplus(-real.flatten(1) @ slope).mean() + F.softplus(fake.flatten(1) @ slope).mean())
    assert losses[1] == pytest.approx(expected, rel=1e-5)
    assert losses[0] - losses[1] == pytest.approx(3 / 2 * 5 * float(slope.square().sum()), rel=1e-5)


def test_the_loss_of_labels_is_the_cross_entropy_of_what_is_read_off_real_images():
    model = build(augment=[], class_weight=0.5)
    draw_weights(model._discriminator, 3)
    real, fake, labels, weights = normal(6, 1, 8, 8), normal(6, 1, 8, 8, seed=1), LABELS[:6], torch.arange(6.0) / 2.5
    batch = Batch(real, labels, weights)
    loss = model._discriminator_loss(batch, fake, torch.Generator(), False)
    on_real, read = model._discriminator(real, labels)
    on_fake, _ = model._discriminator(fake, labels)
    log_odds = -torch.log_softmax(read, 1)[torch.arange(6), labels]
    expected = (weights * F.softplus(-on_real)).mean() + F.softplus(on_fake).mean() + 0.5 * (weights * log_odds).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_generated_images_are_to_be_read_as_their_labels():
    model = build(augment=[], class_weight=0.5, batch_size=6)
    # Without a learning rate the step leaves the weights as they are.
    training = model.begin_fit(3, from_scratch=True, steps=2, learning_rate=0.0)
    labels = LABELS[:6]
    losses = model.train_step(training, 1, Batch(normal(6, 1, 8, 8), labels), torch.Generator().manual_seed(5))
    z, noise = model._generator.split(normal(6, model.numbers_per_image, seed=5))
    on_fake, read = model._discriminator(
        model._generator.synthesis(model._generator.mapping(z, labels), noise), labels
    )
    log_odds = -torch.log_softmax(read, 1)[torch.arange(6), labels]
    expected = F.softplus(-on_fake).mean() + 0.5 * log_odds.mean()
    assert losses["generator"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_without_labels_there_is_nothing_to_read():
    model = build(None, class_weight=0.5)
    assert model._discriminator.reading is None
    assert not [name for name in model.state_dict() if "reading" in name]


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


@pytest.mark.parametrize("n_classes", [10, None])
def test_latent_and_label_enter_the_coarsest_resolution(n_classes: int | None):
    model = build(n_classes, latent_input=True)
    draw_weights(model._averaged, 3)
    synthesis = model._averaged.synthesis
    seen = []
    synthesis.base[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    z, labels = normal(5, 8), None if n_classes is None else torch.tensor([0, 3, 3, 9, 1])
    numbers = torch.cat([z, normal(5, model.numbers_per_image - 8, seed=1)], 1)
    model.draw(numbers, labels, 1.0)
    for i, found in enumerate(seen[0]):
        entering = z[i] / z[i].square().mean().sqrt()
        if labels is not None:
            entering = torch.cat([entering, torch.eye(10)[labels[i]] * 10**0.5])
        wide = synthesis.entry.weight @ entering / len(entering) ** 0.5 + synthesis.entry.bias
        expected = F.leaky_relu(synthesis.constant + wide.reshape(synthesis.constant.shape), 0.2) * 2**0.5
        assert torch.allclose(found, expected, atol=1e-5)


def test_truncation_draws_what_enters_towards_its_mean():
    model = build(latent_input=True)
    draw_weights(model._averaged, 3)
    z, labels = normal(4000, 8), torch.full((4000,), 7)
    full, half, none = (model._averaged.synthesis.entry(model._averaged.entry(z, labels, psi)) for psi in (1, 0.5, 0))
    assert torch.allclose(half, none + 0.5 * (full - none), atol=1e-5)
    # At 0 all are their mean.
    assert torch.allclose(full.mean(0), none[0], atol=0.1)
    assert torch.equal(none[0], none[1])


def test_nothing_but_a_constant_enters_where_it_is_not_set():
    model = build()
    assert model._averaged.entry(normal(2, 8), LABELS[:2]) is None
    assert not [name for name in model.state_dict() if "entry" in name]
