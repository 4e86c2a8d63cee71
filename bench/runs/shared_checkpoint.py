"""The checkpoint of a fit that several processes do together."""

from collections.abc import Mapping

from torch import Tensor

from bench.process.processes import Processes
from bench.runs.fit_checkpoint import FitCheckpoint


class SharedCheckpoint:
    """All processes go on from the same state; the main one keeps it, as they all have it.

    So a fit can go on with another number of processes. When a state is due is a matter of time, which differs between
    processes: only the main one asks.
    """

    def __init__(self, checkpoint: FitCheckpoint, processes: Processes) -> None:
        self._checkpoint = checkpoint
        self._processes = processes

    @property
    def earlier_seconds(self) -> float:
        """What the fit had taken, on the main process, when the state that `load` returned was saved."""
        return self._checkpoint.earlier_seconds

    def load(self) -> dict[str, Tensor] | None:
        """Return the saved state, or None where there is none of this fit."""
        return self._processes.from_main(self._checkpoint.load)

    def due(self) -> bool:
        """Return whether this process should save now."""
        return self._processes.is_main and self._checkpoint.due()

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Replace the saved state, atomically."""
        if self._processes.is_main:
            self._checkpoint.save(state)

    def remove(self) -> None:
        """Forget the state: the fit is finished."""
        if self._processes.is_main:
            self._checkpoint.remove()
