"""Runs cells in this process, one after the other, sharing what can be shared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.cells.data_identity import DataIdentity
from bench.cells.record import Record
from bench.cells.task import Task, TierName
from bench.data.draws import RealDraws, check_enough_real_images
from bench.data.real import RealData, check_enough_to_score, in_tier_size, load_real_data
from bench.errors import MEMORY_ADVICE, BadInput, CannotCompile, RunFailed, StorageFailed, first_line, is_out_of_memory
from bench.executors.failures import describe_failure, whole_traceback
from bench.executors.grid import PlannedCell
from bench.features.base import FeatureSpace
from bench.features.build import space_named, task_space
from bench.features.cache import default_cache
from bench.features.label_check import check_labels
from bench.generators.base import Generator
from bench.generators.engine import Engine
from bench.logs.run_log import RunLog
from bench.loop import LoopRun
from bench.methods.contexts import Contexts
from bench.methods.hooks import Hooks
from bench.methods.lineage import Lineage
from bench.process.processes import FailedApart
from bench.process.progress import Progress
from bench.process.shared import RANDOM_STATES, SETTINGS, put_back
from bench.runs import environment
from bench.runs.journal import Journal
from bench.runs.meter import Costs
from bench.runs.pictures import mend_pictures
from bench.runs.run_folder import RunFolder
from bench.runs.stored import Conditions
from bench.scoring.scorer import Reference, Scorer


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: a record, or the error that ended it."""

    planned: PlannedCell
    record: Record | None
    was_finished: bool = False
    error: str | None = None


class CellRunner:
    """Runs cells in this process, which share what no method is given.

    Real images, references and feature spaces are made once and used again by the cells after; of the real images a
    loop hands out copies (`RealDraws`). The generator is handed to the method as it is, so that every cell has a new
    one: it takes a tenth of a second at most, and compiled code is found again by torch, which keeps it by the code
    and the shapes and not by the network. What else a method could leave changed is put back (settings of torch and
    random states), or fails the cell (the benchmark's own code, see `Hooks`).
    """

    def __init__(
        self, runs: Path, given_data: Path | None, engine: Engine, progress: Progress, loggers: Sequence[str] = ()
    ) -> None:
        """Keep the runs in `runs`; `given_data` holds the real images if the data folder does not.

        `loggers` are what draws the curves of the cells: names of `bench.logs.run_log.LOGGERS`.
        """
        self._runs = runs
        self._given_data = given_data
        self._engine = engine
        self._progress = progress
        self._loggers = loggers
        self._data: dict[tuple[str, TierName], RealData] = {}
        self._cache = default_cache(progress)
        self._spaces: dict[tuple[str, str], FeatureSpace] = {}
        self._references: dict[tuple[str, TierName], Reference] = {}
        self._folders: dict[str, RunFolder] = {}

    def check(self, cells: Sequence[PlannedCell]) -> None:
        """Raise where cells cannot be run with what is given: before the first of them starts.

        Raises:
            BadInput: missing data, too little of it, a generator's file that makes no images of the task, a folder
                that was started with other data, or a feature space that is not at hand.
            StorageFailed: a folder that cannot be written.
        """
        for planned in {(p.task.sha256, p.cell.tier, p.cell.generator): p for p in cells}.values():
            planned.generator.try_out(planned.task, planned.cell.tier, self._engine)
        for planned in cells:
            self._open(planned)
        for planned in cells:
            if not self._engine.processes.from_main(self._open(planned).record_path.exists):
                self._space(planned.task, planned.cell.tier)
                for name in planned.method.definition.spaces:
                    self._named_space(name)
        for task, tier in {p.task.sha256: (p.task, p.cell.tier) for p in cells}.values():
            self._note_whether_pinned(task, tier)

    def attempt(self, planned: PlannedCell, progress: Progress) -> Outcome | None:
        """Run a cell to its end and say what became of it, or return None where another process runs it.

        Raises:
            StorageFailed: the runs folder cannot be written, so that no other cell could go on.
        """
        folder, processes = self._open(planned), self._engine.processes
        if processes.is_main:
            progress = progress.kept_in(folder.path)
        if (record := processes.from_main(folder.record)) is not None:
            processes.from_main(lambda: self._mend_pictures(planned, folder))
            progress.note("is finished")
            return Outcome(planned, record, was_finished=True)
        if not processes.from_main(folder.claim):
            return None
        try:
            outcome = self._run(planned, folder, progress)
        finally:
            if processes.is_main:
                folder.release()
        return outcome

    def holder(self, planned: PlannedCell) -> str:
        """Return who runs a cell that `attempt` has returned None for."""
        return self._engine.processes.from_main(lambda: str(self._open(planned).holder or "another process"))

    def _run(self, planned: PlannedCell, folder: RunFolder, progress: Progress) -> Outcome:
        # Another process may have finished it while the claim was waited for.
        processes = self._engine.processes
        if (record := processes.from_main(folder.record)) is not None:
            return Outcome(planned, record, was_finished=True)
        processes.from_main(folder.forget_failure)
        try:
            return Outcome(planned, processes.together(lambda: self._run_cell(planned, folder, progress)))
        except CannotCompile as error:
            # What is finished is kept, and so are the steps of a fit that were saved: the cell goes on from there.
            progress.note(f"{error}; goes on without")
            self._engine = replace(self._engine, compiled=False)
            return self._run(planned, folder, progress)
        except (StorageFailed, FailedApart):
            raise
        except KeyboardInterrupt:
            progress.note(
                f"interrupted with {folder.n_finished} of {planned.cell.loop.generations} generations finished"
            )
            raise
        except (RunFailed, BadInput) as error:
            reason, shown = str(error), str(error)
        except Exception as error:
            if is_out_of_memory(error):
                shown = reason = f"{MEMORY_ADVICE} ({type(error).__name__}: {first_line(error)})"
            else:
                # Most likely a fault of the method's or the generator's own code: its author is shown the calls in it.
                files = filter(None, (planned.method.path, planned.generator.path))
                reason, shown = describe_failure(error, files)
                replace(progress, visible=False).note(whole_traceback(error))  # in the log of the cell's folder
        progress.note(f"failed: {shown}")
        processes.from_main(lambda: folder.keep_failure(reason))
        return Outcome(planned, None, error=reason)

    def _open(self, planned: PlannedCell) -> RunFolder:
        cell = planned.cell
        if cell.id not in self._folders:
            data = self._real(planned.task, cell.tier)
            # Data that is given can be less than the task's, with which the cell was planned.
            check_enough_to_score(planned.task, cell.tier, data)
            check_enough_real_images(planned.task.name, len(data.training), cell.loop)
            conditions = Conditions(
                task_sha256=planned.task.sha256,
                data_sha256=data.training.sha256,
                reference_sha256=data.reference.sha256,
            )
            progress = self._progress.within(cell.slug)
            open_folder = partial(RunFolder.open, self._runs, cell, conditions, progress)
            opened = self._engine.processes.on_main(open_folder)
            # The others name the folder and leave it alone.
            self._folders[cell.id] = opened or RunFolder(self._runs / "cells" / cell.slug, cell, conditions)
        return self._folders[cell.id]

    def _run_cell(self, planned: PlannedCell, folder: RunFolder, progress: Progress) -> Record:
        cell, task = planned.cell, planned.task
        data = self._real(task, cell.tier)
        n = task.tiers[cell.tier].n_score
        draws = RealDraws(data.training, cell.task, cell.seed)
        scorer = Scorer(self._reference(task, cell.tier), draws.all(cell.loop), self._cache, progress)
        generator = _new_generator(planned, self._engine)
        score = scorer.conditions(data.training[:n], progress)
        identity = DataIdentity(sha256=data.training.sha256, pinned=data.pinned, origin=data.origin)
        processes, loggers = self._engine.processes, self._loggers if self._engine.processes.is_main else ()
        with put_back(SETTINGS, RANDOM_STATES), RunLog.open(loggers, self._runs, cell, score, progress) as log:
            return LoopRun(
                cell=cell,
                draws=draws,
                generator=generator,
                method=Hooks(cell.method.name, planned.method.anew().build(), data.training),
                contexts=Contexts(
                    cell, data.training, task.data.n_classes, n, generator,
                    embedding=lambda name: self._named_space(name or task.tiers[cell.tier].embedding),
                    score_space=scorer.space,
                ),
                scorer=scorer,
                n_score=n,
                costs=Costs(generator),
                lineage=Lineage(generator, data.training),
                journal=Journal(
                    self._runs, folder, score, identity, environment.describe(generator.engine), progress, log,
                    processes,
                ),
            ).run()  # fmt: skip

    def _mend_pictures(self, planned: PlannedCell, folder: RunFolder) -> None:
        cell, task = planned.cell, planned.task
        real = RealDraws(self._real(task, cell.tier).training, cell.task, cell.seed).all(cell.loop)
        mend_pictures(folder, real, task.data.n_classes)

    def _real(self, task: Task, tier: TierName) -> RealData:
        key = (task.sha256, tier)
        if key not in self._data:
            data = load_real_data(task, self._given_data, self._progress)
            check_labels(task, data)
            self._data[key] = in_tier_size(task, tier, data)
        return self._data[key]

    def _note_whether_pinned(self, task: Task, tier: TierName) -> None:
        if self._real(task, tier).pinned:
            return
        if task.data.pins_hashes:
            reason = "these images are not the ones whose hashes the task file pins"
        else:
            reason = "the task file pins no hashes that these images could be held against"
        self._progress.note(
            f"task {task.name}: {reason}; the records will say so, and the leaderboard shows them apart"
        )

    def _reference(self, task: Task, tier: TierName) -> Reference:
        key = (task.sha256, tier)
        if key not in self._references:
            real = self._real(task, tier)
            images = real.reference[: task.tiers[tier].n_score]
            self._references[key] = Reference.prepare(
                self._space(task, tier), images, task.score.k, self._cache, self._progress, real.training
            )
        return self._references[key]

    def _space(self, task: Task, tier: TierName) -> FeatureSpace:
        # Only a task's own space is another one in another task.
        key = (task.sha256 if task.features is not None else "", task.space_name(tier))
        if key not in self._spaces:
            self._spaces[key] = task_space(task, tier, self._engine.device, self._progress)
            self._spaces[key].processes = self._engine.processes
        return self._spaces[key]

    def _named_space(self, name: str) -> FeatureSpace:
        """Return one of the feature spaces that belong to no task."""
        key = ("", name)
        if key not in self._spaces:
            self._spaces[key] = space_named(name, self._engine.device, None, self._progress)
            self._spaces[key].processes = self._engine.processes
        return self._spaces[key]


def _new_generator(planned: PlannedCell, engine: Engine) -> Generator:
    task, tier, loaded = planned.task, planned.cell.tier, planned.generator.anew()
    return loaded.build(loaded.settings(task, tier), task.tier_data(tier).shape, engine)
