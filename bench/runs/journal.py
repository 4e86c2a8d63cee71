"""What a running loop writes down, and finds again when it was killed.

Of the processes that run a cell together the main one reads and writes; the others are told what it found. A loop
needs not know of either, nor of the logs.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from torch import Tensor

from bench.cells.data_identity import DataIdentity
from bench.cells.floor import score_line
from bench.cells.record import Environment, GenerationResult, Record, ScoreConditions
from bench.cells.retraining import Uses
from bench.data.image_set import ImageSet
from bench.errors import Damaged
from bench.files.tensors import tensors_sha256
from bench.generators.base import Generator
from bench.logs.run_log import RunLog
from bench.process.interruption import stop_if_asked
from bench.process.processes import ALONE, Processes
from bench.process.progress import Progress
from bench.runs.checkpoints import Checkpoints
from bench.runs.first_generation import first_generation
from bench.runs.run_folder import RunFolder
from bench.runs.samples import image_set, image_tensors
from bench.runs.stored import TrainingCost


@dataclass(frozen=True)
class Journal:
    """The journal of one cell.

    Attributes:
        runs: the folder of all runs, where cells share G^1.
        folder: the run folder of this cell.
        score: the conditions of the score.
        data: the identity of the real images.
        environment: what it runs on.
        progress: where progress is shown.
        log: what draws the cell's curves.
        processes: those that run this cell together; all call the same methods in the same order.
    """

    runs: Path
    folder: RunFolder
    score: ScoreConditions
    data: DataIdentity
    environment: Environment
    progress: Progress
    log: RunLog
    processes: Processes = ALONE

    def finished(self) -> list[GenerationResult]:
        """Return the results of the generations that are finished, from the first on."""
        n = self.folder.cell.loop.generations
        results = self.processes.from_main(self.folder.finished)
        if results:
            self.progress.note(f"resumes: generations 1 to {len(results)} of {n} are finished")
            with suppress(Damaged):  # the rows of a cell that only lacks its record may have been cleaned away
                self.processes.from_main(lambda: self.folder.draw_strip(len(results)))
        for result in results:
            self._log(result)
        return results

    def tensors(self, t: int, name: str) -> dict[str, Tensor]:
        """Return what was kept of a finished generation under this name."""
        return self.processes.from_main(lambda: self.folder.tensors(t, name))

    def images(self, t: int, name: str) -> ImageSet:
        """Return images that were kept of a finished generation under this name."""
        return image_set(self.tensors(t, name))

    def progress_of(self, t: int, results: Sequence[GenerationResult], generator: Generator) -> Progress:
        """Return where generation t shows its progress, and logs the losses by the images that the cell has trained.

        Args:
            t: counted from 1.
            results: of the generations before it.
            generator: what is trained.
        """
        progress = self.progress.within(f"generation {t}/{self.folder.cell.loop.generations}")
        if not self.log:
            return progress
        work, log = generator.work, self.log
        before = sum(result.cost.images_trained for result in results) - work.images_trained
        return replace(progress, log_losses=lambda losses: log.losses(losses, before + work.images_trained))

    def checkpoints(self, fit_seed: int) -> Checkpoints:
        """Return where the unfinished fits of the generation with this seed are kept."""
        return Checkpoints(self.folder, str(fit_seed), self.processes)

    def first_generation(self, generator: Generator, real: ImageSet, seed: int, progress: Progress) -> TrainingCost:
        """Train G^1, or take it from where another cell has trained it; see `first_generation`."""
        return first_generation(self.runs, self.folder.cell.generator, generator, real, seed, self.processes, progress)

    def keep(
        self,
        result: GenerationResult,
        images: Mapping[str, ImageSet],
        states: Mapping[str, Mapping[str, Tensor]],
        checkpoints: Checkpoints,
        progress: Progress,
    ) -> None:
        """Keep a generation, with which it is finished, and only then forget how far its fits had come.

        Args:
            result: of the generation.
            images: what is kept of it under which name; `strip` is its row of the collapse strip.
            states: of the model and of the method.
            checkpoints: of its fits.
            progress: where its scores are shown.

        Raises:
            RunFailed: the processes have not come to the same.
            Interrupted: the process was asked to end; the generation is kept.
        """
        t, scores = result.generation, result.scores
        files = {name: image_tensors(of) for name, of in images.items()} | dict(states)
        for name, tensors in files.items():
            self.processes.check_same(f"the {name} of generation {t}", partial(tensors_sha256, tensors, {}))
        self.processes.from_main(lambda: self.folder.finish_generation(result, files))
        checkpoints.remove()
        self.processes.from_main(lambda: self.folder.draw_strip(t))
        self._log(result)
        stop_if_asked()
        progress.note(score_line(scores, self.score.floor))

    def draw_sheet(self, real: ImageSet, n_classes: int | None) -> None:
        """Keep the sheet of samples of a cell whose generations are all finished; arguments as for the folder's."""
        with suppress(Damaged):  # the samples of a cell that only lacks its record may have been cleaned away
            self.processes.from_main(lambda: self.folder.draw_sheet(real, n_classes))

    def finish(self, results: Sequence[GenerationResult], uses: Uses) -> Record:
        """Write the record, with which the cell is finished; `uses` are those that the method declares."""
        cell = self.folder.cell
        record = Record(
            cell_id=cell.id,
            cell=cell,
            task_sha256=self.folder.conditions.task_sha256,
            uses=uses,
            score=self.score,
            data=self.data,
            generations=tuple(results),
            environment=self.environment,
        )
        self.processes.from_main(lambda: self.folder.finish(record))
        return record

    def _log(self, result: GenerationResult) -> None:
        """Log a finished generation, with the strip as it was then."""
        if self.log:
            strip = None
            with suppress(Damaged):
                strip = self.folder.strip(result.generation)
            self.log.generation(result, strip)
