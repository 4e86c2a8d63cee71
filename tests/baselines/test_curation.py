import math

import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Setting, check_method


def round_of(images: ImageSet) -> torch.Tensor:
    """The round of each image where RecordingGenerator fills it with its seed, which makes_context counts from 0."""
    return images.images[:, :, :1, :1].float().flatten(1)


def test_a_big_gap_of_rewards_always_keeps_the_best_candidate_of_each_slot():
    # Seeds 0 to 79: slot i has the candidates i, i + 20, i + 40 and i + 60, and the feature is the seed. A third class
    # has nearly all of the probability, so that the log-probabilities are -seed - 1000 for label 0, seed - 1000 for 1.
    method, generator = load_method("curation").build(), RecordingGenerator()
    method.load_state_dict(
        {
            "weight": torch.tensor([[-1.0], [1.0], [0.0]]).double(),
            "bias": torch.tensor([0.0, 0.0, 1000.0]).double(),
        }
    )
    ctx = make_context(make_loop(), 2, n_classes=2, embed=round_of)
    kept = method.synthesize(generator, 20, ctx)
    assert [seeds for _, seeds, _ in generator.samplings] == [list(range(r * 20, r * 20 + 20)) for r in range(4)]
    assert torch.equal(kept.labels, ctx.labels(20))
    # Label 1 keeps the highest seed, label 0 the lowest: the next is 20 lower, and chosen once in exp(20).
    assert round_of(kept)[:, 0].tolist() == [i + 60 if i % 2 else i for i in range(20)]


def test_equal_rewards_keep_every_candidate_equally_often():
    n = 1000
    method = load_method("curation").build()
    method.load_state_dict({"weight": torch.zeros(2, 1).double(), "bias": torch.zeros(2).double()})
    generator = RecordingGenerator()
    ctx = make_context(make_loop(), 2, n_classes=2, embed=round_of)
    kept = method.synthesize(generator, n, ctx)
    # Seed i + 1000 r is filled in as its remainder by 256, which differs between the four rounds.
    rounds = (round_of(kept)[:, 0].long() - torch.arange(n)) % 256
    counts = [(rounds == (r * n) % 256).sum().item() for r in range(4)]
    assert sum(counts) == n
    # Four standard deviations of a binomial with p = 1/4.
    assert all(abs(count - n / 4) < 4 * math.sqrt(n * 3 / 16) for count in counts)


def test_a_candidate_is_kept_in_proportion_to_exp_reward_over_temperature():
    # Two candidates of label 1 whose logits are ln 3 / 2 apart, at half the temperature: odds of 3, about.
    n = 1000
    method = load_method("curation:candidates=2:temperature=0.5").build()
    method.load_state_dict(
        {
            "weight": torch.tensor([[0.0], [math.log(3) / 2]]).double(),
            "bias": torch.tensor([30.0, 0.0]).double(),  # log p(1) = logit(1) - 30: the softmax is its numerator
        }
    )

    def second_round(images: ImageSet) -> torch.Tensor:
        return (round_of(images) >= 100).float()

    class TwoLevels(RecordingGenerator):
        def sample(self, labels, seeds, *rest):
            drawn = super().sample(labels, seeds, *rest)
            return ImageSet(torch.full_like(drawn.images, 200 if seeds[0] else 0), torch.ones_like(labels))

    ctx = make_context(make_loop(), 2, n_classes=2, embed=second_round)
    kept = method.synthesize(TwoLevels(), n, ctx)
    share = second_round(kept).mean().item()
    assert abs(share - 0.75) < 4 * math.sqrt(0.75 * 0.25 / n)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_reward_is_the_log_probability_of_the_label_under_a_classifier_of_real_images(n_classes: int):
    labels = torch.arange(60) % n_classes
    real = ImageSet((labels * 50 + torch.arange(60) % 7).to(torch.uint8).view(-1, 1, 1, 1), labels)
    method, resumed = (load_method("curation").build() for _ in range(2))
    ctx = make_context(make_loop(), 1, real, n_classes=n_classes)
    method.prepare(None, ctx)
    resumed.load_state_dict(method.state_dict())
    rewards = {}
    for label in range(n_classes):
        rewards[label] = resumed._rewards(ImageSet(real.images, torch.full((60,), label)), ctx)
    # Probabilities of the classes sum up to 1, and the label of each image is its most probable one.
    total = torch.stack([rewards[label] for label in range(n_classes)]).exp().sum(0)
    assert total.tolist() == pytest.approx([1] * 60)
    best = torch.stack([rewards[label] for label in range(n_classes)]).argmax(0)
    assert torch.equal(best, labels)


def test_it_needs_labels():
    with pytest.raises(BadInput, match="method curation needs labels"):
        check_method(
            "curation", load_method("curation").build(), Setting(make_loop(), "ddpm", False, False, (1, 8, 8))
        )
