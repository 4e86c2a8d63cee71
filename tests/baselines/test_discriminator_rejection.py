import math
from collections.abc import Callable

import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop
from models import fit, stylegan
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Setting, check_method

LOW = -math.log(3)


class Judged(RecordingGenerator):
    """A generator whose image is one byte, a function of its seed, and whose discriminator knows the byte's logit."""

    def __init__(self, byte: Callable[[int], int], logit: Callable[[int], float]) -> None:
        super().__init__()
        self.byte, self.logit = byte, logit
        self.judged = 0

    def sample(self, labels: Tensor | None, seeds: list[int], *rest: object) -> ImageSet:
        drawn = super().sample(labels, seeds, *rest)
        bytes_ = torch.tensor([self.byte(seed) for seed in seeds], dtype=torch.uint8)
        return ImageSet(bytes_.view(-1, 1, 1, 1).expand_as(drawn.images), labels)

    def judge(self, images: ImageSet, progress: object) -> Tensor:
        self.judged += len(images)
        return torch.tensor([self.logit(value) for value in images.images[:, 0, 0, 0].tolist()])


def test_images_are_accepted_by_the_odds_of_the_discriminator():
    # One half of the candidates has the highest logit, 0, the other -ln 3. For these exp(D - D_M) = 1/3 and
    # F = ln(1/3) - ln(2/3) - gamma = -ln 2 - gamma, where gamma, the lowest F, is -ln 2 itself: half of them are
    # accepted, and nearly all of the others. So 1/4 and 1/2 of the candidates are: one third of the images is low.
    n, random = 2000, torch.Generator().manual_seed(0)
    bits = torch.randint(2, (40 * n,), generator=random).tolist()
    generator = Judged(lambda seed: bits[seed], lambda value: 0.0 if value else LOW)
    ctx = make_context(make_loop(), 2)
    drawn = load_method("discriminator_rejection:percentile=0:rounds=40").build().sample(generator, n, ctx)
    low = (drawn.images[:, 0, 0, 0] == 0).float().mean().item()
    assert abs(low - 1 / 3) < 4 * math.sqrt(2 / 9 / n)
    assert torch.equal(drawn.labels, ctx.labels(n))
    # An image takes 1 / (3/4) candidates on average, with the standard deviation of a geometric number.
    assert abs(generator.judged / n - 4 / 3) < 4 * math.sqrt((1 / 4) / (3 / 4) ** 2 / n)


def test_rejected_images_are_drawn_again_with_their_own_labels_and_other_seeds():
    generator = Judged(lambda seed: seed % 2, lambda value: 0.0 if value else -50.0)
    ctx = make_context(make_loop(), 2)
    # The highest of the four even seeds' F is -50, the lowest of the three odd seeds' is 18. They are numbers 3 and 4
    # of 0 to 6, and 58.3 % of 6 is halfway: gamma is about -16, so that even seeds are rejected and odd ones are not.
    drawn = load_method("discriminator_rejection:percentile=58.3:rounds=3").build().sample(generator, 7, ctx)
    # n = 7 is odd: image i has the seeds i, 7 + i, 14 + i, of which the second has the other parity.
    assert [seeds for _, seeds, _ in generator.samplings] == [list(range(7)), [7, 9, 11, 13]]
    assert torch.equal(generator.samplings[1][0], ctx.labels(7)[::2])
    assert (drawn.images == 1).all()
    assert torch.equal(drawn.labels, ctx.labels(7))


def test_an_image_that_is_always_rejected_is_the_candidate_with_the_highest_logit():
    # Seed 0 has the highest logit by far: gamma, the highest F, is about 18, and nothing else is accepted.
    bytes_ = [250, 20, 30, 40, 25, 60, 10, 15, 50, 5, 45, 70]
    generator = Judged(lambda seed: bytes_[seed], lambda value: value - 250.0)
    method = load_method("discriminator_rejection:percentile=100:rounds=3").build()
    drawn = method.sample(generator, 4, make_context(make_loop(), 2))
    # Candidates: image 1 has 20, 60, 5; image 2 has 30, 10, 45; image 3 has 40, 15, 70. Image 0 keeps its 250.
    assert drawn.images[:, 0, 0, 0].tolist() == [250, 60, 45, 70]


def test_an_image_of_a_network_is_one_of_its_candidates():
    model, ctx = fit(stylegan()), make_context(make_loop(sampling_bias=0.8), 2)
    method = load_method("discriminator_rejection:rounds=3").build()
    drawn, again = (method.sample(model, 10, make_context(make_loop(sampling_bias=0.8), 2)) for _ in range(2))
    assert drawn.sha256 == again.sha256
    rounds = [model.sample(ctx.labels(10), ctx.seeds(30)[10 * r : 10 * r + 10], 0.8, ctx.progress) for r in range(3)]
    matches = torch.stack([(candidates.images == drawn.images).flatten(1).all(1) for candidates in rounds])
    assert matches.any(0).all()
    assert not matches[0].all()


def test_a_generator_without_a_discriminator_is_refused():
    method = load_method("discriminator_rejection").build()
    with pytest.raises(BadInput, match="method discriminator_rejection is not for ddpm: choose stylegan"):
        check_method("discriminator_rejection", method, Setting(make_loop(), "ddpm", True, False, (1, 8, 8)))
