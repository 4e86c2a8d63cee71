"""Differentiable augmentation: each kind against what the paper says it does."""

import pytest
import torch
from torch import Tensor

from bench.generators.augment import augment

KINDS = ("color", "translation", "cutout")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 50, size: int = 16, channels: int = 3) -> Tensor:
    return torch.rand(n, channels, size, size, generator=generator(9)) + 0.5  # nowhere mid-grey


def test_no_kind_changes_nothing():
    assert torch.equal(augment(images(), (), generator()), images())


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_changed_differently_and_the_same_again(kind: str):
    same = images(1).expand(50, -1, -1, -1)
    changed = augment(same, (kind,), generator())
    assert len({image.numpy().tobytes() for image in changed}) > 10
    assert torch.equal(augment(same, (kind,), generator()), changed)
    assert not torch.equal(augment(same, (kind,), generator(1)), changed)


@pytest.mark.parametrize(("share", "most"), [({}, 2), ({"translation": 1 / 16}, 1), ({"translation": 0.2}, 3)])
def test_translation_shifts_by_at_most_an_eighth_or_what_is_asked_and_fills_with_grey(share: dict, most: int):
    before = images()
    shifts, sides = set(), range(2 * most + 1)
    for old, new in zip(before, augment(before, ("translation",), generator(), **share), strict=True):
        padded = torch.nn.functional.pad(old, (most, most, most, most))
        [shift] = [(i, j) for i in sides for j in sides if torch.equal(padded[:, i : i + 16, j : j + 16], new)]
        shifts.add(shift)
    assert {i for i, _ in shifts} == {j for _, j in shifts} == set(sides)


def test_cutout_makes_a_square_of_at_most_half_the_size_grey():
    before = images()
    for old, new in zip(before, augment(before, ("cutout",), generator()), strict=True):
        gone = (new == 0).all(0)
        rows, columns = gone.any(1), gone.any(0)
        assert torch.equal(gone, rows[:, None] & columns)
        assert 3 <= int(rows.sum()) <= 8
        assert 3 <= int(columns.sum()) <= 8
        assert torch.equal(new[:, ~gone], old[:, ~gone])


def test_color_changes_brightness_by_up_to_a_half_and_keeps_what_is_uniform_uniform():
    grey = torch.full((200, 3, 4, 4), 0.25)
    changed = augment(grey, ("color",), generator())
    shift = changed[:, 0, 0, 0] - 0.25
    assert torch.allclose(changed, (shift + 0.25)[:, None, None, None].expand_as(changed), atol=1e-6)
    assert -0.5 <= float(shift.min()) < -0.4
    assert 0.4 < float(shift.max()) <= 0.5


def test_color_scales_contrast_between_a_half_and_three_halves():
    plain = images(200, channels=1)
    changed = augment(plain, ("color",), generator())
    ratio = changed.std((1, 2, 3)) / plain.std((1, 2, 3))
    assert 0.5 <= float(ratio.min()) < 0.6
    assert 1.4 < float(ratio.max()) <= 1.5 + 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_pass(kind: str):
    before = images(4).requires_grad_()
    augment(before, (kind,), generator()).sum().backward()
    assert before.grad is not None
    assert float(before.grad.abs().sum()) > 0
