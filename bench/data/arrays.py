"""Images and points in NumPy's files: a .npy, or the one array of a .npz. Nothing is unpickled."""

import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data.image_set import ImageSet
from bench.data.reading import Reading, listed
from bench.errors import BadInput, first_line

CHANNELS = (1, 3)
ALLOWED = (
    "give images, uint8 (n, 1 or 3 channels, height, width) or (n, height, width, 1 or 3 channels), and "
    "points, float32 or float64 (n, d)"
)
STATISTICS = ({"mu", "sigma"}, {"mean", "cov"})
MOST_LOST = 1e-3  # of a coordinate's spread, by rounding to float32: below what any score shows
READ_AT_ONCE = 1 << 24


def is_array_archive(path: Path) -> bool:
    """Return whether a file is an archive of arrays, whatever it is called."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def read_array(path: Path, reading: Reading) -> ImageSet:
    """Return the images or points of a .npy or .npz file.

    Args:
        path: of the file.
        reading: is told how the array was read.

    Raises:
        BadInput: no readable array, one of another kind, several that could be meant, or points whose differences are
            lost in float32.
    """
    is_archive = zipfile.is_zipfile(path)
    array = _from_archive(path, reading) if is_archive else _from_file(path)
    if array.dtype.kind == "f" and array.dtype.itemsize in (4, 8) and array.ndim == 2 and array.size:
        reading.say(f"{len(array):,} points of {array.shape[1]} coordinates, {array.dtype}")
        return ImageSet(torch.from_numpy(_points(path, array)))
    if not _are_images(array):
        raise BadInput(f"{path}: {array.dtype} of shape {array.shape}: {_advice(array)}{ALLOWED}")
    first, last = array.shape[1] in CHANNELS, array.shape[3] in CHANNELS
    if first and last and array.shape[1] != array.shape[3]:
        raise BadInput(
            f"{path}: {array.dtype} of shape {array.shape} can be read in two ways, with the channels second or last: "
            "save it as (n, channels, height, width) with a height and width that are not 1 or 3"
        )
    found = np.array(array if first else array.transpose(0, 3, 1, 2), order="C")
    order = "(n, channels, height, width)" if first else "(n, height, width, channels)"
    n, channels, height, width = found.shape
    reading.say(
        f"{n:,} image{'s' * (n != 1)} of {width} x {height}, {'grey' if channels == 1 else 'colour'}, an array {order}"
    )
    return ImageSet(torch.from_numpy(found))


def _are_images(array: NDArray[Any]) -> bool:
    return (
        array.dtype == np.uint8
        and array.ndim == 4
        and array.size > 0
        and (array.shape[1] in CHANNELS or array.shape[3] in CHANNELS)
    )


def _advice(array: NDArray[Any]) -> str:
    if array.dtype.kind == "f" and array.ndim == 4:
        return "numbers from 0 to 255 must be rounded to uint8, those from 0 to 1 multiplied by 255 before: "
    if array.dtype == np.uint8 and array.ndim == 3:
        return "grey images need an axis for their channel, array[:, None]: "
    if array.dtype.kind in "iu" and array.dtype != np.uint8 and array.ndim == 4:
        return "values from 0 to 255 fit into uint8, array.astype('uint8'): "
    return ""


def _points(path: Path, array: NDArray[Any]) -> NDArray[np.float32]:
    """Return points as float32; BadInput where their differences do not outlive that."""
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold becomes infinite, and is refused
        points = array.astype(np.float32)
        if array.dtype.itemsize == 4 or not np.isfinite(points).all():
            return points
        lost = np.abs(points - array).max(0)
        spread = array.std(0)
    worst = int(np.argmax(lost - MOST_LOST * spread))
    if lost[worst] > MOST_LOST * spread[worst] > 0:
        raise BadInput(
            f"{path}: coordinate {worst} has values around {array[0, worst]:g} that differ by {spread[worst]:.3g}, "
            "which is lost in float32, in which points are compared: take the same number away from it in all sets"
        )
    return points


def _from_file(path: Path) -> NDArray[Any]:
    try:
        # Mapped, an array that says it is larger than its file takes no memory before it is refused.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # its header is read as Python's literals are, and may raise as much
        raise BadInput(f"{path}: not a readable .npy array: {_said(error)}") from error
    if not isinstance(array, np.ndarray):
        raise BadInput(f"{path}: not a .npy array but an archive of arrays: give one of them")
    return array


def _from_archive(path: Path, reading: Reading) -> NDArray[Any]:
    """Return the one array of an archive that can be a set of images or points."""
    try:
        with zipfile.ZipFile(path) as archive:
            shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
            for member in archive.infolist():
                if member.filename.endswith(".npy"):
                    with archive.open(member) as file:
                        shape, _, dtype = _header(file)
                        shapes[member.filename.removesuffix(".npy")] = shape, dtype
            name = _meant(path, shapes)
            with archive.open(f"{name}.npy") as file:
                array = _content(path, file, archive.getinfo(f"{name}.npy").file_size)
    except BadInput:
        raise
    except Exception as error:  # as of a single array, and of archives
        raise BadInput(f"{path}: not a readable .npz archive of arrays: {_said(error)}") from error
    if others := sorted(set(shapes) - {name}):
        reading.say(f"the images are its array {name}; left out are {listed(others)}")
    return array


def _meant(path: Path, shapes: dict[str, tuple[tuple[int, ...], "np.dtype[Any]"]]) -> str:
    if any(names <= set(shapes) for names in STATISTICS) and not any(len(shape) == 4 for shape, _ in shapes.values()):
        raise BadInput(f"{path}: the mean and covariance of features, and no images: give the images themselves")
    images = [name for name, (shape, dtype) in shapes.items() if len(shape) == 4 and dtype == np.uint8]
    points = [name for name, (shape, dtype) in shapes.items() if len(shape) == 2 and dtype.kind == "f"]
    found = images or points
    if len(found) == 1:
        return found[0]
    all_of_them = listed([f"{name}: {dtype} of shape {shape}" for name, (shape, dtype) in shapes.items()], "nothing")
    if len(found) > 1:
        raise BadInput(f"{path}: {len(found)} arrays that could be meant ({all_of_them}): give one of them alone")
    if len(shapes) == 1:
        return next(iter(shapes))  # which is refused for what it is
    raise BadInput(f"{path}: no array of images in it ({all_of_them}): {ALLOWED}")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, "np.dtype[Any]"]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)


def _content(path: Path, file: IO[bytes], size: int) -> NDArray[Any]:
    """Return an array from a member of an archive, read piece by piece; nothing larger than its member is made."""
    shape, in_columns, dtype = _header(file)
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if dtype.hasobject or wanted > size or min(shape, default=0) < 0:
        raise ValueError("its head does not fit its content")
    try:
        content = np.empty(wanted, np.uint8)
    except MemoryError as error:
        raise BadInput(f"{path}: {wanted:,} bytes do not fit into memory: give fewer images") from error
    at = 0
    while at < wanted:
        part = file.read(min(READ_AT_ONCE, wanted - at))
        if not part:
            raise ValueError("it is cut off")
        content[at : at + len(part)] = np.frombuffer(part, np.uint8)
        at += len(part)
    return content.view(dtype).reshape(shape, order="F" if in_columns else "C")


def _said(error: Exception) -> str:
    # What NumPy says of pickles goes on with how to read them all the same.
    return first_line(error).partition(". If you trust")[0] or type(error).__name__
