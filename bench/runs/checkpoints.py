"""The checkpoints of the fits that several processes do together."""

from collections.abc import Mapping

from torch import Tensor

from bench.process.processes import Processes
from bench.runs.fit_checkpoint import FitCheckpoint
from bench.runs.run_folder import RunFolder
from bench.runs.stored import TrainingCost


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


class Checkpoints:
    """The checkpoints of the fits of one generation, by their purposes; "" is the generation's own."""

    def __init__(self, folder: RunFolder, key: str, processes: Processes) -> None:
        """Keep them in a run folder; `key` is the identity of the generation's fit."""
        self._folder, self._key, self._processes = folder, key, processes
        self._opened: dict[str, SharedCheckpoint] = {}

    def of(self, purpose: str) -> SharedCheckpoint:
        """Return the checkpoint of a purpose, the same each time."""
        if purpose not in self._opened:
            checkpoint = self._folder.fit_checkpoint(self._key, purpose)
            self._opened[purpose] = SharedCheckpoint(checkpoint, self._processes)
        return self._opened[purpose]

    @property
    def earlier(self) -> TrainingCost:
        """What the fits had taken when the states that were found had been saved; of images the generator knows."""
        return TrainingCost(images=0, seconds=sum(opened.earlier_seconds for opened in self._opened.values()))

    def remove(self) -> None:
        """Forget the states: the generation is finished."""
        for checkpoint in self._opened.values():
            checkpoint.remove()
