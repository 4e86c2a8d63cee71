import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop
from models import ddpm, fit
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Setting, check_method


class Ranked(RecordingGenerator):
    """A generator whose loss of the image that is filled with b is 100 - b; image i is filled with its seed."""

    def loss(self, images: ImageSet, seed: int, progress: object) -> Tensor:
        return 100.0 - images.images[:, 0, 0, 0].float()


# Labels are i % 10 and seeds i: of 12 images classes 0 and 1 have two. Of 24 candidates, whose losses fall, these keep
# two of 0, 10, 20 and of 1, 11, 21; classes 2 and 3 one of 2, 12, 22 and of 3, 13, 23; and the others one of two.
@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("likely", [10, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]),
        ("unlikely", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ],
)
def test_the_images_of_each_class_that_are_likeliest_or_least_likely_are_kept(keep: str, kept: list[int]):
    generator, ctx = Ranked(), make_context(make_loop(), 2)
    images = load_method(f"likelihood_ranking:keep={keep}").build().synthesize(generator, 12, ctx)
    assert images.images[:, 0, 0, 0].tolist() == kept
    assert sorted(images.labels.tolist()) == sorted(ctx.labels(12).tolist())


def test_without_labels_the_ranking_is_one():
    generator, ctx = Ranked(), make_context(make_loop(), 2, n_classes=None)
    images = load_method("likelihood_ranking:keep=likely:oversample=3").build().synthesize(generator, 5, ctx)
    assert images.images[:, 0, 0, 0].tolist() == [10, 11, 12, 13, 14]
    assert images.labels is None


def test_the_ranking_is_that_of_a_networks_own_loss():
    model, ctx = fit(ddpm()), make_context(make_loop(), 2)
    before = model.work.network_evaluations
    likely, unlikely = (
        load_method(f"likelihood_ranking:keep={keep}").build().synthesize(model, 10, ctx)
        for keep in ("likely", "unlikely")
    )
    # Two candidates of each class, three steps each, and 16 levels of noise: twice.
    assert model.work.network_evaluations - before == 2 * 20 * (3 + 16)
    losses = [model.loss(images, 5, ctx.progress) for images in (likely, unlikely)]
    assert torch.equal(likely.labels.sort().values, unlikely.labels.sort().values)
    assert losses[0].mean() < losses[1].mean()


def test_another_generator_is_refused():
    method = load_method("likelihood_ranking").build()
    with pytest.raises(BadInput, match="method likelihood_ranking is not for stylegan: choose ddpm"):
        check_method("likelihood_ranking", method, Setting(make_loop(), "stylegan", True, False, (1, 8, 8)))
