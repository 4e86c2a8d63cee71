import pytest
import torch
from builders import make_context, make_loop
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.methods.file import load_method


class Fixed:
    """A generator that draws these images, whatever it is asked for."""

    def __init__(self, images: ImageSet) -> None:
        self.images = images

    def sample(self, labels: Tensor | None, *rest: object) -> ImageSet:
        return self.images


def grey(*levels: int) -> Tensor:
    """Images of one pixel."""
    return torch.tensor(levels, dtype=torch.uint8).view(-1, 1, 1, 1)


# Two clusters of each class: 12 (10, 14) and 100 for class 0, 50 and 202 (200, 204) for class 1.
REAL = ImageSet(grey(10, 14, 100, 100, 50, 50, 200, 204), torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]))
DRAWN = ImageSet(grey(40, 60, 90, 51, 140), torch.tensor([0, 0, 0, 1, 1]))


@pytest.mark.parametrize(
    ("strength", "expected"),
    [
        # In class 0 the border is at 56, in class 1 at 126; the label says whose centres count: 40 is nearer to 50.
        ("1", [12, 100, 100, 50, 202]),
        # Halfway: (40 + 12) / 2, (60 + 100) / 2, (90 + 100) / 2, (51 + 50) / 2 = 50.5 (to even), (140 + 202) / 2.
        ("0.5", [26, 80, 95, 50, 171]),
        ("0", [40, 60, 90, 51, 140]),
    ],
)
def test_images_move_to_the_nearest_centre_of_their_class(strength: str, expected: list[int]):
    method = load_method(f"self_correction:centres=2:strength={strength}").build()
    method.prepare(None, make_context(make_loop(), 1, REAL, n_classes=2))
    resumed = load_method(f"self_correction:centres=2:strength={strength}").build()
    resumed.load_state_dict(method.state_dict())
    for corrector in (method, resumed):
        corrected = corrector.synthesize(Fixed(DRAWN), 5, make_context(make_loop(), 2, n_classes=2))
        assert corrected.images.flatten().tolist() == expected
        assert torch.equal(corrected.labels, DRAWN.labels)


def test_what_is_scored_is_not_corrected():
    method = load_method("self_correction:centres=2").build()
    method.prepare(None, make_context(make_loop(), 1, REAL, n_classes=2))
    assert method.sample(Fixed(DRAWN), 5, make_context(make_loop(), 2, n_classes=2)) is DRAWN


def test_points_without_labels_have_ten_times_as_many_centres_and_keep_their_fractions():
    points = torch.arange(10.0).view(10, 1) * 10
    method = load_method("self_correction:centres=1:strength=0.5").build()
    method.prepare(None, make_context(make_loop(), 1, ImageSet(points), n_classes=None))
    drawn = ImageSet(torch.tensor([[13.0], [47.0]]))
    corrected = method.synthesize(Fixed(drawn), 2, make_context(make_loop(), 2, n_classes=None))
    # Ten points, ten centres: 13 goes halfway to 10, 47 halfway to 50.
    assert corrected.images.flatten().tolist() == pytest.approx([11.5, 48.5])


def test_a_class_with_fewer_images_than_centres_is_an_error():
    with pytest.raises(RunFailed, match="class 0 has 4 real images: 16 cluster centres need as many"):
        load_method("self_correction").build().prepare(None, make_context(make_loop(), 1, REAL, n_classes=2))
    assert load_method("self_correction").build().state_dict() == {}
