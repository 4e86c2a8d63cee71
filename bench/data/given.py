"""Real images that the user gives for a task: a folder, zip archive or parquet file of images, or of class folders.

    [train/] [CLASS/] image.png        and test/ or, as other names of the two, training/ and reference/ or others

A single folder around everything is ignored. Labels are the class folders, or what a dataset.json or the parquet file
says. Which images are training images and which the reference: those in the two folders; where there are none, all
images are put in a fixed order and cut in two. What is more than the task's sizes is left out. A set without such
folders that is smaller than both together is cut in the task's proportion. How all this was read is said.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.cells.task_sections import DataSection
from bench.data.decoding import pixels
from bench.data.equal import said_of_equals
from bench.data.files import ImageFiles, room_for
from bench.data.image_set import ImageSet
from bench.data.parts import class_index, described_index
from bench.data.reading import Reading, counted, folders_of, left_out, listed
from bench.data.splits import LABELS_FILE, GivenFile, split_of
from bench.errors import BadInput
from bench.process.progress import Progress


def read_given(
    files: ImageFiles, data: DataSection, progress: Progress, reading: Reading | None = None
) -> tuple[ImageSet, ImageSet]:
    """Return the training and the reference images.

    Images of another size are resized: by a whole factor with Pillow's `reduce` (the mean of each square of pixels),
    otherwise with its antialiased bicubic filter. Grey images become colour where the task is in colour.

    Args:
        files: of a set, at least one.
        data: what the task's images must be, and how many there are at most.
        progress: where progress is shown.
        reading: is told how the set was read.

    Raises:
        BadInput: an image that cannot be read, is not square, or in colour where the task is grey; folders that are
            not the task's classes; or a class, or a part, without images.
    """
    path, reading = files.path, reading or Reading(str(files.path))
    parts, said = split_of(files, data.classes)
    index = _class_index(path, [file for part in parts for file in part], data.classes)
    training, reference = _cut(path, parts, data)
    chosen = training + reference
    labels = torch.tensor([index[file.class_name] for file in chosen]) if data.classes else None
    if labels is not None:
        _check_classes(path, labels[: len(training)], labels[len(training) :], data.classes)
    images = room_for(path, len(chosen), data.image_shape)
    fitting = _Fitting(data)
    places = {name: i for i, name in enumerate(files.names)}
    # In the order that the files lie in: what is packed in large pieces is unpacked once.
    order = sorted(range(len(chosen)), key=lambda i: places[chosen[i].name])
    with progress.bar("decode", len(chosen), short=True) as bar:
        for i in order:
            decoded = files.decode(chosen[i].name)
            reading.add(decoded)
            images[i] = pixels(fitting.fitted(f"{path}/{chosen[i].name}", decoded.image))
            bar.update()
    kinds = listed([f"{count:,} {kind}" for kind, count in reading.kinds.most_common()])
    reading.say(
        f"{len(training):,} training and {len(reference):,} reference images ({kinds}) of {len(files.names):,}: {said}"
    )
    if data.classes:
        said_by = "its folders" if chosen[0].label is None else "its labels"
        reading.say(f"classes are {said_by}, {described_index(index, data.classes)}")
    elif folders := folders_of(["/".join((*file.folders, "x")) for part in parts for file in part]):
        reading.say(f"the task has no labels: all images{folders} are one set")
    fitting.say(reading, len(chosen))
    if files.others:
        reading.say(left_out(files.others))
    everything = ImageSet(images, labels)
    found = everything[: len(training)], everything[len(training) :]
    for line in said_of_equals(("training", found[0]), ("reference", found[1])):
        reading.say(line)
    return found


def fixed_order(n: int) -> Tensor:
    """Return the fixed permutation, int64 (n,), in which n images are taken."""
    # The legacy generator's stream is frozen (NEP 19), so this permutation is the same with every NumPy.
    return torch.from_numpy(np.random.RandomState(0).permutation(n))


def _class_index(path: Path, files: list[GivenFile], classes: tuple[str, ...]) -> dict[str, int]:
    """Return the label of each class folder; nothing where the task has no labels."""
    if not classes:
        return {}
    if loose := next((file for file in files if not file.class_name), None):
        raise BadInput(
            f"{path}/{loose.name}: in no class folder: the task has labels, its images lie in one folder for each of "
            f"{', '.join(classes)}, or a {LABELS_FILE} beside them says them"
        )
    index = class_index(path, {file.class_name for file in files}, classes)
    for file in files:
        folder = file.folders[0] if file.folders else ""
        if file.label is not None and folder in classes and classes[index[file.label]] != folder:
            raise BadInput(
                f"{path}/{file.name}: in the folder {folder}, and its label is that of {classes[index[file.label]]}: "
                "give one of the two"
            )
    return index


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


class _Fitting:
    """Brings images to the size and mode of a task, and counts what it has done."""

    def __init__(self, data: DataSection) -> None:
        self._data = data
        self._done: Counter[str] = Counter()

    def fitted(self, name: str, image: Image.Image) -> Image.Image:
        """Return the image in the size and mode of the task."""
        data = self._data
        if image.width != image.height:
            raise BadInput(f"{name}: {image.width} x {image.height} pixels, give square images: crop it")
        if data.channels == 1 and image.mode != "L":
            raise BadInput(f"{name}: an image in colour, the task's images are grey (1 channel): convert it to grey")
        _, height, width = data.image_shape
        if image.width % width == 0:
            if image.width != width:
                self._done[f"shrunk by {image.width // width}, by the means of squares of pixels"] += 1
            image = image.reduce(image.width // width)
        else:
            how = "shrunk" if image.width > width else f"enlarged to {width} x {height}, which adds nothing to them"
            self._done[f"{how}, by an antialiased bicubic filter"] += 1
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        if data.channels == 3 and image.mode == "L":
            self._done["grey and become colour, with three equal channels"] += 1
        return image if data.channels == 1 else image.convert("RGB")

    def say(self, reading: Reading, n: int) -> None:
        """Say what was done to how many."""
        for what, count in self._done.most_common():
            reading.say(f"{counted(count, n, 'are')} {what}")


def _check_classes(path: Path, training: Tensor, reference: Tensor, classes: tuple[str, ...]) -> None:
    """Raise BadInput where the training or the reference images, of these labels, have none of a class."""
    counts = [torch.bincount(labels, minlength=len(classes)).tolist() for labels in (training, reference)]
    for name, n_training, n_reference in zip(classes, *counts, strict=True):
        if n_training == 0 or n_reference == 0:
            raise BadInput(
                f"{path}: class '{name}' has {n_training} training and {n_reference} reference images: each class "
                "needs some of both: give more, or the folders train and test"
            )
