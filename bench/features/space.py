"""The interface of a feature space, and how one is found by its name."""

from typing import Protocol

import torch
from torch import Tensor

from bench.errors import BadInput
from bench.features.classifier import ClassifierSpace
from bench.task import Task, load_task, task_names


class FeatureSpace(Protocol):
    """Maps images to features.

    Attributes:
        name: the name that scores carry.
        sha256: the hash of the weights.
    """

    name: str
    sha256: str

    def __call__(self, images: Tensor) -> Tensor:
        """Return float32 (n, d) features of uint8 (n, channels, height, width) images."""

    def classify(self, features: Tensor) -> Tensor:
        """Return int64 (n,) classes of float32 (n, d) features."""


def task_space(task: Task, device: torch.device | str) -> FeatureSpace:
    """Load the feature space that a task is scored in; BadInput where its weights are not the pinned ones."""
    features = task.features
    return ClassifierSpace.load(
        features.name,
        features.network,
        len(task.data.classes),
        task.path.parent / features.weights,
        features.sha256,
        device,
    )


def tasks_by_space() -> dict[str, Task]:
    """Return, for the name of each feature space, the task that defines it."""
    return {task.features.name: task for task in map(load_task, task_names())}


def space_named(name: str, device: torch.device | str) -> FeatureSpace:
    """Load a feature space by its name.

    Raises:
        BadInput: there is no feature space of this name.
    """
    known = tasks_by_space()
    if name not in known:
        raise BadInput(f"--features {name}: there are {', '.join(sorted(known))}")
    return task_space(known[name], device)
