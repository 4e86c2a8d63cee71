"""Find a feature space by its name."""

from pathlib import Path

import torch

from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.progress import Progress
from bench.task import Task, load_task, task_names

SPACE_SUMMARIES = {
    "inception": "Inception-v3 as in clean-fid, 2,048 features: the space of published FIDs (96 MB download)",
    "dinov2": "DINOv2 ViT-B/14, 768 features (extra dinov2, 346 MB download)",
    "efficientnet-lite0": "EfficientNet-Lite0, 1,280 features (extra efficientnet-lite0, no download)",
    "identity": "the pixels themselves",
}


def space_summaries() -> dict[str, str]:
    """Return what each feature space is, by its name: those of the tasks first."""
    tasks = _tasks_by_space()
    own = {name: f"{task.features.network} trained on the task {task.name}" for name, task in tasks.items()}
    return own | SPACE_SUMMARIES


def task_space(task: Task, device: torch.device | str) -> FeatureSpace:
    """Load the feature space that a task is scored in; BadInput where its weights are not the pinned ones."""
    from bench.features.classifier import ClassifierSpace

    features = task.features
    return ClassifierSpace.load(
        features.name,
        features.network,
        len(task.data.classes),
        task.path.parent / features.weights,
        features.sha256,
        device,
    )


def space_named(name: str, device: torch.device | str, weights: Path | None, progress: Progress) -> FeatureSpace:
    """Load a feature space by its name.

    Args:
        name: one of `space_summaries`.
        device: where the features are computed.
        weights: a local file of the space's weights; by default its usual place.
        progress: where a download is shown.

    Raises:
        BadInput: there is no feature space of this name, or its weights cannot be had or are not the right ones.
    """
    tasks = _tasks_by_space()
    if weights is not None and (name in tasks or name == "identity"):
        raise BadInput(f"--weights {weights}: feature space '{name}' has no weights to choose")
    if name in tasks:
        return task_space(tasks[name], device)
    match name:
        case "inception":
            from bench.features.inception import load_inception

            return load_inception(device, weights, progress)
        case "dinov2":
            from bench.features.dinov2 import load_dinov2

            return load_dinov2(device, weights, progress)
        case "efficientnet-lite0":
            from bench.features.efficientnet_lite0 import load_efficientnet_lite0

            return load_efficientnet_lite0(device, weights)
        case "identity":
            from bench.features.identity import IdentitySpace

            return IdentitySpace(device)
    raise BadInput(f"--features {name}: there are {', '.join(space_summaries())}")


def _tasks_by_space() -> dict[str, Task]:
    return {task.features.name: task for task in map(load_task, task_names())}
