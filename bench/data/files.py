"""Images from the user's own files: a folder, a zip archive, parquet files, or an array.

They may come from a stranger: nothing is unpacked to the disk, no link is followed, nothing in them is executed, and
what would not fit into memory is refused before it is read.
"""

import os
import stat
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType

import torch
from torch import Tensor

from bench.data.decoding import SUFFIXES, Decoded, decode, look
from bench.data.reading import kinds_of
from bench.errors import BadInput, first_line
from bench.files.hidden import is_hidden
from bench.files.limits import MOST_IMAGE_BYTES, MOST_IMAGES
from bench.files.untrusted import check_file, read_untrusted
from bench.files.validation import shown

BROKEN_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError,
)  # fmt: skip
# Others unpack a few bytes to any number at once.
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1
PARQUET = ".parquet"
# What files begin with that are neither an image nor an archive that is read, and what to do with them.
OTHER_CONTAINERS = (
    (b"\x1f\x8b", "packed by gzip: unpack it"), (b"BZh", "packed by bzip2: unpack it"),
    (b"\xfd7zXZ", "packed by xz: unpack it"), (b"7z\xbc\xaf", "a 7z archive: unpack it"),
    (b"Rar!", "a RAR archive: unpack it"), (b"\x89HDF", "an HDF5 file: save its images as a .npy array"),
    (b"\x80", "a pickle, which is not read: save its images as a .npy array"), (b"CDF", "a netCDF file"),
)  # fmt: skip


class ImageFiles(ABC):
    """The image files of a set. To be used in a `with` block.

    Attributes:
        path: where the set is.
        names: of the image files, in their order: paths relative to it, with slashes; hidden files are left out.
        others: the names of files that are no images that are read, and not hidden.
        labels: what the files say of the class of each image, by its name: a class's number, or its name; None where
            they say nothing.
        origin: where the set comes from, where that is not `path` alone.
    """

    path: Path
    names: list[str]
    others: list[str]
    labels: Mapping[str, int | str] | None = None
    origin: str | None = None

    def __enter__(self) -> "ImageFiles":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027  nothing, where no file stays open
        """Close what is open."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return the content of one of the files.

        Raises:
            BadInput: it cannot be read, or is too large.
        """

    def decode(self, name: str) -> Decoded:
        """Return one of the images, and what its file holds beside its pixels.

        Raises:
            BadInput: a file that cannot be read or is no image, too large, or more than 8 bits a pixel and channel.
        """
        return decode(f"{self.path}/{name}", self.read(name))

    def look(self, name: str) -> tuple[tuple[int, int], bool]:
        """Return (width, height) of one of the images and whether it is grey, from the start of its file.

        Raises:
            BadInput: as of `decode`, but damage beyond the start is not seen.
        """
        return look(f"{self.path}/{name}", self.read(name))

    def check_any(self, missing: str = "no images", named: Path | None = None) -> None:
        """Raise BadInput where there is no image, with what is `missing` and what there is instead.

        Args:
            missing: what was looked for, in words.
            named: what the user calls the set, where that is not its path.
        """
        if not self.names:
            found = f"; there are {kinds_of(self.others)}" if self.others else ""
            raise BadInput(f"{named or self.path}: {missing} in it (looked for {', '.join(sorted(SUFFIXES))}{found})")


class FolderFiles(ImageFiles):
    """The images of a folder and of the folders inside."""

    def __init__(self, path: Path) -> None:
        """List them; BadInput where a folder cannot be listed, or an image is a link or no file."""
        self.path = path
        names = sorted(_names_in_folder(path), key=_in_order)
        self.names = [name for name in names if _is_image(name)]
        self.others = [name for name in names if not _is_image(name)]

    def read(self, name: str) -> bytes:
        """Return the content of one of the files."""
        return read_untrusted(self.path / name, MOST_IMAGE_BYTES)


class ArchiveFiles(ImageFiles):
    """The images of a zip archive."""

    def __init__(self, path: Path) -> None:
        """List them; BadInput where it is no readable archive, or has something that no archive of images has."""
        check_file(path)
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except BROKEN_ARCHIVE as error:
            raise BadInput(f"{path}: neither a folder nor a readable zip archive: {first_line(error)}") from error
        self._members, self.others = _files_in_archive(path, self._archive.infolist())
        self.names = sorted((name for name in self._members if _is_image(name)), key=_in_order)

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()

    def read(self, name: str) -> bytes:
        """Return the content of one of the files."""
        member = self._members[name]
        if member.file_size > MOST_IMAGE_BYTES:
            raise BadInput(f"{self.path}: {shown(name)} {member.file_size:,} bytes: the most is {MOST_IMAGE_BYTES:,}")
        try:
            with self._archive.open(member) as file:
                return file.read(MOST_IMAGE_BYTES)
        except BROKEN_ARCHIVE as error:
            raise BadInput(f"{self.path}/{name}: cannot be read from the archive: {first_line(error)}") from error


def what_it_is(path: Path) -> str | None:
    """Return what a file is that is no set of images, and what to give instead; None where that is not known."""
    with path.open("rb") as file:
        start = file.read(512)
    if start[257:262] == b"ustar":
        return "a tar archive: unpack it, and give the folder"
    if path.suffix.lower() in SUFFIXES:
        return "a single image: give the folder that the images are in"
    if path.suffix.lower() == ".safetensors":
        return "a file of tensors: save its images as a .npy array"
    return next((what for beginning, what in OTHER_CONTAINERS if start.startswith(beginning)), None)


def check_exists(path: Path) -> None:
    """Raise `BadInput` where there is neither a file nor a folder."""
    try:
        path.stat()
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: there is no such file or folder") from error


def _in_order(name: str) -> list[str]:
    """Return what files are sorted by: folder by folder, as they would be listed."""
    return name.split("/")


def _names_in_folder(path: Path) -> Iterator[str]:
    """Yield the names of the files of a folder and of the folders inside; what systems hide is left out."""
    waiting = [""]
    try:
        while waiting:
            inside = waiting.pop()
            with os.scandir(path / inside) as entries:
                for entry in entries:
                    name = inside + entry.name
                    if is_hidden(entry.name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{name}/")
                        continue
                    is_link = entry.is_symlink()
                    if is_link and (_is_image(name) or name.lower().endswith(PARQUET) or (path / name).is_dir()):
                        raise BadInput(f"{path}/{name}: a symbolic link: make a copy of the folder with cp -rL")
                    if _is_image(name) and not entry.is_file():
                        raise BadInput(f"{path}/{name}: not a file")
                    yield name
    except OSError as error:
        raise BadInput(f"{error.filename or path}: cannot be read: {error.strerror}") from error


def _files_in_archive(path: Path, members: list[zipfile.ZipInfo]) -> tuple[dict[str, zipfile.ZipInfo], list[str]]:
    """Return the files of an archive by their names, and the names of those that are no images.

    What systems hide is left out. Programs of Windows may have written backslashes where slashes are meant.

    Raises:
        BadInput: too many files, one name twice, or an image that is a link, encrypted, too large, packed in another
            way than images are, or leads out of the archive by its name.
    """
    if len(members) > MOST_IMAGES:
        raise BadInput(f"{path}: {len(members):,} files: the most is {MOST_IMAGES:,}")
    found: dict[str, zipfile.ZipInfo] = {}
    others: list[str] = []
    for member in members:
        name = member.filename.replace("\\", "/")
        parts = name.split("/")
        if name.endswith("/"):
            continue
        leads_out = name.startswith("/") or ".." in parts
        if not leads_out and any(map(is_hidden, parts)):
            continue
        if not _is_image(name):
            others.append(name)
            if not leads_out and name not in found and not member.flag_bits & ENCRYPTED:
                found[name] = member
            continue
        problem = None
        if leads_out:
            problem = "leads out of the archive: use names inside of it"
        elif name in found:
            problem = "is there twice in the archive"
        elif stat.S_ISLNK(member.external_attr >> 16):
            problem = "a symbolic link: give a file"
        elif member.flag_bits & ENCRYPTED:
            problem = "is encrypted"
        elif member.compress_type not in COMPRESSIONS:
            problem = f"packed by method {member.compress_type}: use 0 (stored) or 8 (deflated)"
        elif member.file_size > MOST_IMAGE_BYTES:
            problem = f"{member.file_size:,} bytes: the most is {MOST_IMAGE_BYTES:,}"
        if problem is not None:
            raise BadInput(f"{path}: {shown(name)} {problem}")
        found[name] = member
    return found, sorted(others, key=_in_order)


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def room_for(path: Path, n: int, shape: tuple[int, ...]) -> Tensor:
    """Return an empty uint8 tensor (n, *shape); `BadInput`, which begins with `path`, where there is no memory."""
    try:
        return torch.empty((n, *shape), dtype=torch.uint8)
    except RuntimeError as error:
        raise BadInput(f"{path}: {n:,} images of shape {shape} do not fit into memory: give fewer") from error
