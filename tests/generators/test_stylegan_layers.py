"""The layers of the StyleGAN-lite against the published formulas."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.generators.stylegan_layers import EqualConv, EqualLinear, ModulatedConv, doubled, with_stddev
from bench.seeds import draw_weights


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def drawn(layer: nn.Module) -> nn.Module:
    draw_weights(layer, 3)
    return layer


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
    assert torch.allclose(doubled(image)[..., 2:-2, 2:-2], filtered[..., 2:-2, 2:-2], atol=1e-6)


def test_the_last_channel_is_the_standard_deviation_over_groups_of_four():
    x = normal(8, 3, 2, 2)
    found = with_stddev(x, 4)
    assert torch.equal(found[:, :3], x)
    for first in range(2):  # images first, first + 2, first + 4 and first + 6 are a group
        expected = float((x[first::2].var(0, unbiased=False) + 1e-8).sqrt().mean())
        assert found[first::2, 3].unique().tolist() == [pytest.approx(expected, rel=1e-5)]


@pytest.mark.parametrize("n", [1, 3, 5, 7])
def test_any_number_of_images_has_a_standard_deviation(n: int):
    assert with_stddev(normal(n, 3, 2, 2), 4).shape == (n, 4, 2, 2)


@pytest.mark.parametrize("layer", [EqualLinear(300, 200), EqualLinear(300, 200, rate=0.01)], ids=["plain", "slow"])
def test_an_equalised_layer_keeps_the_size_of_its_input(layer: EqualLinear):
    assert drawn(layer)(normal(100, 300)).std().item() == pytest.approx(1, rel=0.05)


def test_an_equalised_convolution_keeps_the_size_of_its_input():
    x = normal(4, 64, 16, 16)
    assert drawn(EqualConv(64, 64, 3))(x)[:, :, 1:-1, 1:-1].std().item() == pytest.approx(1, rel=0.05)
