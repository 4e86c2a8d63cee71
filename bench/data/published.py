"""torchvision's data sets without unpickling: it downloads the files and knows their hashes, they are read here.

Those of CIFAR-10 are pickles, programs for Python's unpickler. Here that program is given nothing to call but the
stand-ins below, which keep what an array is made of and do nothing else.
"""

import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torchvision import datasets

from bench.files.limits import MOST_IMAGE_BYTES
from bench.files.untrusted import check_file, read_untrusted

IMAGE_BYTES = 3 * 32 * 32


class _RawFiles(datasets.MNIST):  # type: ignore[misc]
    def _check_legacy_exist(self) -> bool:
        """Overlook what versions of torchvision before 0.10 have kept beside the files: it would be unpickled."""
        return False

    def _load_data(self) -> tuple[Tensor, Tensor]:
        for path in Path(self.raw_folder).glob("*-ubyte"):
            check_file(path, MOST_IMAGE_BYTES)
        images, labels = super()._load_data()
        return images, labels


# torchvision names the folder of the files after the class.
class MNIST(_RawFiles):
    """torchvision's MNIST."""


class FashionMNIST(_RawFiles, datasets.FashionMNIST):  # type: ignore[misc]
    """torchvision's Fashion-MNIST."""


class CIFAR10(datasets.CIFAR10):  # type: ignore[misc]
    """torchvision's CIFAR-10, read by `read_batch`.

    Attributes:
        data: uint8, (n, 32, 32, 3).
        targets: the classes.
    """

    def __init__(self, root: Path, *, train: bool, download: bool) -> None:
        """Read the training or the test images.

        Raises:
            RuntimeError: a file is missing, or is not the published one.
            ValueError: a file holds something else than a batch.
        """
        datasets.VisionDataset.__init__(self, root)
        self.train = train
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError("files are missing, or are not the published ones")
        folder = Path(self.root) / self.base_folder
        batches = [read_batch(folder / name) for name, _ in (self.train_list if train else self.test_list)]
        images = np.concatenate([batch for batch, _ in batches]).reshape(-1, 3, 32, 32)
        self.data = images.transpose(0, 2, 3, 1)
        self.targets = [label for _, labels in batches for label in labels]


def read_batch(path: Path) -> tuple[NDArray[np.uint8], Sequence[int]]:
    """Return the images, uint8 (n, 3072), and the classes of a batch; whatever the file says, nothing of it is run.

    Raises:
        BadInput: it is no file, or too large.
        ValueError: it holds something else than a batch.
    """
    try:
        content = _Reader(io.BytesIO(read_untrusted(path, MOST_IMAGE_BYTES)), encoding="latin1").load()
        data, labels = content["data"], content["labels"]
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} is not a batch: {error}") from error
    if not isinstance(data, _Array) or not isinstance(labels, list) or not all(type(each) is int for each in labels):
        raise ValueError(f"{path.name} is not a batch: it needs an array and a list of labels")
    return data.images(path.name, len(labels)), labels


class _Stand:
    """Stands for a class of NumPy: it keeps what it is given."""

    arguments: tuple[Any, ...] = ()
    state: Any = None

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Dtype(_Stand):
    """Stands for numpy.dtype."""


class _Array(_Stand):
    """Stands for numpy.ndarray, and for the function that makes one."""

    def images(self, name: str, n: int) -> NDArray[np.uint8]:
        match self.state:
            case (1, (rows, columns), _Dtype(arguments=("u1", *_)), by_columns, content):
                pass
            case _:
                raise ValueError(f"{name} is not a batch: its array is not of bytes")
        # What was written by Python 2 is read as text of one character for each byte.
        pixels = content.encode("latin1") if isinstance(content, str) else content
        if (rows, columns) != (n, IMAGE_BYTES) or not isinstance(pixels, bytes) or len(pixels) != n * IMAGE_BYTES:
            raise ValueError(f"{name} is not a batch: its array is not ({n}, {IMAGE_BYTES})")
        return np.frombuffer(pixels, np.uint8).reshape(n, IMAGE_BYTES, order="F" if by_columns else "C")


# What the files name: how NumPy writes arrays, from the version of the published files to today's.
STANDS = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return a stand-in for what an array needs, and refuse every other name: this is all that could be called."""
        if (module, name) not in STANDS:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return STANDS[module, name]

    def persistent_load(self, pid: Any) -> NoReturn:
        """Refuse what stands elsewhere."""
        raise pickle.UnpicklingError("it names something outside of the file")
