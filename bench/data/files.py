"""Images from the user's own files: a folder, a zip archive, or a NumPy array."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from bench.data.image_set import ImageSet
from bench.errors import BadInput

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}
GREY_MODES = {"1", "L", "LA"}
DEEP_MODES = {"I", "I;16", "I;16B", "I;16L", "F"}


def read_images(path: Path) -> ImageSet:
    """Read all images of a folder or zip archive (with the folders inside), or of a .npy array.

    Grey images become one channel, all others three (RGB). An array is uint8, (n, channels, height, width) with one
    or three channels, or holds points (features that were computed elsewhere), float32 or float64 (n, d); it is never
    unpickled.

    Raises:
        BadInput: nothing there, a file that cannot be read, or images of different sizes or modes.
    """
    if not path.exists():
        raise BadInput(f"{path}: there is no such file or folder")
    if path.suffix == ".npy":
        return _read_array(path)
    arrays: list[np.ndarray] = []
    for name, content in _image_files(path):
        try:
            with Image.open(io.BytesIO(content)) as image:
                if image.mode in DEEP_MODES:
                    raise BadInput(f"{name}: mode {image.mode} has 16 or more bits a pixel, allowed are 8: convert it")
                array = np.asarray(image.convert("L" if image.mode in GREY_MODES else "RGB"))
        except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise BadInput(f"{name}: not a readable image: {type(error).__name__}") from error
        array = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
        if arrays and array.shape != arrays[0].shape:
            raise BadInput(
                f"{name}: (channels, height, width) is {array.shape}, the images before it have {arrays[0].shape}: "
                "all images of a set must have one size and mode"
            )
        arrays.append(array)
    if not arrays:
        raise BadInput(f"{path}: no images in it (looked for {', '.join(sorted(SUFFIXES))})")
    return ImageSet(torch.from_numpy(np.stack(arrays)))


def _image_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each image file, in the order of the names."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in SUFFIXES and file.is_file():
                yield str(file), file.read_bytes()
        return
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if Path(name).suffix.lower() in SUFFIXES:
                    yield f"{path}/{name}", archive.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise BadInput(f"{path}: neither a folder, a readable zip archive nor a .npy file: {error}") from error


def _read_array(path: Path) -> ImageSet:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise BadInput(f"{path}: not a readable .npy array: {error}") from error
    if not isinstance(array, np.ndarray):
        raise BadInput(f"{path}: not a .npy array but an archive of arrays: give one of them")
    if array.dtype.kind == "f" and array.dtype.itemsize in (4, 8) and array.ndim == 2 and array.size:
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as such
            return ImageSet(torch.from_numpy(array.astype(np.float32)))
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[1] not in (1, 3) or not array.size:
        raise BadInput(
            f"{path}: {array.dtype} of shape {array.shape}: allowed are images, uint8 (n, 1 or 3 channels, height, "
            "width), and points, float32 or float64 (n, d)"
        )
    return ImageSet(torch.from_numpy(array))
