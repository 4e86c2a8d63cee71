"""Files that are either there as a whole or as they were before, also after a crash."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from safetensors.torch import save as serialise
from torch import Tensor

from bench.errors import BadInput


def make_folder(path: Path) -> None:
    """Make a folder and its parents; BadInput where that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{path}: cannot make this folder: {error.strerror}: choose another") from error


def write_text(path: Path, text: str) -> None:
    """Write a file in one step, see `write_bytes`."""
    write_bytes(path, text.encode())


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file in one step, see `write_bytes`."""
    write_bytes(path, serialise({name: t.contiguous().cpu() for name, t in tensors.items()}, metadata))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step: under another name, to the disk, and then renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time work on the file at `path`; the others wait. The lock goes with its process.

    Raises:
        BadInput: the folder cannot be written.
    """
    make_folder(path.parent)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire()
    except OSError as error:
        raise BadInput(f"{path.parent}: cannot write to this folder: {error.strerror}: choose another") from error
    try:
        yield
    finally:
        lock.release()
