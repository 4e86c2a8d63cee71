"""Where each task's real images come from, and how to get them when they are not there."""

import shutil
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch

from bench.data.image_set import ImageSet
from bench.errors import BadInput, first_line
from bench.seeds import derive_seed


class Source(ABC):
    """One origin of real images: it reads them and says how to get them."""

    @abstractmethod
    def read(self, folder: Path, n_training: int, n_reference: int) -> tuple[ImageSet, ImageSet]:
        """Return the training and the reference images.

        Raises:
            BadInput: the data is missing or unreadable; the message says what to do.
        """

    @abstractmethod
    def fetch(self, folder: Path, given: Path | None) -> None:
        """Put the data into `folder`: from the folder `given`, otherwise from the network.

        Raises:
            BadInput: neither works; the message says what to do.
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
        # The legacy generator's stream is frozen (NEP 19), so this permutation is the same with every NumPy.
        order = torch.from_numpy(np.random.RandomState(0).permutation(len(everything)))
        return everything[order[:n_training]], everything[order[n_training : n_training + n_reference]]

    def fetch(self, folder: Path, given: Path | None) -> None:
        """Do nothing: the images come with scikit-learn."""
        if given is not None:
            raise BadInput(f"--from {given}: the digits come with scikit-learn, there is nothing to fetch")


class TorchvisionMNIST(Source):
    """MNIST in torchvision's layout: DIR/MNIST/raw/train-images-idx3-ubyte and its three siblings."""

    def read(self, folder: Path, n_training: int, n_reference: int) -> tuple[ImageSet, ImageSet]:
        """Take MNIST's own split: its training images, and its test images as the reference."""
        from torchvision.datasets import MNIST

        sets = []
        for train, wanted in ((True, n_training), (False, n_reference)):
            try:
                dataset = MNIST(folder, train=train, download=False)
                images = ImageSet(dataset.data[:, None].contiguous(), dataset.targets.long())
            except (RuntimeError, ValueError, OSError, EOFError, AssertionError) as error:
                reason = first_line(error) or type(error).__name__
                raise BadInput(f"{folder}: no readable MNIST there ({reason}): {self._advice()}") from error
            if len(images) < wanted:
                raise BadInput(
                    f"{folder}: {len(images)} {'training' if train else 'test'} images, needed are {wanted}"
                )
            sets.append(images[:wanted])
        return sets[0], sets[1]

    def fetch(self, folder: Path, given: Path | None) -> None:
        """Copy the raw files from `given`, or let torchvision download them."""
        from torchvision.datasets import MNIST

        if given is not None:
            raw = given / "MNIST" / "raw"
            if not raw.is_dir():
                raise BadInput(f"{given}: there is no folder MNIST/raw in it: {self._advice()}")
            shutil.copytree(raw, folder / "MNIST" / "raw", dirs_exist_ok=True)
            return
        try:
            for train in (True, False):
                MNIST(folder, train=train, download=True)
        except (RuntimeError, OSError) as error:
            raise BadInput(f"MNIST cannot be downloaded ({first_line(error)}): {self._advice()}") from error

    @staticmethod
    def _advice() -> str:
        return (
            "run `autophagy data mnist` on a machine with a network, or put train-images-idx3-ubyte, "
            "train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte into DIR/MNIST/raw "
            "and give --data DIR"
        )


class GaussianPoints(Source):
    """Points of the standard normal distribution, made anew whenever they are needed."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions

    def read(self, folder: Path, n_training: int, n_reference: int) -> tuple[ImageSet, ImageSet]:
        """Draw each set from a seed of its own."""
        return self._draw("training", n_training), self._draw("reference", n_reference)

    def fetch(self, folder: Path, given: Path | None) -> None:
        """Do nothing: the points are made."""
        if given is not None:
            raise BadInput(f"--from {given}: the points are made, there is nothing to fetch")

    def _draw(self, part: str, n: int) -> ImageSet:
        # The legacy generator's stream is frozen (NEP 19); torch.randn gives other bits on another kind of CPU.
        random = np.random.RandomState(derive_seed("gaussian", part) % 2**32)
        return ImageSet(torch.from_numpy(random.standard_normal((n, self._dimensions)).astype(np.float32)))


SOURCES: dict[str, Source] = {
    "sklearn_digits": SklearnDigits(),
    "torchvision_mnist": TorchvisionMNIST(),
    "gaussian": GaussianPoints(dimensions=100),
}
