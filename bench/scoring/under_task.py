"""Score images of any origin as a task scores those of its cells: the same reference, n, k and feature space."""

from collections.abc import Sequence
from pathlib import Path

import torch

from bench.cells.task import TIERS, Task
from bench.data.image_set import ImageSet
from bench.data.real import check_enough_to_score, in_tier_size, load_real_data
from bench.errors import BadInput
from bench.features.build import task_space
from bench.features.cache import FeatureCache
from bench.features.label_check import check_labels
from bench.process.progress import Progress
from bench.scoring.compare import Comparison, Named, compare_images


def score_under_task(
    task: Task,
    tier: str,
    fake: Named,
    training: Named | None,
    device: torch.device,
    *,
    given_data: Path | None = None,
    bootstrap: int | None = None,
    extrapolate: bool = False,
    read: Sequence[str] = (),
    cache: FeatureCache,
    progress: Progress,
) -> Comparison:
    """Return the scores that the record of a cell would have for these images.

    Args:
        task: whose conditions hold.
        tier: of the task.
        fake: images of the tier's shape, at least as many as it scores; of more, the first count. With labels, the
            classes that they were generated for, they are scored for label agreement too.
        training: the real images that their generator saw, where they are known. A cell's are those of its loop.
        device: where features are computed.
        given_data: the task's real images, as for `load_real_data`.
        bootstrap: how many resamples the standard errors are computed from; None for no standard errors.
        extrapolate: whether FID is also extrapolated to infinitely many images.
        read: what is to be said of how the images were read.
        cache: keeps what is computed from real images.
        progress: where progress is shown.

    Raises:
        BadInput: a tier that the task does not have, images of another shape or too few, or data that are missing.
    """
    found = next((name for name in TIERS if name == tier and name in task.tiers), None)
    if found is None:
        raise BadInput(f"--tier {tier}: task '{task.name}' has {', '.join(task.tiers)}")
    n, (name, images) = task.tiers[found].n_score, fake
    whole = load_real_data(task, given_data, progress)
    check_labels(task, whole)
    data = in_tier_size(task, found, whole)
    check_enough_to_score(task, found, data)
    real = data.reference[:n]
    for path, given in filter(None, (fake, training)):
        if (shape := given.images.shape[1:]) != real.images.shape[1:] or given.images.dtype != real.images.dtype:
            raise BadInput(
                f"{path}: {given.images.dtype} of shape {tuple(shape)}: task '{task.name}' has, in the tier {found}, "
                f"{real.images.dtype} of shape {tuple(real.images.shape[1:])}"
            )
    if len(images) < n:
        raise BadInput(f"{name}: {len(images)} images: the tier {found} of task '{task.name}' scores {n}")
    if len(images) > n:
        progress.note(f"note: of {len(images)} images the first {n} are scored, as the tier {found} has it")
    return compare_images(
        (f"the reference of task '{task.name}'", real),
        (name, _without_needless_labels(images[:n], task)),
        training,
        task_space(task, found, device, progress),
        task.score.k,
        bootstrap=bootstrap,
        extrapolate=extrapolate,
        cache=cache,
        progress=progress,
        labelled=None if images.labels is None else data.training,
        outside=data.training[:n],
        read=read,
    )


def _without_needless_labels(images: ImageSet, task: Task) -> ImageSet:
    """Return images with their labels only where the task has classes, and no label is another."""
    if images.labels is None or task.data.n_classes is None:
        return ImageSet(images.images)
    low, high = int(images.labels.min()), int(images.labels.max())
    if low < 0 or high >= task.data.n_classes:
        raise BadInput(f"labels from {low} to {high}: choose from 0 to {task.data.n_classes - 1}")
    return images
