"""The local executor: cells one after the other on one device, sharing what can be shared."""

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import environment
from bench.data.draws import RealDraws, check_enough_real_images
from bench.data.real import RealData, check_enough_to_score, in_tier_size, load_real_data
from bench.errors import BadInput, RunFailed, first_line
from bench.features.base import FeatureSpace
from bench.features.build import space_named, task_space
from bench.features.cache import default_cache
from bench.generators.base import Generator
from bench.generators.build import build_generator
from bench.generators.engine import Engine
from bench.grid import PlannedCell
from bench.loop import LoopRun
from bench.progress import Progress
from bench.record import DataIdentity, Record
from bench.scorer import Reference, Scorer
from bench.store import Conditions, RunFolder
from bench.task import Task, TierName


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: a record, or the error that ended it."""

    planned: PlannedCell
    folder: RunFolder
    record: Record | None
    was_finished: bool = False
    error: str | None = None


class LocalExecutor:
    """Runs cells in this process; tasks, scorers and networks are made once and used again by the cells after."""

    def __init__(self, runs: Path, given_data: Path | None, engine: Engine, progress: Progress) -> None:
        """Keep the runs in `runs`; `given_data` holds the real images if the data folder does not."""
        self._runs = runs
        self._given_data = given_data
        self._engine = engine
        self._progress = progress
        self._data: dict[tuple[str, TierName], RealData] = {}
        self._cache = default_cache()
        self._spaces: dict[tuple[str, str], FeatureSpace] = {}
        self._references: dict[tuple[str, TierName], Reference] = {}
        self._generators: dict[tuple[str, TierName, str], Generator] = {}

    def run(self, cells: Sequence[PlannedCell]) -> Iterator[Outcome]:
        """Run the cells and yield what became of each; a failed cell does not keep the others from running.

        Raises:
            BadInput: missing data, a folder that cannot be written, or a damaged file.
        """
        # Everything that can be wrong with what is given shows before the first cell starts.
        folders = [self._open(planned) for planned in cells]
        for planned, folder in zip(cells, folders, strict=True):
            if folder.record() is None:
                self._space(planned.task, planned.cell.tier)
        for task, tier in {p.task.sha256: (p.task, p.cell.tier) for p in cells}.values():
            self._note_whether_pinned(task, tier)
        for i, (planned, folder) in enumerate(zip(cells, folders, strict=True), start=1):
            progress = self._progress.within(f"[{i}/{len(cells)}] {planned.cell.slug}")
            record = folder.record()
            if record is not None:
                progress.note("is finished")
                yield Outcome(planned, folder, record, was_finished=True)
                continue
            yield self._attempt(planned, folder, progress)

    def _attempt(self, planned: PlannedCell, folder: RunFolder, progress: Progress) -> Outcome:
        try:
            return Outcome(planned, folder, self._run_cell(planned, folder, progress))
        except BadInput:
            raise
        except RunFailed as error:
            progress.note(f"failed: {error}")
            return Outcome(planned, folder, None, error=str(error))
        except Exception as error:
            # Most likely a fault of the method's own code: its author needs the traceback, the other cells go on.
            progress.note(f"failed:\n{traceback.format_exc()}")
            return Outcome(planned, folder, None, error=f"{type(error).__name__}: {first_line(error)}")
        except KeyboardInterrupt:
            done = len(folder.finished())
            progress.note(f"interrupted with {done} of {planned.cell.loop.generations} generations finished")
            raise

    def _open(self, planned: PlannedCell) -> RunFolder:
        data = self._real(planned.task, planned.cell.tier)
        # Data that is given can be less than the task's, with which the cell was planned.
        check_enough_to_score(planned.task, planned.cell.tier, data)
        check_enough_real_images(planned.task.name, len(data.training), planned.cell.loop)
        conditions = Conditions(
            task_sha256=planned.task.sha256,
            data_sha256=data.training.sha256,
            reference_sha256=data.reference.sha256,
        )
        folder = RunFolder.open(self._runs, planned.cell, conditions)
        folder.record()
        return folder

    def _run_cell(self, planned: PlannedCell, folder: RunFolder, progress: Progress) -> Record:
        cell, task = planned.cell, planned.task
        data = self._real(task, cell.tier)
        n = task.tiers[cell.tier].n_score
        drawn = RealDraws(data.training, cell.task, cell.seed).all(cell.loop)
        scorer = Scorer(self._reference(task, cell.tier), drawn, self._cache, progress)
        return LoopRun(
            cell=cell,
            training=data.training,
            n_classes=task.data.n_classes,
            generator=self._generator(cell.generator, task, cell.tier),
            method=planned.method.build(),
            embedding=lambda: self._embedding(task, cell.tier),
            scorer=scorer,
            score=scorer.conditions(data.training[:n], progress),
            data=DataIdentity(sha256=data.training.sha256, pinned=data.pinned),
            task_sha256=task.sha256,
            environment=environment.describe(self._engine),
            runs=self._runs,
            folder=folder,
            progress=progress,
        ).run()

    def _real(self, task: Task, tier: TierName) -> RealData:
        key = (task.sha256, tier)
        if key not in self._data:
            data = load_real_data(task, self._given_data, self._progress)
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
            images = self._real(task, tier).reference[: task.tiers[tier].n_score]
            space = self._space(task, tier)
            self._references[key] = Reference.prepare(space, images, task.score.k, self._cache, self._progress)
        return self._references[key]

    def _space(self, task: Task, tier: TierName) -> FeatureSpace:
        # Only a task's own space is another one in another task.
        key = (task.sha256 if task.features is not None else "", task.space_name(tier))
        if key not in self._spaces:
            self._spaces[key] = task_space(task, tier, self._engine.device, self._progress)
        return self._spaces[key]

    def _embedding(self, task: Task, tier: TierName) -> FeatureSpace:
        key = ("", task.tiers[tier].embedding)
        if key not in self._spaces:
            self._spaces[key] = space_named(key[1], self._engine.device, None, self._progress)
        return self._spaces[key]

    def _generator(self, name: str, task: Task, tier: TierName) -> Generator:
        key = (task.sha256, tier, name)
        if key not in self._generators:
            settings = task.tiers[tier].generator_settings(name)
            self._generators[key] = build_generator(settings, task.tier_data(tier), self._engine)
        return self._generators[key]
