"""What every feature space does before and after its network, and the space of the data themselves."""

import pytest
import torch
from builders import make_images
from torch import Tensor, nn

from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.features.identity import IdentitySpace


class MeanSpace(FeatureSpace):
    """The mean of each image; it writes down how many images it is shown at a time."""

    image_shape = (1, 8, 8)

    def __init__(self, batch_size: int = 4) -> None:
        super().__init__("mean", "0" * 64, "none", "cpu", batch_size)
        self.batches: list[int] = []
        self.weight = nn.Parameter(torch.ones(()))

    def embed(self, batch: Tensor) -> Tensor:
        self.batches.append(len(batch))
        return self.weight * batch.float().mean((1, 2, 3))[:, None]


class BrokenSpace(MeanSpace):
    """One feature of the last image is not finite."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def embed(self, batch: Tensor) -> Tensor:
        features = super().embed(batch)
        features[-1] = self.value
        return features


def refusal(space: FeatureSpace, images: Tensor) -> str:
    with pytest.raises(BadInput) as caught:
        space(images)
    message = str(caught.value)
    assert "\n" not in message
    assert f"'{space.name}'" in message
    return message


@pytest.mark.parametrize("batch_size", [1, 3, 10, 100])
def test_features_do_not_depend_on_the_batch(batch_size: int):
    images = make_images(10).images
    expected = images.double().mean((1, 2, 3))[:, None].float()
    torch.testing.assert_close(MeanSpace(batch_size)(images), expected)


def test_the_network_sees_no_more_images_at_a_time_than_a_batch():
    space = MeanSpace(batch_size=4)
    space(make_images(10).images)
    assert space.batches == [4, 4, 2]


def test_features_carry_no_gradient():
    assert not MeanSpace()(make_images(2).images).requires_grad


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_features_that_are_not_finite_are_refused(value: float):
    assert "not finite" in refusal(BrokenSpace(value), make_images(6).images)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 8), (1, 8, 9)])
def test_images_of_another_shape_are_refused_with_both_shapes(shape: tuple[int, ...]):
    message = refusal(MeanSpace(), make_images(2, shape=shape).images)
    assert "(1, 8, 8)" in message
    assert str(shape) in message


def test_points_are_refused_by_a_space_of_images():
    assert "points of 5 coordinates" in refusal(MeanSpace(), torch.zeros(3, 5))


def test_the_identity_of_points_is_the_points():
    points = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(IdentitySpace()(points), points)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 7)])
def test_the_identity_of_images_is_their_pixels_in_0_to_1(shape: tuple[int, ...]):
    images = make_images(4, shape=shape).images
    expected = images.double().reshape(4, -1) / 255
    torch.testing.assert_close(IdentitySpace()(images).double(), expected, rtol=1e-7, atol=0)


def test_points_that_are_not_finite_are_refused():
    assert "not finite" in refusal(IdentitySpace(), torch.tensor([[0.0, 1.0], [float("nan"), 0.0]]))
