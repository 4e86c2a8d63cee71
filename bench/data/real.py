"""The real images of a task: read, split, and held against the hashes that the task pins."""

from dataclasses import dataclass
from pathlib import Path

from bench import paths
from bench.data.image_set import ImageSet
from bench.data.sources import SOURCES
from bench.errors import BadInput
from bench.task import Task


@dataclass(frozen=True)
class RealData:
    """The real images of a task.

    Attributes:
        training: what generators and methods may draw from.
        reference: held-out images that only the scorer sees.
        pinned: whether both are the images whose hashes the task file names.
    """

    training: ImageSet
    reference: ImageSet
    pinned: bool


def load_real_data(task: Task, folder: Path | None = None) -> RealData:
    """Read a task's real images.

    Args:
        task: names the source, the sizes and the hashes.
        folder: where the data lies; by default the data folder that `autophagy data` fills.

    Raises:
        BadInput: missing or unreadable data, or images of another shape than the task's; it says what to do.
    """
    if folder is not None and not folder.is_dir():
        raise BadInput(f"--data {folder}: there is no such folder")
    source = SOURCES[task.data.source]
    folder = folder or paths.data_folder() / task.name
    training, reference = source.read(folder, task.data.training, task.data.reference)
    for images in (training, reference):
        found = tuple(images.images.shape[1:])
        if found != task.data.image_shape:
            raise BadInput(f"{folder}: images of shape {found}, task '{task.name}' needs {task.data.image_shape}")
    pinned = (training.sha256, reference.sha256) == (task.data.training_sha256, task.data.reference_sha256)
    return RealData(training, reference, pinned)
