import pytest
import torch
from builders import make_context, make_loop
from torch import Tensor

from bench.data.image_set import ImageSet
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


REAL = ImageSet(grey(0, 100, 44, 200), torch.tensor([0, 0, 1, 1]))
DRAWN = ImageSet(grey(40, 60, 50, 150), torch.tensor([0, 0, 1, 1]))


def test_corrected_images_are_halfway_to_the_nearest_real_image_of_their_class():
    method, resumed = (load_method("assisted_correction:share=1").build() for _ in range(2))
    assert method.state_dict() == {}
    method.prepare(None, make_context(make_loop(), 1, REAL, n_classes=2))
    resumed.load_state_dict(method.state_dict())
    for corrector in (method, resumed):
        corrected = corrector.synthesize(Fixed(DRAWN), 4, make_context(make_loop(), 2, n_classes=2))
        # 40 goes to 0 though 44 of the other class is nearer, 60 to 100, 50 to 44 and 150 to 200.
        assert corrected.images.flatten().tolist() == [20, 80, 47, 175]
        assert torch.equal(corrected.labels, DRAWN.labels)


def test_nearest_is_meant_in_the_embedding():
    method = load_method("assisted_correction:share=1").build()
    # Turned around: what is nearest becomes the image of the opposite grey level.
    ctx = make_context(make_loop(), 1, REAL, n_classes=2, embed=lambda x: (x.images.float().flatten(1) - 70).abs())
    method.prepare(None, ctx)
    # |40 - 70| = 30 is as far as 100 is; |60 - 70| = 10 is nearer to 30 than to 70.
    assert method.synthesize(Fixed(DRAWN), 4, ctx).images.flatten().tolist()[:2] == [70, 80]


@pytest.mark.parametrize(("share", "n_corrected"), [("0.1", 10), ("0.25", 25), ("0", 0)])
def test_the_share_is_drawn_at_random_and_the_others_stay(share: str, n_corrected: int):
    drawn = ImageSet(torch.full((100, 1, 1, 1), 60, dtype=torch.uint8))
    method = load_method(f"assisted_correction:share={share}").build()
    method.prepare(None, make_context(make_loop(), 1, ImageSet(grey(0, 100)), n_classes=None))
    first, again, other = (
        method.synthesize(Fixed(drawn), 100, make_context(make_loop(), t, n_classes=None)).images.flatten()
        for t in (2, 2, 3)
    )
    assert (first == 80).sum() == n_corrected
    assert (first == 60).sum() == 100 - n_corrected
    assert torch.equal(first, again)
    assert n_corrected == 0 or not torch.equal(first, other)
    assert (drawn.images == 60).all()


def test_the_real_images_are_the_state_whose_bytes_are_recorded():
    method = load_method("assisted_correction").build()
    method.prepare(None, make_context(make_loop(), 1, REAL, n_classes=2))
    assert torch.equal(method.state_dict()["images"], REAL.images)
    assert torch.equal(method.state_dict()["labels"], REAL.labels)
