"""The scorer, against other libraries on the same features."""

from pathlib import Path

import pytest
import torch
from builders import QUIET, make_images
from prdc import compute_prdc
from scipy.spatial.distance import cdist, cityblock
from torch import Tensor
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kernel_mmd

from bench.cells.record import Scores
from bench.cells.task import Task
from bench.data.image_set import ImageSet
from bench.data.real import RealData
from bench.errors import BadInput
from bench.features.base import ClassifyingSpace, FeatureSpace
from bench.features.build import task_space
from bench.features.cache import FeatureCache
from bench.features.identity import IdentitySpace
from bench.scoring.scorer import Reference, Scorer

K = 5
N_TRAINING = 600


class PixelSpace(ClassifyingSpace):
    """Pixels as features; whatever it is shown is of class 1."""

    n_classes = 10

    def __init__(self) -> None:
        super().__init__("pixels", "5" * 64, "none", "cpu", 100)

    def embed(self, batch: Tensor) -> Tensor:
        return batch.flatten(1).float() / 255

    def classify(self, features: Tensor) -> Tensor:
        return torch.ones(len(features), dtype=torch.int64)


class BrokenSpace(PixelSpace):
    """Pixels as features, but one image has a feature that is not finite."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def embed(self, batch: Tensor) -> Tensor:
        features = super().embed(batch)
        features[-1, 0] = self.value
        return features


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    return FeatureCache(tmp_path_factory.mktemp("features"))


@pytest.fixture(scope="module")
def space(digits: Task) -> FeatureSpace:
    return task_space(digits, "smoke", "cpu", QUIET)


@pytest.fixture(scope="module")
def reference(space: FeatureSpace, digits_data: RealData, cache: FeatureCache) -> Reference:
    return Reference.prepare(space, digits_data.reference, K, cache)


@pytest.fixture(scope="module")
def scorer(reference: Reference, digits_data: RealData, cache: FeatureCache) -> Scorer:
    return Scorer(reference, digits_data.training[:N_TRAINING], cache)


@pytest.fixture
def pixel_scorer(tmp_path: Path) -> Scorer:
    """A scorer of random images of 8x8 pixels, by their pixels."""
    cache = FeatureCache(tmp_path)
    return Scorer(Reference.prepare(PixelSpace(), make_images(20), K, cache), make_images(30, seed=1), cache)


def noisy(images: ImageSet, strength: int) -> ImageSet:
    """Return the images with random noise on their pixels."""
    noise = torch.randint(-strength, strength + 1, images.images.shape, generator=torch.Generator().manual_seed(0))
    return ImageSet((images.images.long() + noise).clamp(0, 255).to(torch.uint8), images.labels)


def nearest(points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distance of each point to the nearest of the others, and its index."""
    distances = torch.from_numpy(cdist(points.double().numpy(), others.double().numpy()))
    if others is points:
        distances.fill_diagonal_(torch.inf)
    found = distances.min(1)
    return found.values, found.indices


def assert_scores_are_those_of_other_libraries(scores: Scores, real: Tensor, fake: Tensor) -> None:
    statistics = [fid_features_to_statistics(features.double()) for features in (fake, real)]
    fid = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    shares = compute_prdc(real.numpy(), fake.numpy(), nearest_k=K)
    assert scores.fid == pytest.approx(fid, rel=1e-6)
    assert scores.model_dump(include=set(shares)) == pytest.approx(shares, abs=1e-9)


@pytest.mark.parametrize(("n", "strength"), [(500, 0), (500, 30), (500, 90), (200, 30)])
def test_scores_equal_those_of_torch_fidelity_and_prdc(
    scorer: Scorer, space: FeatureSpace, digits_data: RealData, n: int, strength: int
):
    samples = noisy(digits_data.training[:n], strength)
    real, fake = space(digits_data.reference.images), space(samples.images)
    assert_scores_are_those_of_other_libraries(scorer.score(samples), real, fake)


def test_kernel_distance_equals_that_of_torch_fidelity(scorer: Scorer, space: FeatureSpace, digits_data: RealData):
    samples = noisy(digits_data.training[:500], 60)
    real, fake = (space(images.images).double().numpy() for images in (digits_data.reference, samples))
    cubic = {"kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1.0}
    scores = scorer.score(samples)
    assert scores.kid == pytest.approx(kernel_mmd(real, fake, kid_kernel="poly", **cubic), rel=1e-6)
    assert 0 < scores.kid_standard_error < scores.kid / 2


def test_memorisation_scores_are_those_of_all_distances(scorer: Scorer, space: FeatureSpace, digits_data: RealData):
    samples = noisy(digits_data.training[:500], 60)
    fake, held_out, training = (
        space(images.images) for images in (samples, digits_data.reference, digits_data.training[:N_TRAINING])
    )
    distances, indices = nearest(fake, training)
    scores = scorer.score(samples)
    assert scores.authpct == 100 * float((nearest(training, training)[0][indices] < distances).double().mean())
    ratio = distances.median() / nearest(held_out, training)[0].median()
    assert scores.training_distance_ratio == pytest.approx(float(ratio), rel=1e-9)


def test_a_collapsed_set_has_high_precision_and_low_recall(scorer: Scorer, digits_data: RealData):
    one = digits_data.reference[torch.full((500,), 3)]
    scores = scorer.score(one)
    assert scores.precision > 0.99
    assert scores.recall < 0.01
    assert scores.coverage < 0.05


def test_a_collapsed_reference_has_low_precision_and_high_recall(
    space: FeatureSpace, digits_data: RealData, cache: FeatureCache
):
    # One image repeated, and another one, as a reference of equal images is refused.
    one = digits_data.reference[torch.tensor([3] * 499 + [4])]
    scores = Scorer(Reference.prepare(space, one, K, cache), None, cache).score(digits_data.reference)
    assert scores.precision < 0.5
    assert scores.recall > 0.99


def test_noise_has_low_precision_and_a_large_distance(scorer: Scorer, digits_data: RealData):
    scores = scorer.score(make_images(500))
    assert scores.precision < 0.5
    assert scores.fid > 10 * scorer.score(digits_data.training[:500]).fid


def test_copies_of_training_images_are_told_from_held_out_images(scorer: Scorer, digits_data: RealData):
    copies, held_out = scorer.score(digits_data.training[:500]), scorer.score(digits_data.training[N_TRAINING:])
    assert (copies.authpct, copies.training_distance_ratio) == (0, 0)
    assert held_out.authpct is not None
    assert held_out.authpct > 20
    assert held_out.training_distance_ratio == pytest.approx(1, abs=0.1)


def test_the_reference_itself_has_the_best_scores(scorer: Scorer, digits_data: RealData):
    scores = scorer.score(digits_data.reference)
    assert scores.fid == pytest.approx(0, abs=1e-6)
    assert (scores.precision, scores.recall, scores.coverage) == (1, 1, 1)
    assert scores.training_distance_ratio == 1


def test_two_parts_of_one_real_set_score_about_the_floor(
    space: FeatureSpace, digits_data: RealData, cache: FeatureCache
):
    order = torch.randperm(len(digits_data.training), generator=torch.Generator().manual_seed(0))
    first, second, third = (digits_data.training[part] for part in order[:1290].chunk(3))
    scorer = Scorer(Reference.prepare(space, first, K, cache), None, cache)
    found, floor = scorer.score(second), scorer.conditions(third).floor
    assert found.fid == pytest.approx(floor.fid, rel=0.3)
    assert abs(found.kid) < 3 * found.kid_standard_error
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name) == pytest.approx(getattr(floor, name), abs=0.1)


def test_scores_do_not_depend_on_how_many_images_go_through_the_network_at_a_time(
    digits: Task, digits_data: RealData, tmp_path: Path
):
    found = []
    for batch_size in (7, 1000):
        space, cache = task_space(digits, "smoke", "cpu", QUIET), FeatureCache(tmp_path / str(batch_size))
        space.batch_size = batch_size
        scorer = Scorer(
            Reference.prepare(space, digits_data.reference, K, cache), digits_data.training[:N_TRAINING], cache
        )
        found.append(scorer.score(noisy(digits_data.training[:200], 60)).model_dump())
    assert found[0] == pytest.approx(found[1], rel=1e-6, abs=1e-6)


def test_label_agreement_of_the_reference_is_the_classifiers_accuracy(
    scorer: Scorer, digits: Task, digits_data: RealData
):
    assert scorer.score(digits_data.reference).label_agreement == digits.features.accuracy


def test_label_agreement_is_the_share_of_images_of_the_class_they_were_made_for(pixel_scorer: Scorer):
    images = ImageSet(make_images(20, seed=2).images, torch.tensor([1] * 7 + [2] * 13))
    assert pixel_scorer.score(images).label_agreement == 7 / 20


def test_class_imbalance_is_the_distance_from_the_classes_of_the_training_images(
    scorer: Scorer, space: FeatureSpace, digits_data: RealData
):
    samples = digits_data.training[digits_data.training.labels < 4]
    predicted = space.classify(space(samples.images)).bincount(minlength=10) / len(samples)
    training = digits_data.training.labels[:N_TRAINING].bincount() / N_TRAINING
    found = scorer.score(samples).class_imbalance
    assert found == pytest.approx(cityblock(predicted.numpy(), training.numpy()) / 2, rel=1e-5)
    assert found > 0.5


def test_class_imbalance_of_one_of_ten_equally_frequent_classes_is_nine_tenths(pixel_scorer: Scorer):
    assert pixel_scorer.score(make_images(20, seed=2)).class_imbalance == pytest.approx(0.9)


def test_images_without_labels_have_no_scores_of_classes(pixel_scorer: Scorer):
    scores = pixel_scorer.score(make_images(20, seed=2, n_classes=None))
    assert (scores.label_agreement, scores.class_imbalance) == (None, None)


def test_a_space_that_tells_no_classes_apart_has_no_scores_of_classes(cache: FeatureCache):
    reference = Reference.prepare(IdentitySpace(), make_images(20), K, cache)
    scores = Scorer(reference, make_images(30, seed=1), cache).score(make_images(20, seed=2))
    assert (scores.label_agreement, scores.class_imbalance) == (None, None)


def test_without_training_images_nothing_is_said_of_memorisation_and_class_balance(
    reference: Reference, digits_data: RealData, cache: FeatureCache
):
    scores = Scorer(reference, None, cache).score(digits_data.training[:100])
    found = scores.model_dump(exclude_none=True)
    assert {"authpct", "training_distance_ratio", "class_imbalance"}.isdisjoint(found)
    assert {"fid", "kid", "precision", "recall", "density", "coverage", "label_agreement"} <= set(found)


def test_conditions_say_what_was_measured_in_and_against(scorer: Scorer, digits: Task, digits_data: RealData):
    conditions = scorer.conditions(digits_data.training[:500])
    assert (conditions.features, conditions.features_sha256) == (digits.features.name, digits.features.sha256)
    assert (conditions.n, conditions.k, conditions.resize) == (500, K, "none")
    assert conditions.reference_sha256 == digits.data.reference_sha256


def test_floor_is_the_score_of_the_real_images_outside_the_reference(
    scorer: Scorer, space: FeatureSpace, digits_data: RealData
):
    training = digits_data.training[:500]
    floor = scorer.conditions(training).floor
    real, fake = space(digits_data.reference.images), space(training.images)
    assert_scores_are_those_of_other_libraries(floor, real, fake)
    assert floor.label_agreement == scorer.score(training).label_agreement


def test_memorisation_scores_of_the_floor_are_those_of_held_out_images(scorer: Scorer, digits_data: RealData):
    floor = scorer.conditions(digits_data.training[:500]).floor
    assert floor.authpct == scorer.score(digits_data.reference).authpct
    assert floor.training_distance_ratio == 1


def test_the_floor_says_nothing_of_memorisation_without_training_images(
    reference: Reference, digits_data: RealData, cache: FeatureCache
):
    floor = Scorer(reference, None, cache).conditions(digits_data.training[:500]).floor
    assert (floor.authpct, floor.training_distance_ratio) == (None, None)


def test_a_score_does_not_depend_on_what_was_scored_before(scorer: Scorer, digits_data: RealData):
    before = scorer.score(digits_data.training[:100])
    scorer.score(make_images(50))
    assert scorer.score(digits_data.training[:100]) == before


def test_a_score_does_not_depend_on_whether_the_reference_was_in_the_cache(
    space: FeatureSpace, digits_data: RealData, tmp_path: Path
):
    cache = FeatureCache(tmp_path)
    found = []
    for _ in range(2):
        reference = Reference.prepare(space, digits_data.reference, K, cache)
        found.append(Scorer(reference, digits_data.training, cache).score(make_images(50)))
    assert found[0] == found[1]


def test_references_of_different_k_do_not_share_what_is_cached(
    space: FeatureSpace, digits_data: RealData, cache: FeatureCache
):
    samples = noisy(digits_data.training[:200], 60)
    for k in (1, 3):
        scores = Scorer(Reference.prepare(space, digits_data.reference, k, cache), None, cache).score(samples)
        real, fake = (space(images.images).numpy() for images in (digits_data.reference, samples))
        shares = compute_prdc(real, fake, nearest_k=k)
        assert scores.model_dump(include=set(shares)) == pytest.approx(shares, abs=1e-9)


def test_images_that_were_a_reference_and_are_then_training_images_are_cached_as_both(tmp_path: Path):
    cache, other = FeatureCache(tmp_path / "one"), FeatureCache(tmp_path / "other")
    first, second = make_images(30), make_images(40, seed=1)
    Scorer(Reference.prepare(PixelSpace(), first, K, cache), second, cache)
    found = [
        Scorer(Reference.prepare(PixelSpace(), second, K, c), first, c).score(make_images(50, seed=2))
        for c in (cache, other)
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("n", [1, K])
def test_too_few_samples_are_refused(pixel_scorer: Scorer, n: int):
    with pytest.raises(BadInput, match=f"^{n} images? cannot be scored: k = 5 needs at least 6"):
        pixel_scorer.score(make_images(n))


def test_too_few_images_for_the_floor_are_refused(pixel_scorer: Scorer):
    with pytest.raises(BadInput, match="5 images cannot be scored: k = 5 needs at least 6"):
        pixel_scorer.conditions(make_images(K))


def test_too_few_reference_images_are_refused(cache: FeatureCache):
    with pytest.raises(BadInput, match="5 images cannot be scored: k = 5 needs at least 6"):
        Reference.prepare(PixelSpace(), make_images(K), K, cache)


def test_one_training_image_is_refused(cache: FeatureCache):
    with pytest.raises(BadInput, match="1 training image: memorisation can be told from 2 on"):
        Scorer(Reference.prepare(PixelSpace(), make_images(20), K, cache), make_images(1, seed=1), cache)


def test_a_reference_of_equal_features_is_refused(cache: FeatureCache):
    same = make_images(20)[torch.zeros(20, dtype=torch.int64)]
    with pytest.raises(BadInput, match="all 20 real images have the same features in space 'pixels'"):
        Reference.prepare(PixelSpace(), same, K, cache)


@pytest.mark.parametrize("n_others", [0, 9])
def test_training_images_that_are_in_the_reference_are_refused(cache: FeatureCache, n_others: int):
    reference = Reference.prepare(PixelSpace(), make_images(20), K, cache)
    training = ImageSet(torch.cat([make_images(20).images[n_others:], make_images(40, seed=1).images]))
    with pytest.raises(BadInput, match="half of the 20 held-out real images have the features of a training image"):
        Scorer(reference, training, cache)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_not_finite_are_refused(cache: FeatureCache, value: float):
    with pytest.raises(BadInput, match="feature space 'pixels' gave features that are not finite"):
        Reference.prepare(BrokenSpace(value), make_images(20, seed=3), K, cache)
