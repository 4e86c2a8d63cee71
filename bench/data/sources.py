"""Where each task's real images come from, and how to get them when they are not there."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.data.given import fixed_order
from bench.data.image_set import ImageSet
from bench.data.stored import read_stored
from bench.errors import BadInput, first_line
from bench.seeds import derive_seed


class Source(ABC):
    """One origin of real images: it reads files in its own layout and says how to get them.

    Attributes:
        inside: the folder that makes a folder one in the source's own layout; None where it has no such layout.
        downloads: whether it gets the images itself, or makes them.
    """

    inside: str | None = None
    downloads = True

    def holds(self, path: Path) -> bool:
        """Return whether there are files in the source's own layout at `path`."""
        return self.inside is not None and (path / self.inside).is_dir()

    @abstractmethod
    def read(self, folder: Path, n_training: int, n_reference: int) -> tuple[ImageSet, ImageSet]:
        """Return the training and the reference images.

        Raises:
            BadInput: the data is missing or unreadable; the message says what to do.
        """

    @abstractmethod
    def fetch(self, folder: Path) -> None:
        """Download the data into `folder`, where it has to be and is not there.

        Raises:
            BadInput: that does not work; the message says what to do.
        """


class SklearnDigits(Source):
    """The 1,797 handwritten digits of scikit-learn (8x8, 16 grey levels), part of the installed package."""

    def read(self, folder: Path, n_training: int, n_reference: int) -> tuple[ImageSet, ImageSet]:
        """Split by index: a fixed permutation, because the digits stand in the order of their writers."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        grey = np.rint(digits.images * (255 / 16)).astype(np.uint8)
        everything = ImageSet(torch.from_numpy(grey)[:, None], torch.from_numpy(digits.target).long())
        if n_training + n_reference > len(everything):
            raise BadInput(
                f"{n_training} training and {n_reference} reference images are {n_training + n_reference}, "
                f"scikit-learn has {len(everything)} digits"
            )
        order = fixed_order(len(everything))
        return everything[order[:n_training]], everything[order[n_training : n_training + n_reference]]

    def fetch(self, folder: Path) -> None:
        """Do nothing: the images come with scikit-learn."""


class TorchvisionSource(Source):
    """A data set in the layout of one of torchvision's data sets, which also downloads it.

    The split is the data set's own: its training images, and its test images as the reference.
    """

    def __init__(self, task: str, name: str, inside: str, files: str) -> None:
        """Say what is read.

        Args:
            task: the name of the task, for advice.
            name: of the class in `bench.data.published`.
            inside: the folder that the files are in, below the folder that torchvision is given.
            files: what must be in it, for advice.
        """
        self._name = name
        self.inside = inside
        self._advice = (
            f"run `autophagy data {task}` on a machine with a network, or put {files} into DIR/{inside} and give "
            "--data DIR; a folder or zip of images will do too, but is not the pinned data"
        )

    def read(self, folder: Path, n_training: int, n_reference: int) -> tuple[ImageSet, ImageSet]:
        """Take the first images of the training part and of the test part."""
        sets = []
        for train, wanted in ((True, n_training), (False, n_reference)):
            try:
                images = _image_set(self._dataset(folder, train=train, download=False))
            except (RuntimeError, ValueError, OSError, EOFError, AssertionError) as error:
                reason = first_line(error) or type(error).__name__
                raise BadInput(f"{folder}: no readable {self._name} there ({reason}): {self._advice}") from error
            if len(images) < wanted:
                raise BadInput(
                    f"{folder}: {len(images)} {'training' if train else 'test'} images, needed are {wanted}"
                )
            sets.append(images[:wanted])
        return sets[0], sets[1]

    def fetch(self, folder: Path) -> None:
        """Let torchvision download what is not there."""
        try:
            for train in (True, False):
                self._dataset(folder, train=train, download=True)
        except (RuntimeError, OSError) as error:
            raise BadInput(f"{self._name} cannot be downloaded ({first_line(error)})") from error

    @property
    def _dataset(self) -> Callable[..., Any]:
        from bench.data import published

        found: Callable[..., Any] = getattr(published, self._name)
        return found


def _image_set(dataset: Any) -> ImageSet:
    """Return the images of a torchvision data set: a tensor (n, height, width) or an array with channels last."""
    images = torch.as_tensor(dataset.data)
    images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
    return ImageSet(images.contiguous(), torch.as_tensor(dataset.targets).long())


class ImageFilesSource(Source):
    """Images that the source does not download: of the hub, or a folder or zip archive that the user gives."""

    downloads = False

    def read(self, folder: Path, n_training: int, n_reference: int) -> tuple[ImageSet, ImageSet]:
        """Read what `autophagy data` has stored."""
        if (found := read_stored(folder)) is None:
            raise BadInput(
                f"{folder}: no images of the task there: run `autophagy data {folder.name}`, which fetches them where "
                f"the task file names a copy on the hub, or get what it cites, and run `autophagy data {folder.name} "
                "--from PATH`, or give --data PATH: the folder or zip that they are in"
            )
        return found.training, found.reference

    def fetch(self, folder: Path) -> None:
        """Do nothing: there is no download."""


class GaussianPoints(Source):
    """Points of the standard normal distribution, made anew whenever they are needed."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions

    def read(self, folder: Path, n_training: int, n_reference: int) -> tuple[ImageSet, ImageSet]:
        """Draw each set from a seed of its own."""
        return self._draw("training", n_training), self._draw("reference", n_reference)

    def fetch(self, folder: Path) -> None:
        """Do nothing: the points are made."""

    def _draw(self, part: str, n: int) -> ImageSet:
        # The legacy generator's stream is frozen (NEP 19); torch.randn gives other bits on another kind of CPU.
        random = np.random.RandomState(derive_seed("gaussian", part) % 2**32)
        try:
            points = random.standard_normal((n, self._dimensions)).astype(np.float32)
        except MemoryError as error:
            raise BadInput(f"{n:,} {part} points of {self._dimensions} dimensions do not fit into memory") from error
        return ImageSet(torch.from_numpy(points))


SOURCES: dict[str, Source] = {
    "sklearn_digits": SklearnDigits(),
    "torchvision_mnist": TorchvisionSource(
        "mnist", "MNIST", "MNIST/raw",
        "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte",
    ),
    "torchvision_fashion_mnist": TorchvisionSource(
        "fashion_mnist", "FashionMNIST", "FashionMNIST/raw",
        "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte",
    ),
    "torchvision_cifar10": TorchvisionSource(
        "cifar10", "CIFAR10", "cifar-10-batches-py",
        "data_batch_1 to data_batch_5, test_batch and batches.meta",
    ),
    "image_files": ImageFilesSource(),
    "gaussian": GaussianPoints(dimensions=100),
}  # fmt: skip
