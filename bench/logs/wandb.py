"""The log of a cell for Weights & Biases, the extra `wandb`: on this disk, unless WANDB_MODE=online asks for more."""

import io
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from bench.cells.cell import Cell
from bench.cells.record import GenerationResult, ScoreConditions
from bench.logs.values import floor_of, settings_of, values_of

PROJECT = "autophagy-bench"


class WandbLog:
    """A run of W&B in RUNS/wandb, whose id is that of the cell: `wandb sync RUNS/wandb` sends it later.

    The step of W&B is the number of images that the cell has trained on. Offline, a cell that goes on after a kill is
    a new folder with all its generations in place of the one before, of which only the losses until then are lost; the
    server of W&B knows what it has, and gets what is new.
    """

    def __init__(self, runs: Path, cell: Cell, score: ScoreConditions) -> None:
        online = os.environ.get("WANDB_MODE") == "online"
        if not online:
            # Otherwise W&B reports its own errors and usage to its maker, offline or not.
            os.environ["WANDB_ERROR_REPORTING"] = "false"
            for earlier in (runs / "wandb").glob(f"offline-run-*-{cell.id}"):
                shutil.rmtree(earlier)
        import wandb

        self._image = wandb.Image
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=cell.id,
            name=cell.slug,
            config=settings_of(cell, score),
            dir=runs.resolve(),
            mode="online" if online else "offline",
            resume="allow" if online else None,
            reinit="create_new",
            save_code=False,
            # What is logged is logged here: nothing about the machine, its files, its user, or what is printed.
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_code=True,
                disable_git=True,
                disable_job_creation=True,
                host="-",
                x_disable_machine_info=True,
                x_disable_meta=True,
                x_disable_stats=True,
                x_save_requirements=False,
            ),
        )
        self._first_step = self._run.starting_step
        self._images_trained = 0
        for name in ("scores/*", "cost/*", "strip"):
            self._run.define_metric(name, step_metric="generation")
        for name, value in floor_of(score).items():
            self._run.summary[name.replace("scores", "floor")] = value

    def log_generation(self, result: GenerationResult, strip: bytes | None) -> None:
        """Log a finished generation; see `Logger`."""
        self._images_trained += result.cost.images_trained
        values: dict[str, object] = {"generation": result.generation, **values_of(result)}
        if strip is not None:
            values["strip"] = self._image(Image.open(io.BytesIO(strip)).convert("RGBA"))
        # One step after the losses, which may have been sent before the process was killed.
        self._log(values, self._images_trained + 1)

    def log_losses(self, losses: Mapping[str, float], images_trained: int) -> None:
        """Log losses of a fit; see `Logger`."""
        self._log({f"losses/{name}": value for name, value in losses.items()}, images_trained)

    def close(self, finished: bool) -> None:
        """End the run; W&B's own process may still be writing what was logged for a moment."""
        self._run.finish(exit_code=0 if finished else 1)

    def _log(self, values: Mapping[str, object], step: int) -> None:
        if step >= self._first_step:
            self._run.log(dict(values), step=step, commit=True)
