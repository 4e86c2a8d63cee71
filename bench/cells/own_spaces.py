"""The feature spaces that tasks of the package bring, beside those that belong to no task; torch is not needed."""

from bench.cells.feature_spaces import SPACE_SUMMARIES
from bench.cells.task import Task, load_task, task_names
from bench.cells.task_sections import FeaturesSection


def space_summaries() -> dict[str, str]:
    """Return what each feature space is, by its name: those of the tasks first."""
    own = {
        name: f"{features.network} trained on the task {task.name}"
        for name, (task, features) in tasks_with_own_space().items()
    }
    return own | SPACE_SUMMARIES


def tasks_with_own_space() -> dict[str, tuple[Task, FeaturesSection]]:
    """Return the tasks of the package that are scored in a feature space of their own, by the name of that space."""
    tasks = map(load_task, task_names())
    return {task.features.name: (task, task.features) for task in tasks if task.features is not None}
