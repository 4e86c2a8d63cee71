"""The scorer, against other libraries on the same features."""

import pytest
import torch
from builders import make_images
from prdc import compute_prdc
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from bench.data.image_set import ImageSet
from bench.data.real import RealData
from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.features.build import task_space
from bench.record import Scores
from bench.scorer import Scorer
from bench.task import Task

K = 5


@pytest.fixture(scope="module")
def space(digits: Task) -> FeatureSpace:
    return task_space(digits, "cpu")


@pytest.fixture(scope="module")
def scorer(space: FeatureSpace, digits_data: RealData) -> Scorer:
    return Scorer(space, digits_data.reference, K)


class PixelSpace:
    """Pixels as features; whatever it is shown is of class 1."""

    name = "pixels"
    sha256 = "5" * 64

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1).float()

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(features), dtype=torch.int64)


class BrokenSpace(PixelSpace):
    """Pixels as features, but one image has a feature that is not finite."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        features = super().__call__(images)
        features[-1, 0] = self.value
        return features


def noisy(images: ImageSet, strength: int) -> ImageSet:
    """Return the images with random noise on their pixels."""
    noise = torch.randint(-strength, strength + 1, images.images.shape, generator=torch.Generator().manual_seed(0))
    return ImageSet((images.images.long() + noise).clamp(0, 255).to(torch.uint8), images.labels)


def assert_scores_are_those_of_other_libraries(scores: Scores, real: torch.Tensor, fake: torch.Tensor) -> None:
    statistics = [fid_features_to_statistics(features.double()) for features in (fake, real)]
    fid = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    shares = compute_prdc(real.numpy(), fake.numpy(), nearest_k=K)
    assert scores.fid == pytest.approx(fid, rel=1e-5, abs=1e-5)
    assert (scores.precision, scores.recall) == pytest.approx((shares["precision"], shares["recall"]), abs=1e-9)


@pytest.mark.parametrize(("n", "strength"), [(500, 0), (500, 30), (500, 90), (200, 30)])
def test_scores_equal_those_of_torch_fidelity_and_prdc(
    scorer: Scorer, space: FeatureSpace, digits_data: RealData, n: int, strength: int
):
    samples = noisy(digits_data.training[:n], strength)
    real, fake = space(digits_data.reference.images), space(samples.images)
    assert_scores_are_those_of_other_libraries(scorer.score(samples), real, fake)


def test_a_collapsed_set_has_high_precision_and_low_recall(scorer: Scorer, digits_data: RealData):
    one = digits_data.reference[torch.full((500,), 3)]
    scores = scorer.score(one)
    assert scores.precision > 0.99
    assert scores.recall < 0.01


def test_noise_has_low_precision_and_a_large_distance(scorer: Scorer, digits_data: RealData):
    scores = scorer.score(make_images(500))
    assert scores.precision < 0.5
    assert scores.fid > 10 * scorer.score(digits_data.training[:500]).fid


def test_the_reference_itself_has_the_best_scores(scorer: Scorer, digits_data: RealData):
    scores = scorer.score(digits_data.reference)
    assert scores.fid == pytest.approx(0, abs=1e-4)
    assert (scores.precision, scores.recall) == (1, 1)


def test_label_agreement_of_the_reference_is_the_classifiers_accuracy(
    scorer: Scorer, digits: Task, digits_data: RealData
):
    assert scorer.score(digits_data.reference).label_agreement == digits.features.accuracy


def test_label_agreement_is_the_share_of_images_of_the_class_they_were_made_for():
    scorer = Scorer(PixelSpace(), make_images(20), K)
    images = ImageSet(make_images(20, seed=1).images, torch.tensor([1] * 7 + [2] * 13))
    assert scorer.score(images).label_agreement == 7 / 20


def test_images_without_labels_have_no_label_agreement():
    assert Scorer(PixelSpace(), make_images(20), K).score(make_images(20, n_classes=None)).label_agreement is None


def test_conditions_say_what_was_measured_in_and_against(scorer: Scorer, digits: Task, digits_data: RealData):
    conditions = scorer.conditions(digits_data.training[:500])
    assert (conditions.features, conditions.features_sha256) == (digits.features.name, digits.features.sha256)
    assert (conditions.n, conditions.k) == (500, K)
    assert conditions.reference_sha256 == digits.data.reference_sha256


def test_floor_is_the_score_of_the_real_images_outside_the_reference(
    scorer: Scorer, space: FeatureSpace, digits_data: RealData
):
    training = digits_data.training[:500]
    floor = scorer.conditions(training).floor
    real, fake = space(digits_data.reference.images), space(training.images)
    assert_scores_are_those_of_other_libraries(floor, real, fake)


def test_a_score_does_not_depend_on_what_was_scored_before(space: FeatureSpace, digits_data: RealData):
    scorer = Scorer(space, digits_data.reference, K)
    before = scorer.score(digits_data.training[:100])
    scorer.score(make_images(50))
    assert scorer.score(digits_data.training[:100]) == before


@pytest.mark.parametrize("n", [1, K])
def test_too_few_samples_are_refused(n: int):
    with pytest.raises(BadInput, match=f"{n} images cannot be scored: k = 5 needs at least 6"):
        Scorer(PixelSpace(), make_images(20), K).score(make_images(n))


def test_too_few_reference_images_are_refused():
    with pytest.raises(BadInput, match="5 images cannot be scored: k = 5 needs at least 6"):
        Scorer(PixelSpace(), make_images(K), K)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_not_finite_are_refused(value: float):
    with pytest.raises(BadInput, match="feature space 'pixels' gave features that are not finite"):
        Scorer(BrokenSpace(value), make_images(20), K)
