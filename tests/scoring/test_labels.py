"""What labels are read with: a probe of the features, held against scikit-learn; or the space's own classifier."""

from pathlib import Path

import pytest
import torch
from builders import QUIET
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.cells.task import Task
from bench.data.image_set import ImageSet
from bench.data.real import RealData
from bench.features.base import FeatureSpace
from bench.features.build import task_space
from bench.features.cache import FeatureCache
from bench.features.identity import IdentitySpace
from bench.features.linear_probe import LinearProbe
from bench.scoring.scorer import Reference, Scorer

K = 5
N_REFERENCE = 100


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    return FeatureCache(tmp_path_factory.mktemp("features"))


def prepared(data: RealData, cache: FeatureCache, space: FeatureSpace | None = None) -> Reference:
    return Reference.prepare(space or IdentitySpace(), data.reference[:N_REFERENCE], K, cache, training=data.training)


def predicted(data: RealData, images: ImageSet) -> torch.Tensor:
    """Return the classes that scikit-learn's regression on the pixels gives images."""
    training = data.training[: 4 * N_REFERENCE]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(training.images.flatten(1).double() / 255, training.labels)
    return torch.from_numpy(model.predict(images.images.flatten(1).double() / 255))


def samples(data: RealData) -> ImageSet:
    """Return images of which a third has another label than the right one."""
    images = data.training[600:900]
    assert images.labels is not None
    return ImageSet(images.images, torch.where(torch.arange(300) % 3 == 0, (images.labels + 1) % 10, images.labels))


def test_in_a_space_without_classes_a_probe_of_its_features_reads_them(digits_data: RealData, cache: FeatureCache):
    fake = samples(digits_data)
    scores = Scorer(prepared(digits_data, cache), digits_data.training[:500], cache).score(fake)
    classes = predicted(digits_data, fake)
    assert scores.label_agreement == float((classes == fake.labels).double().mean())
    assert 0.5 < scores.label_agreement < 0.7  # two of three labels are right
    counts = [torch.bincount(labels, minlength=10) for labels in (classes, digits_data.training.labels[:500])]
    shares = [count.double() / count.sum() for count in counts]
    assert scores.class_imbalance == pytest.approx(float((shares[0] - shares[1]).abs().sum() / 2), abs=1e-12)


def test_the_conditions_say_what_the_probe_has_learned_from_and_how_good_it_is(
    digits_data: RealData, cache: FeatureCache
):
    conditions = Scorer(prepared(digits_data, cache), None, cache).conditions(digits_data.training[:N_REFERENCE])
    reference = digits_data.reference[:N_REFERENCE]
    right = float((predicted(digits_data, reference) == reference.labels).double().mean())
    assert conditions.probe is not None
    assert (conditions.probe.images, conditions.probe.accuracy) == (400, right)
    assert right > 0.85


def test_the_floor_is_that_of_images_that_the_probe_has_not_seen(digits_data: RealData, cache: FeatureCache):
    conditions = Scorer(prepared(digits_data, cache), digits_data.training[:500], cache).conditions(
        digits_data.training[:N_REFERENCE]
    )
    assert conditions.probe is not None
    assert conditions.floor.label_agreement == conditions.probe.accuracy < 1
    assert conditions.floor.class_imbalance is not None


def test_a_classifier_of_the_task_reads_labels_itself(digits: Task, digits_data: RealData, cache: FeatureCache):
    space = task_space(digits, "smoke", "cpu", QUIET)
    with_training = Scorer(prepared(digits_data, cache, space), None, cache)
    without = Scorer(Reference.prepare(space, digits_data.reference[:N_REFERENCE], K, cache), None, cache)
    real = digits_data.training[:N_REFERENCE]
    assert with_training.conditions(real) == without.conditions(real)
    assert with_training.conditions(real).probe is None


def unlabelled(data: RealData) -> RealData:
    return RealData(ImageSet(data.training.images), ImageSet(data.reference.images), pinned=False)


def of_one_class(data: RealData) -> RealData:
    return RealData(*(ImageSet(s.images, 0 * s.labels) for s in (data.training, data.reference)), pinned=False)


@pytest.mark.parametrize("change", [unlabelled, of_one_class])
def test_where_there_are_no_classes_to_tell_apart_nothing_is_said_of_them(
    digits_data: RealData, cache: FeatureCache, change
):
    data = change(digits_data)
    scorer = Scorer(prepared(data, cache), None, cache)
    assert scorer.score(data.training[:N_REFERENCE]).label_agreement is None
    assert scorer.conditions(data.training[:N_REFERENCE]).probe is None


def test_a_probe_is_fitted_once(digits_data: RealData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cache = FeatureCache(tmp_path)
    first = Scorer(prepared(digits_data, cache), None, cache).score(samples(digits_data))
    monkeypatch.setattr(LinearProbe, "fit", None)
    assert Scorer(prepared(digits_data, cache), None, cache).score(samples(digits_data)) == first


def test_a_probe_is_the_same_bits_whatever_the_cache(digits_data: RealData, tmp_path: Path):
    states = [
        prepared(digits_data, FeatureCache(tmp_path / name)).reader.classifier.state_dict() for name in ("a", "b")
    ]
    assert torch.equal(states[0]["weight"], states[1]["weight"])
    assert torch.equal(states[0]["bias"], states[1]["bias"])
