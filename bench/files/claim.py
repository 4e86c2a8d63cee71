"""Who works on a folder: one process at a time, on this machine or on another one that shares the storage.

A claim is a lease of filelock: its file names the process, and changes every HEARTBEAT_SECONDS while that lives. A
dead process of this machine is recognised at once; one of another machine after LEASE_SECONDS without a sign of life,
counted on the clock of whoever waits, so that clocks may differ and jump.
"""

import errno
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import SoftFileLease, Timeout

from bench.errors import RunFailed, StorageFailed
from bench.files.atomic import described
from bench.process.interruption import stop_if_asked
from bench.process.progress import Progress

LEASE_SECONDS = 90.0
HEARTBEAT_SECONDS = 15.0
POLL_SECONDS = 0.5
EMPTY_SECONDS = 5.0
FILE = ".claim"


class Claim:
    """The claim of this process to a folder. Whoever waits keeps the object: it remembers the other's last sign."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lease = SoftFileLease(
            folder / FILE,
            lease_duration=LEASE_SECONDS,
            heartbeat_interval=HEARTBEAT_SECONDS,
            timeout=0,
            thread_local=False,
        )
        self._empty_since: tuple[tuple[int, int], float] | None = None

    def take(self) -> bool:
        """Take the folder and return True, or return False where another process works on it.

        Raises:
            StorageFailed: the folder cannot be written.
        """
        try:
            self._lease.acquire()
        except Timeout as error:
            # The claim of a dead process cannot be taken where nothing can be written: nobody would ever release it.
            if not os.access(self._folder, os.W_OK):
                denied = OSError(errno.EROFS, os.strerror(errno.EROFS))
                raise StorageFailed(described(self._folder, "cannot write to this folder", denied)) from error
            self._spoil_empty()
            return False
        except OSError as error:
            raise StorageFailed(described(self._folder, "cannot write to this folder", error)) from error
        return True

    def wait(self, progress: Progress) -> None:
        """Take the folder, once nobody else works on it."""
        if self.take():
            return
        progress.note(f"waits for {read_holder(self._folder) or 'another process'}, which works on the same")
        while not self.take():
            stop_if_asked()
            time.sleep(POLL_SECONDS)

    def _spoil_empty(self) -> None:
        """Write something into a file that has been empty for EMPTY_SECONDS.

        A process that was killed before it could write its name has left it so. For filelock an empty file is the
        claim of an old version, for ever; one that is no claim at all it replaces, safely among several who wait.
        """
        with suppress(OSError), (self._folder / FILE).open("r+b") as file:
            found = os.fstat(file.fileno())
            identity, now = (found.st_ino, found.st_ctime_ns), time.monotonic()
            if found.st_size > 0:
                self._empty_since = None
            elif self._empty_since is None or self._empty_since[0] != identity:
                self._empty_since = identity, now
            elif now - self._empty_since[1] >= EMPTY_SECONDS:
                file.write(b"left empty\n")

    def check(self) -> None:
        """Raise RunFailed where another process has taken the folder over, because this one gave no sign of life."""
        if self._lease.compromise is not None:
            raise RunFailed(
                f"{self._folder}: taken over by {read_holder(self._folder) or 'another process'}, as this one gave no "
                f"sign of life for {LEASE_SECONDS:.0f} s; nothing is lost"
            )

    def release(self) -> None:
        """Let others work on the folder."""
        with suppress(OSError):
            self._lease.release()


@dataclass(frozen=True)
class Holder:
    """A process whose claim lies in a folder; it may be dead.

    Attributes:
        host: its machine.
        process: its number there.
        seen_at: when it gave its last sign of life, on the clock of the storage, in seconds since 1970.
    """

    host: str
    process: int
    seen_at: float

    def __str__(self) -> str:
        return f"{self.host}, process {self.process}"


def read_holder(folder: Path) -> Holder | None:
    """Return whose claim lies in a folder, None where there is none."""
    owner = SoftFileLease(folder / FILE, lease_duration=LEASE_SECONDS).owner
    try:
        seen_at = (folder / FILE).stat().st_mtime
    except OSError:
        return None
    # After a question mark filelock names the process namespace, which says nothing to a reader.
    return None if owner is None else Holder(owner.hostname.partition("?")[0], owner.pid, seen_at)
