"""Verify a record: run its cell again, or score its kept samples again, and hold what is found against it."""

from pathlib import Path

from bench import paths
from bench.cells.agreement import Agreement, Finding, FoundGeneration
from bench.cells.choices import Choices
from bench.cells.earlier_files import earlier_file
from bench.cells.parameters import describe_parameters
from bench.cells.record import Record
from bench.cells.task import Task, task_names
from bench.cells.task_files import KnownTasks
from bench.data.real import RealData, in_tier_size, load_real_data
from bench.errors import BadInput, RunFailed
from bench.executors.grid import PlannedCell, plan_cells
from bench.executors.local import LocalExecutor
from bench.features.build import task_space
from bench.features.cache import default_cache
from bench.files.hashing import file_sha256
from bench.generators.engine import Engine
from bench.paths import baseline_names
from bench.process.progress import Progress
from bench.runs import environment
from bench.scoring.rescore import finished_cell, scored_samples, scorer_of

# Of an environment, what rounds in another way on the same device.
ROUNDS = ("torch", "threads", "bfloat16", "compiled", "deterministic")
OF_IMAGES = ("data.sha256", "data.pinned", "score.reference_sha256")


def task_of(
    path: Path, record: Record, given_data: Path | None, progress: Progress, task_file: Path | None = None
) -> tuple[Task, RealData]:
    """Return the task of a record and its real images, once both are known to be those of the record.

    Args:
        path: the file of the record, named in messages.
        record: what is to be verified.
        given_data: holds the real images if the data folder does not.
        progress: where progress is shown.
        task_file: of the task, where it is neither of the package nor in the record's leaderboard.

    Raises:
        BadInput: a frozen record, or other real images, or other conditions than the task's.
    """
    cell = record.cell
    tasks = KnownTasks(path.resolve().parent.parent / "tasks", [task_file] if task_file is not None else [])
    task = tasks.of_record(path, cell)
    data = in_tier_size(task, cell.tier, load_real_data(task, given_data, progress))
    n = task.tiers[cell.tier].n_score
    here = {
        "task_sha256": (record.task_sha256 or task.sha256, task.sha256),  # schema 1 did not say
        "score.features": (record.score.features, task.space_name(cell.tier)),
        "score.n": (record.score.n, n),
        "score.k": (record.score.k, task.score.k),
        "data.sha256": (record.data.sha256, data.training.sha256),
        "data.pinned": (record.data.pinned, data.pinned),
        "score.reference_sha256": (record.score.reference_sha256, data.reference[:n].sha256),
    }
    for key, (reported, found) in here.items():
        if reported != found:
            advice = ": give the cell's own real images with --data PATH" if key in OF_IMAGES else ""
            raise BadInput(f"{path}: {key} is {reported}, the task has {found} here{advice}")
    return task, data


def plan_again(
    path: Path, record: Record, task: Task, method_file: Path | None, generator_file: Path | None = None
) -> PlannedCell:
    """Return the cell of a record, ready to be run.

    A baseline is run without more. The file of another method or generator is somebody's program and runs only where
    it is given.

    Args:
        path: the file of the record.
        record: what is to be verified.
        task: of its cell.
        method_file: the file of its method, where that is no baseline of this package.
        generator_file: the file of its generator, where that is not one of the benchmark's own.

    Raises:
        BadInput: the method is not at hand, or is another than the record's, or the cell cannot be run.
    """
    cell, loop = record.cell, record.cell.loop
    source = _method_source(path, record, method_file)
    [planned] = plan_cells(
        Choices(
            tasks=[task.name if task.name in task_names() else str(task.path)],
            generators=[_generator_source(path, record, generator_file)],
            loops=[loop.kind],
            methods=[":".join(filter(None, (source, describe_parameters(cell.method.params))))],
            sampling_biases=[loop.sampling_bias],
            seeds=[cell.seed],
            tier=cell.tier,
            pool=loop.pool,
            protocol=loop.protocol,
            contamination=loop.contamination,
            generations=loop.generations,
            n_initial=loop.n_initial,
            n_real=loop.n_real,
            n_synthetic=loop.n_synthetic,
        )
    )
    if planned.cell != cell:
        raise BadInput(
            f"{path}: the files give another cell, with method {planned.cell.method.model_dump_json()} and generator "
            f"{planned.cell.generator.model_dump_json()} in place of {cell.method.model_dump_json()} and "
            f"{cell.generator.model_dump_json()}"
        )
    return planned


def _method_source(path: Path, record: Record, method_file: Path | None) -> str:
    """Return what `load_method` loads the method by; its code has not run when its hash is looked at."""
    method = record.cell.method
    if method_file is not None:
        _check_given("method", method_file, method.name, method.sha256)
        return str(method_file)
    if method.name in baseline_names():
        if (found := file_sha256(paths.BASELINES / f"{method.name}.py")) == method.sha256:
            return method.name
        if earlier := earlier_file(method):
            raise BadInput(
                f"{path}: is of the baseline {method.name} as it was before {earlier.date} (sha256 "
                f"{method.sha256[:12]}..., now {found[:12]}...; {earlier.what}): verify it with the benchmark of its "
                f"commit, {record.environment.git_commit or 'which it does not name'}, or a new record of the "
                "present file"
            )
        raise BadInput(
            f"{path}: the method is not the baseline {method.name} of this package, whose sha256 is {found[:12]}..., "
            f"that of the record's is {method.sha256[:12]}...: read the record's file, and give it with --method FILE"
        )
    raise _unasked(path, "method", method.name)


def _generator_source(path: Path, record: Record, generator_file: Path | None) -> str:
    """Return what `load_generator` loads the generator by, with its parameters; its code has not run yet."""
    generator = record.cell.generator
    if generator.sha256 is None:
        if generator_file is not None:
            raise BadInput(f"--generator {generator_file}: the generator of the record, {generator.name}, has no file")
        return generator.name
    if generator_file is None:
        raise _unasked(path, "generator", generator.name)
    _check_given("generator", generator_file, generator.name, generator.sha256)
    return ":".join(filter(None, (str(generator_file), describe_parameters(generator.params))))


def _check_given(what: str, file: Path, name: str, sha256: str) -> None:
    """Raise where a file that is given is not the one that the record was run with."""
    if not file.is_file():
        raise BadInput(f"--{what} {file}: no such file")
    if (file.stem, file.suffix) != (name, ".py"):
        raise BadInput(f"--{what} {file}: the record is of {what} '{name}': give its .py file")
    if (found := file_sha256(file)) != sha256:
        raise BadInput(
            f"--{what} {file}: its sha256 is {found[:12]}..., that of the record's {what} is {sha256[:12]}...: the "
            "record is of another version of the file"
        )


def _unasked(path: Path, what: str, name: str) -> BadInput:
    submitted = path.resolve().parent.parent / f"{what}s" / f"{name}.py"
    is_there = submitted.is_file()
    return BadInput(
        f"{path}: {what} '{name}' is somebody's program and is not run unasked: read its file"
        f"{f', {submitted},' if is_there else ''} and give it with --{what} {submitted if is_there else 'FILE'}"
    )


def run_again(
    path: Path,
    record: Record,
    planned: PlannedCell,
    runs: Path,
    given_data: Path | None,
    engine: Engine,
    progress: Progress,
) -> Finding:
    """Run the cell of a record once more, or go on with the run of an earlier attempt, and return what is found.

    Args:
        path: the file of the record.
        record: what is to be verified.
        planned: its cell.
        runs: the folder of verification runs; not that of the run which the record is of.
        given_data: holds the real images if the data folder does not.
        engine: what it runs on.
        progress: where progress is shown.

    Raises:
        BadInput: missing data, a damaged file, or the very run that the record is of.
        RunFailed: the cell could not be run to its end.
    """
    [outcome] = LocalExecutor(runs, given_data, engine, progress).run([planned])
    if outcome.record is None:
        raise RunFailed(f"{planned.cell.slug}: {outcome.error}")
    again = outcome.record
    # The clock tells runs apart: no two take equally long to a fraction of a microsecond.
    for reported, found in zip(record.generations, again.generations, strict=True):
        if reported.cost.seconds == found.cost.seconds:
            raise BadInput(
                f"{runs / 'cells' / planned.cell.slug}: generation {reported.generation} is that of the run which "
                f"{path} is of, and verifies nothing: give another folder with --runs DIR"
            )
    _check_network(path, record, again.score.features_sha256)
    generations = tuple(FoundGeneration.of(result) for result in again.generations)
    return Finding(floor=again.score.floor, generations=generations, environment=again.environment)


def score_again(
    path: Path, record: Record, folder: Path, task: Task, data: RealData, engine: Engine, progress: Progress
) -> Finding:
    """Score the kept samples of a record's cell, in its own feature space; no code of its method runs.

    Args:
        path: the file of the record.
        record: what is to be verified.
        folder: the run folder of the cell.
        task: of the cell.
        data: its real images.
        engine: what the features are computed on.
        progress: where progress is shown.

    Raises:
        BadInput: the folder of another cell, or one with samples that are missing or damaged.
    """
    if (kept := finished_cell(folder).cell) != record.cell:
        raise BadInput(f"--samples {folder}: is the run of cell {kept.slug}, {path} is of {record.cell.slug}")
    space = task_space(task, record.cell.tier, engine.device, progress)
    _check_network(path, record, space.sha256)
    scorer = scorer_of(folder, record, data, space, default_cache(progress), progress)
    floor = scorer.conditions(data.training[: record.score.n], progress).floor
    generations = tuple(
        FoundGeneration(generation=t, scores=scores, samples_sha256=sha256)
        for t, (sha256, scores) in enumerate(scored_samples(folder, record, scorer, floor, progress), start=1)
    )
    return Finding(floor=floor, generations=generations, environment=environment.describe(engine))


def _check_network(path: Path, record: Record, sha256: str) -> None:
    if record.score.features_sha256 != sha256:
        raise BadInput(
            f"{path}: score.features_sha256 is {record.score.features_sha256}, that of '{record.score.features}' is "
            f"{sha256} here: the scores are of another network"
        )


def notes_on(record: Record, finding: Finding, agreement: Agreement) -> list[str]:
    """Return what a reader of the comparison should know, one sentence or two each."""
    notes = []
    theirs, ours = record.environment, finding.environment
    on_cpu = theirs.driver is None
    if not agreement.rescored and agreement.same_environment and on_cpu and not agreement.identical:
        notes.append(
            "The samples are not the same bits, which on a CPU they are expected to be: device, threads and versions "
            "are the record's. The code of the benchmark or of the method may have changed."
        )
    other = [f"{name} {getattr(theirs, name)}, here {getattr(ours, name)}" for name in ROUNDS
             if getattr(theirs, name) != getattr(ours, name)]  # fmt: skip
    if other and not agreement.rescored and not agreement.identical and theirs.device == ours.device:
        notes.append(
            f"The samples are not the same bits: the record was run with {'; '.join(other)}. With the same settings "
            "the comparison is closer, on a CPU to the last bit."
        )
    if not agreement.rescored and not agreement.agrees and theirs.device != ours.device:
        notes.append(
            f"The record is from {theirs.device}, this is {ours.device}: a run on the record's kind of device, with "
            "the same random numbers in training, decides more closely."
        )
    if agreement.rescored:
        notes.append("No cell was run: this says that the scores are those of these samples, not where they are from.")
    if record.further_scores:
        spaces = ", ".join(further.score.features for further in record.further_scores)
        notes.append(f"The scores in other feature spaces ({spaces}) are not looked at.")
    return notes
