"""Images from the user's own files: a folder, a zip archive, or a NumPy array.

They may come from a stranger: nothing is unpacked to the disk, no link is followed, nothing in them is executed, and
what would not fit into memory is refused before it is read.
"""

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput, first_line
from bench.files.limits import MOST_IMAGE_BYTES, MOST_IMAGE_PIXELS, MOST_IMAGES
from bench.files.untrusted import check_file, read_untrusted
from bench.files.validation import shown

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}
GREY_MODES = {"1", "L", "LA"}
DEEP_MODES = {"I", "I;16", "I;16B", "I;16L", "F"}
# What a file says that it is: Pillow knows many more kinds, and hands some of them to other programs.
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
BROKEN_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError,
)  # fmt: skip
# Others unpack a few bytes to any number at once.
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1


class ImageFiles:
    """The image files of a folder or a zip archive, with those of the folders inside. To be used in a `with` block.

    Attributes:
        path: the folder or archive.
        names: of the image files, in their order: paths relative to it, with slashes; hidden files are left out.
    """

    def __init__(self, path: Path) -> None:
        """List the files.

        Raises:
            BadInput: nothing there, neither a folder nor a readable zip archive, or something in it that is a link or
                that no archive of images has.
        """
        check_exists(path)
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        self._members: dict[str, zipfile.ZipInfo] = {}
        if path.is_dir():
            names = list(_names_in_folder(path))
        else:
            check_file(path)
            try:
                self._archive = zipfile.ZipFile(path)
            except BROKEN_ARCHIVE as error:
                raise BadInput(f"{path}: neither a folder nor a readable zip archive: {first_line(error)}") from error
            self._members = _images_in_archive(path, self._archive.infolist())
            names = list(self._members)
        # Folder by folder, as they would be listed.
        self.names = sorted(names, key=lambda name: name.split("/"))

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
            BadInput: a file that cannot be read or is no image, too large, or more than 8 bits a pixel and channel.
        """
        with self._opened(name) as image:
            return image.convert("L" if image.mode in GREY_MODES else "RGB")

    def look(self, name: str) -> tuple[tuple[int, int], bool]:
        """Return (width, height) of one of the images and whether it is grey, from the start of its file.

        Raises:
            BadInput: as of `decode`, but damage beyond the start is not seen.
        """
        with self._opened(name) as image:
            return image.size, image.mode in GREY_MODES

    @contextmanager
    def _opened(self, name: str) -> Iterator[Image.Image]:
        content = self._read(name)
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if image.width * image.height > MOST_IMAGE_PIXELS:
                    raise BadInput(
                        f"{self.path}/{name}: {image.width} x {image.height} pixels: allowed are at most "
                        f"{MOST_IMAGE_PIXELS:,} in all"
                    )
                if image.mode in DEEP_MODES:
                    raise BadInput(
                        f"{self.path}/{name}: mode {image.mode} has 16 or more bits a pixel, allowed are 8: convert it"
                    )
                yield image
        except BadInput:
            raise
        except Exception as error:  # a decoder may raise anything on damaged bytes
            raise BadInput(f"{self.path}/{name}: not a readable image: {type(error).__name__}") from error

    def _read(self, name: str) -> bytes:
        if self._archive is None:
            return read_untrusted(self.path / name, MOST_IMAGE_BYTES)
        try:
            with self._archive.open(self._members[name]) as member:
                return member.read(MOST_IMAGE_BYTES)
        except BROKEN_ARCHIVE as error:
            raise BadInput(f"{self.path}/{name}: cannot be read from the archive: {first_line(error)}") from error


def check_exists(path: Path) -> None:
    """Raise `BadInput` where there is neither a file nor a folder."""
    try:
        path.stat()
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: there is no such file or folder") from error


def _names_in_folder(path: Path) -> Iterator[str]:
    """Yield the names of the image files of a folder and of the folders inside; what systems hide is left out."""
    waiting = [""]
    try:
        while waiting:
            inside = waiting.pop()
            with os.scandir(path / inside) as entries:
                for entry in entries:
                    name = inside + entry.name
                    if _is_hidden(entry.name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{name}/")
                    elif _is_image(name) or (entry.is_symlink() and (path / name).is_dir()):
                        if entry.is_symlink():
                            raise BadInput(
                                f"{path}/{name}: a symbolic link: allowed are files: make a copy of the folder with "
                                "cp -rL"
                            )
                        if not entry.is_file():
                            raise BadInput(f"{path}/{name}: not a file")
                        yield name
    except OSError as error:
        raise BadInput(f"{error.filename or path}: cannot be read: {error.strerror}") from error


def _images_in_archive(path: Path, members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return the image files of an archive by their names; what systems hide is left out.

    Raises:
        BadInput: too many files, one name twice, or a file that is a link, encrypted, too large, packed in another way
            than images are, or leads out of the archive by its name.
    """
    if len(members) > MOST_IMAGES:
        raise BadInput(f"{path}: {len(members):,} files: allowed are at most {MOST_IMAGES:,}")
    found: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        name, parts = member.filename, member.filename.split("/")
        if not _is_image(name) or member.is_dir():
            continue
        problem = None
        if name.startswith("/") or ".." in parts:
            problem = "leads out of the archive: allowed are names inside of it"
        elif any(map(_is_hidden, parts)):
            continue
        elif name in found:
            problem = "is there twice in the archive"
        elif stat.S_ISLNK(member.external_attr >> 16):
            problem = "a symbolic link: allowed are files"
        elif member.flag_bits & ENCRYPTED:
            problem = "is encrypted"
        elif member.compress_type not in COMPRESSIONS:
            problem = f"packed by method {member.compress_type}: allowed are 0 (stored) and 8 (deflated)"
        elif member.file_size > MOST_IMAGE_BYTES:
            problem = f"{member.file_size:,} bytes: allowed are at most {MOST_IMAGE_BYTES:,}"
        if problem is not None:
            raise BadInput(f"{path}: {shown(name)} {problem}")
        found[name] = member
    return found


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _is_hidden(part: str) -> bool:
    """Return whether systems hide files and folders of this name."""
    return (part.startswith(".") and part != ".") or part == "__MACOSX"


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
    check_exists(path)
    if not path.is_dir():
        check_file(path)
        if path.suffix == ".npy":
            return _read_array(path)
        if not zipfile.is_zipfile(path):
            raise BadInput(f"{path}: neither a folder, a readable zip archive nor a .npy file")
    images: Tensor | None = None
    with ImageFiles(path) as files:
        for i, name in enumerate(files.names):
            image = pixels(files.decode(name))
            if images is None:
                images = room_for(path, len(files.names), tuple(image.shape))
            if image.shape != images.shape[1:]:
                raise BadInput(
                    f"{path}/{name}: (channels, height, width) is {tuple(image.shape)}, the images before it have "
                    f"{tuple(images.shape[1:])}: all images of a set must have one size and mode"
                )
            images[i] = image
    if images is None:
        raise BadInput(f"{path}: no images in it (looked for {', '.join(sorted(SUFFIXES))})")
    return ImageSet(images)


def room_for(path: Path, n: int, shape: tuple[int, ...]) -> Tensor:
    """Return an empty uint8 tensor (n, *shape); `BadInput`, which begins with `path`, where there is no memory."""
    try:
        return torch.empty((n, *shape), dtype=torch.uint8)
    except RuntimeError as error:
        raise BadInput(f"{path}: {n:,} images of shape {shape} do not fit into memory: give fewer") from error


def _read_array(path: Path) -> ImageSet:
    try:
        # Mapped, an array that says it is larger than its file takes no memory before it is refused.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # its header is read as Python's literals are, and may raise as much
        # What NumPy says of pickles goes on with how to read them all the same.
        reason = first_line(error).partition(". If you trust")[0] or type(error).__name__
        raise BadInput(f"{path}: not a readable .npy array: {reason}") from error
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
    return ImageSet(torch.from_numpy(np.array(array)))
