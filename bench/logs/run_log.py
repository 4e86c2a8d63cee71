"""Logs of a running cell for the tools that draw curves, off unless asked for (`--log`).

A log is a convenience: the result is the record, with or without one. So a log that fails in the middle of a cell ends
with a note, and the cell goes on; and what goes into the log is neither random nor read back.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Protocol

from bench.cells.cell import Cell
from bench.cells.record import GenerationResult, ScoreConditions
from bench.errors import BadInput, choose, first_line
from bench.process.progress import Progress

LOGGERS = ("tensorboard", "wandb")


class Logger(Protocol):
    """Where the log of one cell goes.

    After a kill a cell is logged by a new logger, which gets all finished generations once more, and the losses of an
    unfinished fit from its last checkpoint on. It must not show anything twice.
    """

    def log_generation(self, result: GenerationResult, strip: bytes | None) -> None:
        """Log a finished generation and its collapse strip, a PNG; None where the data are points."""

    def log_losses(self, losses: Mapping[str, float], images_trained: int) -> None:
        """Log losses of a fit, when the cell has trained on so many images."""

    def close(self, finished: bool) -> None:
        """Write what is not written yet; `finished` says whether the cell came to its end."""


class RunLog:
    """The log of one cell, in as many places as were asked for. To be used in a `with` statement.

    A place that fails is left out from then on, with one note.
    """

    def __init__(self, openers: Mapping[str, Callable[[], Logger]], progress: Progress) -> None:
        """Open a logger for each place, by their names."""
        self._progress = progress
        self._loggers: dict[str, Logger] = {}
        self._finished = False
        for name, opener in openers.items():
            try:
                self._loggers[name] = opener()
            except Exception as error:
                self._note(name, error)

    @classmethod
    def open(
        cls, names: Sequence[str], runs: Path, cell: Cell, score: ScoreConditions, progress: Progress
    ) -> "RunLog":
        """Open the log of a cell.

        Args:
            names: of LOGGERS.
            runs: the folder of all runs; every logger keeps its files in a folder there.
            cell: what is run.
            score: the conditions of its score, with the floor.
            progress: where it is noted that a log has failed.
        """
        return cls({name: partial(_open, name, runs, cell, score) for name in names}, progress)

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._each(lambda logger: logger.close(error is None))

    def __bool__(self) -> bool:
        return bool(self._loggers)

    def generation(self, result: GenerationResult, strip: bytes | None) -> None:
        """Log a finished generation; see `Logger`."""
        self._each(lambda logger: logger.log_generation(result, strip))

    def losses(self, losses: Mapping[str, float], images_trained: int) -> None:
        """Log losses of a fit; see `Logger`."""
        self._each(lambda logger: logger.log_losses(losses, images_trained))

    def _each(self, action: Callable[[Logger], None]) -> None:
        for name, logger in list(self._loggers.items()):
            try:
                action(logger)
            except Exception as error:
                del self._loggers[name]
                self._note(name, error)

    def _note(self, name: str, error: Exception) -> None:
        reason = f"{type(error).__name__}: {first_line(error)}"
        self._progress.note(f"logging to {name} stops here, the run does not ({reason})")


def check_loggers(names: Sequence[str]) -> None:
    """Raise BadInput where a logger does not exist or its package is not installed."""
    for name in names:
        if name not in LOGGERS:
            raise BadInput(f"--log {name}: {choose(LOGGERS, name)}")
        try:
            distribution(name)
        except PackageNotFoundError as error:
            raise BadInput(f"--log {name} needs {name}: pip install 'autophagy-bench[{name}]'") from error


def _open(name: str, runs: Path, cell: Cell, score: ScoreConditions) -> Logger:
    # The packages are extras, and slow to import.
    match name:
        case "tensorboard":
            from bench.logs.tensorboard import TensorBoardLog

            return TensorBoardLog(runs, cell, score)
        case "wandb":
            from bench.logs.wandb import WandbLog

            return WandbLog(runs, cell, score)
    raise ValueError(f"no logger is called {name}")
