"""Files that are either there as a whole or as they were before, also after a crash."""

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from bench.errors import StorageFailed

# The name under which a file is written before it gets its own: no two writers share one, on any machine.
UNFINISHED = re.compile(r"\..+\.[0-9a-f]{16}\.part")
ADVICE = {
    errno.ENOSPC: "make room, and the same command goes on",
    errno.EDQUOT: "make room, and the same command goes on",
    errno.EROFS: "choose another folder, or make this one writable",
    errno.EACCES: "choose another folder, or make this one writable",
}


def make_folder(path: Path) -> None:
    """Make a folder and its parents; StorageFailed where that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(described(path, "cannot make this folder", error)) from error


def write_text(path: Path, text: str) -> None:
    """Write a file in one step, see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step: under another name, to the disk, and then renamed.

    Raises:
        StorageFailed: the disk is full, or the folder is not there or cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StorageFailed(described(path, "cannot be written", error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path, name: str = "*") -> None:
    """Remove what killed writes of files of this name have left in a folder, where nobody else writes such files."""
    for path in folder.glob(f".{name}.*.part"):
        if UNFINISHED.fullmatch(path.name):
            path.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time work on the file at `path`; the others wait. The lock goes with its process.

    Raises:
        StorageFailed: the folder cannot be written.
    """
    make_folder(path.parent)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire()
    except OSError as error:
        raise StorageFailed(described(path.parent, "cannot write to this folder", error)) from error
    try:
        yield
    finally:
        lock.release()


def described(path: Path, what: str, error: OSError) -> str:
    """Return an error of the system in words, with what can be done about it."""
    return f"{path}: {what}: {error.strerror}: {ADVICE.get(error.errno or 0, 'choose another folder')}"


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk, where the system lets a folder be opened."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
