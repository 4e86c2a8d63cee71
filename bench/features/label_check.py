"""Whether the labels of given images are those that the task's own classifier reads: a wrong order shows at once."""

import torch

from bench.cells.task import Task
from bench.data.real import RealData, in_tier_size
from bench.errors import BadInput
from bench.features.base import ClassifyingSpace
from bench.features.build import task_space
from bench.process.progress import Progress

MOST_LOOKED_AT = 1_000
LEAST_SHARE = 0.5  # of the accuracy that the classifier has on the task's own images


def check_labels(task: Task, data: RealData, device: torch.device | str = "cpu") -> None:
    """Raise BadInput where the task's classifier disagrees with most labels of images that are not the pinned ones.

    Nothing is said where the task has no classifier of its own: a linear probe would learn the wrong labels.

    Args:
        task: whose images they are said to be.
        data: the images, in the task's size.
        device: where they are classified.

    Raises:
        BadInput: most labels are read as others.
    """
    if task.features is None or data.pinned or data.reference.labels is None:
        return
    tier = next(iter(task.tiers))
    space = task_space(task, tier, device, Progress(visible=False))
    images = in_tier_size(task, tier, data).reference[:MOST_LOOKED_AT]
    assert images.labels is not None  # those of a part of the reference
    if not isinstance(space, ClassifyingSpace) or space.image_shape != tuple(images.images.shape[1:]):
        return
    right = float((space.classify(space(images.images)) == images.labels).double().mean())
    if right < LEAST_SHARE * task.features.accuracy:
        raise BadInput(
            f"task '{task.name}': its classifier, which labels {task.features.accuracy:.0%} of the task's own images "
            f"right, agrees with {right:.0%} of these labels: folders and classes do not belong together, or these "
            "are images of something else, for which `autophagy new-task` makes a task"
        )
