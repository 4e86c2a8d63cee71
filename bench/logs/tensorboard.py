"""The log of a cell for TensorBoard, the extra `tensorboard`: `tensorboard --logdir RUNS/tensorboard`."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from bench.cells.cell import Cell
from bench.cells.record import GenerationResult, ScoreConditions
from bench.logs.values import floor_of, settings_of, values_of


class TensorBoardLog:
    """Event files in RUNS/tensorboard/SLUG: scores, cost and strips, by generation.

    Two folders in it are curves of their own there: `floor`, what real images score, with the names of the scores and
    so in the same charts; `losses`, by the number of images that the cell has trained on.
    """

    def __init__(self, runs: Path, cell: Cell, score: ScoreConditions) -> None:
        self._folder = runs / "tensorboard" / cell.slug
        for part in (".", "losses", "floor"):
            _put_first(self._folder / part)
        # All finished generations come once more after a kill: TensorBoard forgets what it has from step 1 on.
        self._scores = SummaryWriter(self._folder, purge_step=1)
        self._losses: SummaryWriter | None = None
        settings = json.dumps(settings_of(cell, score), indent=4)
        self._scores.add_text("settings", "\n".join(f"    {line}" for line in settings.splitlines()), 1)
        self._scores.flush()
        with SummaryWriter(self._folder / "floor", purge_step=1) as floor:
            for name, value in floor_of(score).items():
                for t in sorted({1, cell.loop.generations}):
                    floor.add_scalar(name, value, t)

    def log_generation(self, result: GenerationResult, strip: bytes | None) -> None:
        """Log a finished generation; see `Logger`."""
        for name, value in values_of(result).items():
            self._scores.add_scalar(name, value, result.generation)
        if strip is not None:
            image = np.asarray(Image.open(io.BytesIO(strip)).convert("RGBA"))
            self._scores.add_image("strip", image, result.generation, dataformats="HWC")
        self._scores.flush()

    def log_losses(self, losses: Mapping[str, float], images_trained: int) -> None:
        """Log losses of a fit; see `Logger`."""
        if self._losses is None:
            # A fit that goes on from its checkpoint repeats what was logged after it.
            self._losses = SummaryWriter(self._folder / "losses", purge_step=images_trained)
        for name, value in losses.items():
            self._losses.add_scalar(f"losses/{name}", value, images_trained)
        self._losses.flush()

    def close(self, finished: bool) -> None:
        """Close the files."""
        self._scores.close()
        if self._losses is not None:
            self._losses.close()


def _put_first(folder: Path) -> None:
    """Number the event files that are there, from 0 on, so that the next one comes after them.

    TensorBoard reads them by name, which begins with the second of their start: two of the same second, or of clocks
    that differ, would be read in the wrong order, and the older one would undo the newer one.
    """
    for number, file in enumerate(sorted(folder.glob("events.out.tfevents.*"))):
        file.rename(folder / f"events.out.tfevents.{number:010d}")
