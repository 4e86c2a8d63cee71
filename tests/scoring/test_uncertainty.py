"""The bootstrap, against the spread over repeated draws, and the extrapolated FID, against closed forms."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.features.base import ClassifyingSpace
from bench.features.cache import FeatureCache
from bench.metrics.frechet import GaussianMoments, frechet_distance
from bench.process.progress import Progress
from bench.scoring.scorer import Reference, Scorer
from bench.scoring.uncertainty import bootstrap_errors, extrapolated_fid

QUIET = Progress(visible=False)
N, D = 200, 4


class SignSpace(ClassifyingSpace):
    """Points as they are; the class is the sign of the first coordinate."""

    takes_points = True
    n_classes = 2

    def __init__(self) -> None:
        super().__init__("sign", "5" * 64, "none", "cpu", 1000)

    def embed(self, batch: Tensor) -> Tensor:
        return batch

    def classify(self, features: Tensor) -> Tensor:
        return (features[:, 0] > 0).long()


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def fake(seed: int) -> Tensor:
    """Return what a generator gives that is too narrow and off the mark."""
    return 0.7 * normal(N, D, 1000 + seed) + 0.5


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    cache = FeatureCache(tmp_path_factory.mktemp("features"))
    reference = Reference.prepare(SignSpace(), ImageSet(normal(N, D, 0)), 5, cache)
    return Scorer(reference, ImageSet(normal(N, D, 1), torch.arange(N) % 2), cache)


def errors(scorer: Scorer, resamples: int, seed: int = 0, labels: Tensor | None = None) -> dict[str, float]:
    return bootstrap_errors(scorer, fake(0), labels, resamples, torch.Generator().manual_seed(seed), QUIET)


@pytest.fixture(scope="module")
def spreads(scorer: Scorer) -> dict[str, float]:
    """The standard deviation of each score over draws of the generated images."""
    draws = [scorer.score_features(fake(i), None).model_dump(exclude_none=True) for i in range(1, 101)]
    return {name: float(torch.tensor([draw[name] for draw in draws]).std()) for name in draws[0]}


def test_standard_errors_are_the_spread_over_repeated_draws(scorer: Scorer, spreads: dict[str, float]):
    found = errors(scorer, 60)
    # A resample has duplicates, which an image's ball and a ball that just one image hits do feel.
    for name in ("fid", "kid", "density", "recall", "authpct", "training_distance_ratio"):
        assert 1 / 1.8 < found[name] / spreads[name] < 1.8, name
    assert 1 / 3 < found["coverage"] / spreads["coverage"] < 3


def test_the_standard_error_of_label_agreement_is_that_of_a_share(scorer: Scorer):
    labels = torch.zeros(N, dtype=torch.int64)
    share = float((fake(0)[:, 0] <= 0).double().mean())
    expected = (share * (1 - share) / N) ** 0.5
    assert errors(scorer, 200, labels=labels)["label_agreement"] == pytest.approx(expected, rel=0.2)


def test_labels_are_drawn_with_their_images(scorer: Scorer):
    labels = (fake(0)[:, 0] > 0).long()  # what the classifier sees: every image agrees with its label
    assert errors(scorer, 3, labels=labels)["label_agreement"] == 0


def test_every_score_has_a_standard_error_and_the_standard_error_of_a_score_has_none(scorer: Scorer):
    labels = torch.zeros(N, dtype=torch.int64)
    scores = scorer.score_features(fake(0), labels).model_dump(exclude_none=True)
    assert set(errors(scorer, 2, labels=labels)) == set(scores) - {"kid_standard_error"}


def test_scores_that_there_are_not_have_no_standard_error(tmp_path: Path):
    cache = FeatureCache(tmp_path)
    scorer = Scorer(Reference.prepare(SignSpace(), ImageSet(normal(N, D, 0)), 5, cache), None, cache)
    assert set(errors(scorer, 2)) == {"fid", "kid", "precision", "recall", "density", "coverage"}


def test_resamples_are_drawn_from_the_given_randomness_alone(scorer: Scorer):
    torch.manual_seed(0)
    first = errors(scorer, 3, seed=1)
    torch.manual_seed(1)
    assert errors(scorer, 3, seed=1) == first
    assert errors(scorer, 3, seed=2) != first


@pytest.mark.parametrize(
    ("shift", "scale", "truth"),
    [(0.0, 1.0, 0.0), (0.2, 1.0, 16 * 0.2**2), (0.0, 0.7, 16 * 0.3**2)],
    ids=["equal", "shifted", "narrow"],
)
def test_extrapolated_fid_is_nearer_to_the_closed_form_than_fid(shift: float, scale: float, truth: float):
    plain, extrapolated = [], []
    for seed in range(20):
        real, generated = normal(500, 16, 2 * seed), scale * normal(500, 16, 2 * seed + 1) + shift
        plain.append(frechet_distance(GaussianMoments.of(real), GaussianMoments.of(generated)) - truth)
        extrapolated.append(extrapolated_fid(real, generated, torch.Generator().manual_seed(seed)) - truth)
    bias, remaining = torch.tensor(plain).mean(), torch.tensor(extrapolated).mean()
    assert bias > 0.2
    assert abs(remaining) < bias / 4


def test_extrapolated_fid_takes_the_bias_of_sets_of_different_sizes_out():
    found = [
        extrapolated_fid(normal(300, 8, i), normal(2000, 8, 100 + i), torch.Generator().manual_seed(i))
        for i in range(20)
    ]
    assert abs(torch.tensor(found).mean()) < 0.03


@pytest.mark.parametrize(("n", "m"), [(33, 500), (500, 33)])
def test_too_few_images_to_extrapolate_are_refused(n: int, m: int):
    with pytest.raises(BadInput, match="FID of 33 images in 16 dimensions cannot be extrapolated: needed are 34"):
        extrapolated_fid(normal(n, 16, 0), normal(m, 16, 1), torch.Generator())


def test_just_enough_images_to_extrapolate_are_not_refused():
    found = extrapolated_fid(normal(34, 16, 0), normal(34, 16, 1), torch.Generator().manual_seed(0))
    assert math.isfinite(found)
