"""Images from the user's own files: a folder, a zip archive, or a NumPy array."""

import io
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from types import TracebackType

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}
GREY_MODES = {"1", "L", "LA"}
DEEP_MODES = {"I", "I;16", "I;16B", "I;16L", "F"}
BROKEN_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError)


class ImageFiles:
    """The image files of a folder or a zip archive, with those of the folders inside. To be used in a `with` block.

    Attributes:
        path: the folder or archive.
        names: of the image files, in their order: paths relative to it, with slashes; hidden files are left out.
    """

    def __init__(self, path: Path) -> None:
        """List the files.

        Raises:
            BadInput: nothing there, or neither a folder nor a readable zip archive.
        """
        if not path.exists():
            raise BadInput(f"{path}: there is no such file or folder")
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        if path.is_dir():
            files = (file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
            self.names = _visible_images(file.relative_to(path).as_posix() for file in files)
        else:
            try:
                self._archive = zipfile.ZipFile(path)
            except BROKEN_ARCHIVE as error:
                raise BadInput(f"{path}: neither a folder nor a readable zip archive: {error}") from error
            self.names = _visible_images(self._archive.namelist())

    def __enter__(self) -> "ImageFiles":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._archive is not None:
            self._archive.close()

    def decode(self, name: str) -> Image.Image:
        """Return one of the images: in mode L where it is grey, in mode RGB otherwise.

        Raises:
            BadInput: a file that cannot be read or is no image, or more than 8 bits a pixel and channel.
        """
        try:
            with Image.open(io.BytesIO(self._read(name))) as image:
                if image.mode in DEEP_MODES:
                    raise BadInput(
                        f"{self.path}/{name}: mode {image.mode} has 16 or more bits a pixel, allowed are 8: convert it"
                    )
                return image.convert("L" if image.mode in GREY_MODES else "RGB")
        except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise BadInput(f"{self.path}/{name}: not a readable image: {type(error).__name__}") from error

    def _read(self, name: str) -> bytes:
        if self._archive is None:
            return (self.path / name).read_bytes()
        try:
            return self._archive.read(name)
        except BROKEN_ARCHIVE as error:
            raise BadInput(f"{self.path}/{name}: cannot be read from the archive: {error}") from error


def _visible_images(names: Iterable[str]) -> list[str]:
    """Return the names of image files in their order, folder by folder, without those that systems hide."""
    return sorted(
        {
            name
            for name in names
            if PurePosixPath(name).suffix.lower() in SUFFIXES
            and not name.endswith("/")
            and not any((part.startswith(".") and part != ".") or part == "__MACOSX" for part in name.split("/"))
        },
        key=lambda name: name.split("/"),
    )


def pixels(image: Image.Image) -> Tensor:
    """Return an image of mode L or RGB as uint8 (channels, height, width)."""
    array = torch.from_numpy(np.array(image))
    return array[None] if array.ndim == 2 else array.permute(2, 0, 1)


def read_images(path: Path) -> ImageSet:
    """Read all images of a folder or zip archive (with the folders inside), or of a .npy array.

    Grey images become one channel, all others three (RGB). An array is uint8, (n, channels, height, width) with one
    or three channels, or holds points (features that were computed elsewhere), float32 or float64 (n, d); it is never
    unpickled.

    Raises:
        BadInput: nothing there, a file that cannot be read, or images of different sizes or modes.
    """
    if path.suffix == ".npy" and path.exists():
        return _read_array(path)
    if path.is_file() and not zipfile.is_zipfile(path):
        raise BadInput(f"{path}: neither a folder, a readable zip archive nor a .npy file")
    images: list[Tensor] = []
    with ImageFiles(path) as files:
        for name in files.names:
            image = pixels(files.decode(name))
            if images and image.shape != images[0].shape:
                raise BadInput(
                    f"{path}/{name}: (channels, height, width) is {tuple(image.shape)}, the images before it have "
                    f"{tuple(images[0].shape)}: all images of a set must have one size and mode"
                )
            images.append(image)
    if not images:
        raise BadInput(f"{path}: no images in it (looked for {', '.join(sorted(SUFFIXES))})")
    return ImageSet(torch.stack(images))


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
