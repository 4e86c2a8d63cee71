"""What tells a task's classes apart in a feature space: the space's own classifier, or a probe of its features."""

from dataclasses import dataclass

from threadpoolctl import threadpool_limits
from torch import Tensor

from bench.cells.record import ProbeConditions
from bench.data.image_set import ImageSet
from bench.features.base import ClassifyingSpace, FeatureSpace
from bench.features.cache import FeatureCache
from bench.features.linear_probe import LinearProbe
from bench.process.progress import Progress

PROBE_SHARE = 4  # real images that a probe learns from, for each one of the reference


@dataclass(frozen=True)
class LabelReader:
    """Tells the classes of images from their features.

    Attributes:
        classifier: the space with a classifier of its own, or a probe.
        n_classes: how many classes there are.
        probe: how good the probe is; None where the space has a classifier of its own.
    """

    classifier: ClassifyingSpace | LinearProbe
    n_classes: int
    probe: ProbeConditions | None = None

    def classify(self, features: Tensor) -> Tensor:
        """Return the class, int64 (n,) on the CPU, of each row of features."""
        return self.classifier.classify(features.cpu() if isinstance(self.classifier, LinearProbe) else features)


def label_reader(
    space: FeatureSpace,
    reference: ImageSet,
    features: Tensor,
    training: ImageSet | None,
    cache: FeatureCache,
    progress: Progress,
) -> LabelReader | None:
    """Return what reads labels in a feature space; None where there are none, or nothing to learn them from.

    A probe learns from the first training images, so that it is the same in all cells of a task's tier.

    Args:
        space: the feature space.
        reference: held-out real images, on which a probe's accuracy is measured.
        features: their features, float32 (n, d).
        training: real images outside the reference.
        cache: keeps the probe.
        progress: where progress is shown.
    """
    if isinstance(space, ClassifyingSpace):
        return LabelReader(space, space.n_classes)
    if training is None or training.labels is None or reference.labels is None:
        return None
    n_classes = int(max(training.labels.max(), reference.labels.max())) + 1
    images = training[: PROBE_SHARE * len(reference)]
    assert images.labels is not None  # those of a part of the training images
    labels = images.labels
    if len(labels.unique()) < 2:
        return None

    def fitted() -> dict[str, Tensor]:
        found = cache.features(space, images, progress).cpu()
        with threadpool_limits(1):  # the order of sums depends on the number of threads
            return space.processes.from_main(lambda: LinearProbe.fit(found, labels, n_classes).state_dict())

    state = cache.tensors(space, images, {"statistics": "probe", "n_classes": n_classes}, fitted)
    probe = LinearProbe.from_state({name: value.cpu() for name, value in state.items()})
    right = (probe.classify(features.cpu()) == reference.labels).double().mean()
    return LabelReader(probe, n_classes, ProbeConditions(images=len(images), accuracy=float(right)))
