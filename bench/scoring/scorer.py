"""The scorer: features of a set are extracted once, and every score is computed from them."""

from dataclasses import dataclass

import torch
from pydantic import ValidationError
from torch import Tensor

from bench.cells.record import ScoreConditions, Scores
from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.features.cache import FeatureCache
from bench.files.validation import one_line
from bench.metrics.frechet import FrechetDistance, GaussianMoments
from bench.metrics.kernel import KernelDistance, KernelSet
from bench.metrics.labels import ClassImbalance, LabelAgreement
from bench.metrics.manifold import PRDC, Manifold
from bench.metrics.memorisation import Memorisation, MemorisationScores, memorisation_scores
from bench.process.progress import Progress
from bench.scoring.labels import LabelReader, label_reader

QUIET = Progress(visible=False)


@dataclass(frozen=True)
class Reference:
    """Held-out real images, with all that the metrics need of them; prepared once, used by every score.

    Attributes:
        space: the feature space.
        images: the real images.
        features: float32, (n, d), of the images.
        moments: their mean and covariance.
        manifold: their k-nearest-neighbour balls.
        kernel: their kernel sums.
        reader: tells the classes apart; None where there are none.
    """

    space: FeatureSpace
    images: ImageSet
    features: Tensor
    moments: GaussianMoments
    manifold: Manifold
    kernel: KernelSet
    reader: LabelReader | None = None

    @classmethod
    def prepare(
        cls,
        space: FeatureSpace,
        images: ImageSet,
        k: int,
        cache: FeatureCache,
        progress: Progress = QUIET,
        training: ImageSet | None = None,
    ) -> "Reference":
        """Compute the features and their statistics, or take them from the cache.

        Args:
            space: the feature space.
            images: the real images.
            k: neighbours in precision and recall.
            cache: keeps what is computed from real images.
            progress: where progress is shown.
            training: all real images of the task outside the reference, from which a probe learns the labels where
                the space has no classifier; without them such a space tells nothing of labels.

        Raises:
            BadInput: too few images, images that the space is not for, or features that are not finite or all equal.
        """
        check_enough(images, k)
        features = cache.features(space, images, progress)
        if bool((features == features[0]).all()):
            raise BadInput(
                f"all {len(images)} real images have the same features in space '{space.name}': nothing can be "
                "compared with them"
            )

        def statistics() -> dict[str, Tensor]:
            moments = GaussianMoments.of(features)
            return {
                "mean": moments.mean,
                "covariance": moments.covariance,
                "squared_radii": Manifold.of(features, k).squared_radii,
                "kernel_sums": KernelSet.of(features).sums,
            }

        found = cache.tensors(space, images, {"statistics": "reference", "k": k}, statistics)
        return cls(
            space,
            images,
            features,
            GaussianMoments.with_covariance(features, found["mean"], found["covariance"]),
            Manifold.with_radii(features, found["squared_radii"], k),
            KernelSet(features, found["kernel_sums"]),
            label_reader(space, images, features, training, cache, progress),
        )


class Scorer:
    """Scores sets of images against a reference, and against the training images they could be copies of."""

    def __init__(
        self, reference: Reference, training: ImageSet | None, cache: FeatureCache, progress: Progress = QUIET
    ) -> None:
        """Prepare the training images.

        Args:
            reference: held-out real images.
            training: the real images that the generators saw, labelled where the task is; None where they are not
                known, then nothing is said of memorisation and class balance.
            cache: keeps what is computed from real images.
            progress: where progress is shown.

        Raises:
            BadInput: fewer than 2 training images, images that the space is not for, or training images that are in
                the reference.
        """
        self._reference = reference
        self._cache = cache
        self._memorisation: tuple[Manifold, MemorisationScores] | None = None
        self._class_counts: Tensor | None = None
        if training is None:
            return
        space = reference.space
        if len(training) < 2:
            raise BadInput(f"{len(training)} training image: memorisation can be told from 2 on")
        features = cache.features(space, training, progress)
        radii = cache.tensors(
            space,
            training,
            {"statistics": "training"},
            lambda: {"squared_radii": Manifold.of(features, 1).squared_radii},
        )["squared_radii"]
        manifold = Manifold.with_radii(features, radii, 1)
        normal = memorisation_scores(manifold, reference.features)
        if normal.median_distance == 0:
            raise BadInput(
                f"half of the {len(reference.images)} held-out real images have the features of a training image: the "
                "two sets must be different images"
            )
        self._memorisation = manifold, normal
        if reference.reader is not None and training.labels is not None:
            self._class_counts = torch.bincount(training.labels, minlength=reference.reader.n_classes)

    @property
    def space(self) -> FeatureSpace:
        """The feature space of the scores."""
        return self._reference.space

    def score(self, samples: ImageSet, progress: Progress = QUIET) -> Scores:
        """Return the scores of images; their labels, where they have any, are those they were generated for.

        Raises:
            BadInput: too few images, images that the space is not for, or features that are not finite.
        """
        check_enough(samples, self._reference.manifold.k)
        return self.score_features(self._reference.space(samples.images, progress), samples.labels)

    def score_features(self, features: Tensor, labels: Tensor | None) -> Scores:
        """Return the scores of images whose features, float32 (n, d), are known."""
        reference = self._reference
        # Each process adds its share; what the metrics then compute is of all.
        own = reference.space.processes.share(len(features))
        frechet, kernel = FrechetDistance(reference.moments), KernelDistance(reference.kernel)
        neighbours = PRDC(reference.manifold)
        for metric in (frechet, kernel, neighbours):
            metric.update(features[own])
        kid, kid_error = kernel.compute()
        scores = {"fid": frechet.compute(), "kid": kid, "kid_standard_error": kid_error} | neighbours.compute()
        if self._memorisation is not None:
            memorisation = Memorisation(*self._memorisation)
            memorisation.update(features[own])
            scores |= memorisation.compute()
        if labels is not None and reference.reader is not None:
            scores |= self._label_scores(reference.reader, features, labels)
        try:
            return Scores.model_validate({name: float(value) for name, value in scores.items()})
        except ValidationError as error:
            raise BadInput(
                f"{one_line(error)}: features of space '{reference.space.name}' are too large for it"
            ) from error

    def _label_scores(self, reader: LabelReader, features: Tensor, labels: Tensor) -> dict[str, Tensor]:
        classes = reader.classify(features)
        own = self._reference.space.processes.share(len(features))
        agreement = LabelAgreement()
        agreement.update(classes[own], labels[own])
        scores = {"label_agreement": agreement.compute()}
        if self._class_counts is not None:
            imbalance = ClassImbalance(self._class_counts)
            imbalance.update(classes[own])
            scores["class_imbalance"] = imbalance.compute()
        return scores

    def conditions(self, real: ImageSet, progress: Progress = QUIET) -> ScoreConditions:
        """Return what the scores are measured in and against, with the floor.

        Args:
            real: real images outside the reference, as many as it has: their scores are what a generator that has the
                real distribution would get. As they are training images themselves, the floor's memorisation scores,
                and what a probe reads of labels, are those of the reference.
            progress: where progress is shown.
        """
        reference = self._reference
        check_enough(real, reference.manifold.k)
        floor = self.score_features(self._cache.features(reference.space, real, progress), real.labels)
        if self._memorisation is not None:
            _, normal = self._memorisation
            floor = floor.model_copy(update={"authpct": normal.authpct, "training_distance_ratio": 1.0})
        reader, labels = reference.reader, reference.images.labels
        if reader is not None and reader.probe is not None and labels is not None:
            held_out = self._label_scores(reader, reference.features, labels)
            floor = floor.model_copy(update={name: float(value) for name, value in held_out.items()})
        return ScoreConditions(
            features=reference.space.name,
            features_sha256=reference.space.sha256,
            resize=reference.space.resize,
            n=len(reference.images),
            k=reference.manifold.k,
            reference_sha256=reference.images.sha256,
            floor=floor,
            probe=None if reader is None else reader.probe,
        )


def check_enough(images: ImageSet, k: int) -> None:
    """Raise BadInput where a set has too few images for k neighbours."""
    if len(images) <= k:
        raise BadInput(
            f"{len(images)} image{'s' * (len(images) != 1)} cannot be scored: k = {k} needs at least {k + 1}"
        )
