"""A namespace of its own for mounts, in which small file systems can be mounted that nobody else sees."""

import ctypes
import json
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.cells import Workshop
from faults.report import Part

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_REC, MS_PRIVATE = 1, 32, 16384, 1 << 18
MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def in_own_mounts(kind: str, workshop: Workshop, work: Callable[[], Part]) -> Part:
    """Do a part of the campaign in a process with mounts of its own; skip it where the system allows none.

    Args:
        kind: of the part.
        workshop: makes the places of the part.
        work: does the part.
    """
    folder = workshop.new_folder()
    folder.mkdir()
    report = folder / "report.json"
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            try:
                _enter()
                with small_disk(folder / "probe", 1 << 20):
                    pass
            except OSError as error:
                part = Part(kind, skipped=f"no file system can be mounted here: {error}")
            else:
                workshop.folder = folder  # the process before does not know which places are made here
                part = work()
            report.write_text(json.dumps(part.to_dict()))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise RuntimeError(f"{kind}: its process has failed, see above")
    return Part.from_dict(json.loads(report.read_text()))


@contextmanager
def small_disk(path: Path, size: int) -> Iterator[None]:
    """Mount a file system in memory of this many bytes at `path`."""
    path.mkdir(parents=True, exist_ok=True)
    _call(_libc.mount, b"tmpfs", os.fsencode(path), b"tmpfs", 0, f"size={size}".encode())
    try:
        yield
    finally:
        _call(_libc.umount2, os.fsencode(path), MNT_DETACH)


def change_disk(path: Path, size: int, *, read_only: bool = False) -> None:
    """Give a mounted file system another size, and make it read-only or writable."""
    flags = MS_REMOUNT | (MS_RDONLY if read_only else 0)
    _call(_libc.mount, b"tmpfs", os.fsencode(path), b"tmpfs", flags, f"size={size}".encode())


def _enter() -> None:
    user, group = os.getuid(), os.getgid()
    _call(_libc.unshare, CLONE_NEWNS | (CLONE_NEWUSER if user else 0))
    if user:
        # Root inside is the user outside, who may mount what only this process and its children see.
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _call(_libc.mount, b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def _call(function: Callable[..., int], *arguments: object) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
