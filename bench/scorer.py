"""The scorer: features of a set are extracted once, and every score is computed from them."""

import torch
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.features.space import FeatureSpace
from bench.metrics.frechet import GaussianMoments, frechet_distance
from bench.metrics.manifold import Manifold, manifold_scores
from bench.record import ScoreConditions, Scores


class Scorer:
    """Scores sets of images against one reference, whose features, moments and radii are computed once."""

    def __init__(self, space: FeatureSpace, reference: ImageSet, k: int) -> None:
        """Prepare the reference.

        Args:
            space: the feature space.
            reference: held-out real images.
            k: neighbours in precision and recall.

        Raises:
            BadInput: too few images, or features that are not finite.
        """
        self._space = space
        self._k = k
        self._reference = reference
        features = self._extract(reference)
        self._moments = GaussianMoments.of(features)
        self._manifold = Manifold.of(features, k)

    def score(self, samples: ImageSet) -> Scores:
        """Return the scores of images; their labels, where they have any, are those they were generated for.

        Raises:
            BadInput: too few images, or features that are not finite.
        """
        features = self._extract(samples)
        agreement = None
        if samples.labels is not None:
            agreement = float((self._space.classify(features) == samples.labels).double().mean())
        inside = manifold_scores(self._manifold, Manifold.of(features, self._k))
        return Scores(
            fid=frechet_distance(self._moments, GaussianMoments.of(features)),
            precision=inside.precision,
            recall=inside.recall,
            density=inside.density,
            coverage=inside.coverage,
            label_agreement=agreement,
        )

    def conditions(self, real: ImageSet) -> ScoreConditions:
        """Return what the scores are measured in and against, with the floor.

        Args:
            real: real images outside the reference, as many as it has: their score is what a generator that has the
                real distribution would get.
        """
        return ScoreConditions(
            features=self._space.name,
            features_sha256=self._space.sha256,
            n=len(self._reference),
            k=self._k,
            reference_sha256=self._reference.sha256,
            floor=self.score(real),
        )

    def _extract(self, images: ImageSet) -> Tensor:
        if len(images) <= self._k:
            raise BadInput(f"{len(images)} images cannot be scored: k = {self._k} needs at least {self._k + 1}")
        features = self._space(images.images)
        if not torch.isfinite(features).all():
            raise BadInput(f"feature space '{self._space.name}' gave features that are not finite")
        return features
