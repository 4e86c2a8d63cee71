"""Real images that the user gives for a task: a folder or zip archive of images, or of class folders.

    [train/] [CLASS/] image.png        and test/ or, as other names of the two, training/ and reference/

A single folder around everything is ignored. Which images are training images and which the reference: those in the
two folders; where there are none, all images are put in a fixed order and cut in two. What is more than the task's
sizes is left out. A set without such folders that is smaller than both together is cut in the task's proportion.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.cells.task_sections import DataSection
from bench.data.files import ImageFiles, pixels, room_for
from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.process.progress import Progress

PARTS = (("train", "test"), ("training", "reference"))


@dataclass(frozen=True)
class GivenFile:
    """An image file: its name, and the folders that it lies in and that have not been looked at yet."""

    name: str
    folders: tuple[str, ...]


def read_given(files: ImageFiles, data: DataSection, progress: Progress) -> tuple[ImageSet, ImageSet]:
    """Return the training and the reference images.

    Images of another size are resized: by a whole factor with Pillow's `reduce` (the mean of each square of pixels),
    otherwise with its antialiased bicubic filter. Grey images become colour where the task is in colour.

    Args:
        files: of a folder or zip archive, at least one.
        data: what the task's images must be, and how many there are at most.
        progress: where progress is shown.

    Raises:
        BadInput: an image that cannot be read, is not square, or in colour where the task is grey; folders that are
            not the task's classes; or a class, or a part, without images.
    """
    path = files.path
    parts = parts_of(files)
    index = _class_index(path, [file for part in parts for file in part], data.classes)
    training, reference = _cut(path, parts, data)
    chosen = training + reference
    labels = torch.tensor([index[file.folders[0]] for file in chosen]) if data.classes else None
    if labels is not None:
        _check_classes(path, labels[: len(training)], labels[len(training) :], data.classes)
    images = room_for(path, len(chosen), data.image_shape)
    with progress.bar("decode", len(chosen), short=True) as bar:
        for i, file in enumerate(chosen):
            images[i] = pixels(_fitted(f"{path}/{file.name}", files.decode(file.name), data))
            bar.update()
    everything = ImageSet(images, labels)
    return everything[: len(training)], everything[len(training) :]


def parts_of(files: ImageFiles) -> list[list[GivenFile]]:
    """Return the files of the training and of the reference folder; where there are none, all files as one part.

    The folders of each file that are left are that of its class, where there are classes, and those inside.

    Raises:
        BadInput: there is more beside the two folders, or one of them alone.
    """
    found = _without_outer_folders([GivenFile(name, tuple(name.split("/")[:-1])) for name in files.names])
    return _parts(files.path, found)


def fixed_order(n: int) -> Tensor:
    """Return the fixed permutation, int64 (n,), in which n images are taken."""
    # The legacy generator's stream is frozen (NEP 19), so this permutation is the same with every NumPy.
    return torch.from_numpy(np.random.RandomState(0).permutation(n))


def _without_outer_folders(files: list[GivenFile]) -> list[GivenFile]:
    """Leave out the folders that everything lies in."""
    while len({file.folders[:1] for file in files}) == 1 and files[0].folders:
        files = [GivenFile(file.name, file.folders[1:]) for file in files]
    return files


def _parts(path: Path, files: list[GivenFile]) -> list[list[GivenFile]]:
    """Return the files of the training and of the reference folder; where there are none, all files as one part."""
    outermost = {file.folders[0] if file.folders else "" for file in files}
    for names in PARTS:
        if outermost == set(names):
            return [[GivenFile(f.name, f.folders[1:]) for f in files if f.folders[0] == name] for name in names]
    if reserved := sorted(outermost & {name for names in PARTS for name in names}):
        others = _listed(sorted(outermost - {"", reserved[0]}), "images in no folder")
        raise BadInput(
            f"{path}: beside the folder {reserved[0]} there are {others}: allowed are the two folders train and test, "
            "or training and reference, and nothing else beside them"
        )
    return [files]


def _class_index(path: Path, files: list[GivenFile], classes: tuple[str, ...]) -> dict[str, int]:
    """Return the label of each class folder; nothing where the task has no labels."""
    if not classes:
        return {}
    if loose := next((file for file in files if not file.folders), None):
        raise BadInput(
            f"{path}/{loose.name}: in no class folder: the task has labels, its images lie in one folder for each of "
            f"{', '.join(classes)}"
        )
    names = sorted({file.folders[0] for file in files})
    if set(names) == set(classes):
        names = list(classes)
    elif len(names) != len(classes) or set(names) & set(classes):
        unknown, missing = sorted(set(names) - set(classes)), [name for name in classes if name not in names]
        raise BadInput(
            f"{path}: {len(names)} class folders, unknown are {_listed(unknown)}, missing are {_listed(missing)}: "
            f"allowed are the task's classes ({', '.join(classes)}), or {len(classes)} folders of other names, which "
            "stand for them in the order of the alphabet"
        )
    return {name: i for i, name in enumerate(names)}


def _cut(path: Path, parts: list[list[GivenFile]], data: DataSection) -> tuple[list[GivenFile], list[GivenFile]]:
    """Return the files of the training and of the reference images, each in the fixed order."""
    shuffled = [[part[i] for i in fixed_order(len(part)).tolist()] for part in parts]
    if len(shuffled) == 2:
        return shuffled[0][: data.training], shuffled[1][: data.reference]
    n = len(shuffled[0])
    n_reference = min(data.reference, n * data.reference // (data.training + data.reference))
    n_training = min(data.training, n - n_reference)
    if n_reference == 0:
        raise BadInput(f"{path}: {n} image{'s' * (n != 1)}: too few to be cut into training and reference images")
    return shuffled[0][:n_training], shuffled[0][n_training : n_training + n_reference]


def _listed(names: list[str], nothing: str = "none", shown: int = 5) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return (", ".join(names[:shown]) or nothing) + more


def _fitted(name: str, image: Image.Image, data: DataSection) -> Image.Image:
    """Return the image in the size and mode of the task."""
    if image.width != image.height:
        raise BadInput(f"{name}: {image.width} x {image.height} pixels, allowed are square images: crop it")
    if data.channels == 1 and image.mode != "L":
        raise BadInput(f"{name}: an image in colour, the task's images are grey (1 channel): convert it to grey")
    _, height, width = data.image_shape
    if image.width % width == 0:
        image = image.reduce(image.width // width)
    else:
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return image if data.channels == 1 else image.convert("RGB")


def _check_classes(path: Path, training: Tensor, reference: Tensor, classes: tuple[str, ...]) -> None:
    """Raise BadInput where the training or the reference images, of these labels, have none of a class."""
    counts = [torch.bincount(labels, minlength=len(classes)).tolist() for labels in (training, reference)]
    for name, n_training, n_reference in zip(classes, *counts, strict=True):
        if n_training == 0 or n_reference == 0:
            raise BadInput(
                f"{path}: class '{name}' has {n_training} training and {n_reference} reference images: each class "
                "needs some of both: give more, or the folders train and test"
            )
