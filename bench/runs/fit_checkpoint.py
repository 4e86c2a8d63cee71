"""The state of an unfinished fit, so that a long one goes on where it was."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from bench.errors import Damaged
from bench.files.set_aside import set_aside
from bench.files.tensors import read_sealed_tensors, write_sealed_tensors
from bench.process.interruption import asked, stop_if_asked
from bench.process.progress import Progress

CHECKPOINT_SECONDS = 15.0


class FitCheckpoint:
    """The state of an unfinished fit in one file, replaced from time to time and when the process is asked to end.

    Attributes:
        earlier_seconds: what the fit had taken when the state that `load` returned was saved.
    """

    def __init__(self, path: Path, key: str, progress: Progress, check: Callable[[], None]) -> None:
        """Use `path`.

        Args:
            path: the file.
            key: the identity of the fit; a state found there counts only if it was saved under the same one.
            progress: where it is said that a state is damaged.
            check: raises where this process may no longer write.
        """
        self._path = path
        self._key = key
        self._progress = progress
        self._check = check
        self._started = self._saved_at = time.monotonic()
        self.earlier_seconds = 0.0

    def load(self) -> dict[str, Tensor] | None:
        """Return the saved state, or None where there is none of this fit; a damaged one is set aside."""
        if not self._path.exists():
            return None
        try:
            state, metadata = read_sealed_tensors(self._path)
        except Damaged as error:
            set_aside([self._path], error, "this fit begins again", self._progress)
            return None
        if metadata["key"] != self._key:
            return None
        self.earlier_seconds = float(metadata["seconds"])
        return state

    def due(self) -> bool:
        """Return whether the state should be saved: CHECKPOINT_SECONDS have passed, or the process is to end."""
        return asked() or time.monotonic() - self._saved_at >= CHECKPOINT_SECONDS

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Replace the saved state, atomically, and then end the process where it was asked to.

        Raises:
            Interrupted: the process was asked to end; the state is saved.
        """
        self._check()
        self._saved_at = time.monotonic()
        seconds = self.earlier_seconds + self._saved_at - self._started
        write_sealed_tensors(self._path, state, {"key": self._key, "seconds": str(seconds)})
        stop_if_asked()

    def remove(self) -> None:
        """Forget the state: the fit is finished."""
        self._path.unlink(missing_ok=True)
