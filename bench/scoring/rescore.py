"""Score a finished cell in another feature space, from the samples that its run folder kept."""

from collections.abc import Iterator
from pathlib import Path

from bench.cells.floor import score_line
from bench.cells.record import FurtherScores, GenerationResult, Record, Scores, read_record
from bench.data.draws import RealDraws
from bench.data.image_set import ImageSet
from bench.data.real import RealData
from bench.errors import BadInput, Damaged
from bench.features.base import FeatureSpace
from bench.features.cache import FeatureCache
from bench.process.progress import Progress
from bench.runs.run_folder import RunFolder
from bench.runs.samples import image_set
from bench.scoring.scorer import Reference, Scorer


def finished_cell(path: Path) -> Record:
    """Return the record of the cell whose run folder is at `path`.

    Raises:
        BadInput: it is no run folder, the cell is not finished, or its record is damaged.
    """
    if not (path / "cell.json").is_file():
        raise BadInput(f"{path}: not the folder of a cell (RUNS/cells/NAME): there is no cell.json in it")
    if not (path / "record.json").is_file():
        raise BadInput(f"{path}: the cell is not finished: the command that started it goes on with it")
    return read_record(path / "record.json")


def stored_generations(path: Path, record: Record) -> Iterator[tuple[GenerationResult, ImageSet]]:
    """Yield what the run folder of a finished cell says of each generation itself, and its scored images.

    All samples are held against their hashes first; whether they are those of the record is not asked.

    Raises:
        BadInput: files of the run folder at `path` are missing or damaged.
    """
    folder = RunFolder.existing(path)
    try:
        results = [folder.result(t, "samples") for t in range(1, len(record.generations) + 1)]
        for result in results:
            yield result, image_set(folder.tensors(result.generation, "samples"))[: record.score.n]
    except Damaged as error:
        raise BadInput(
            f"{error}: remove {folder.record_path} and {error.path.parent}, and `autophagy run` computes this "
            "generation and those after it again"
        ) from error
    except ValueError as error:
        # The hash fits: so they were written.
        raise BadInput(f"{path}: the samples of a generation are none: {error}") from error


def rescore(path: Path, data: RealData, space: FeatureSpace, cache: FeatureCache, progress: Progress) -> Record:
    """Add the scores of a feature space to the record of a finished cell, and return the record.

    What else the record says does not change. A space that the record has scores in already is left as it is.

    Args:
        path: the run folder of the cell.
        data: the real images of the cell's task.
        space: the feature space.
        cache: keeps what is computed from real images.
        progress: where progress is shown.

    Raises:
        BadInput: other real images than the cell's, or stored samples that are missing or damaged.
    """
    finished_cell(path)
    with RunFolder.existing(path).claimed(progress) as folder:
        record = _with_further_scores(folder, data, space, cache, progress)
        folder.finish(record)
    return record


def _with_further_scores(
    folder: RunFolder, data: RealData, space: FeatureSpace, cache: FeatureCache, progress: Progress
) -> Record:
    path, record = folder.path, finished_cell(folder.path)
    if space.name in (record.score.features, *(further.score.features for further in record.further_scores)):
        progress.note(f"has scores in feature space '{space.name}' already")
        return record
    scorer = scorer_of(path, record, data, space, cache, progress)
    conditions = scorer.conditions(data.training[: record.score.n], progress)
    scores = []
    for result, (sha256, found) in zip(
        record.generations, scored_samples(path, record, scorer, conditions.floor, progress), strict=True
    ):
        if sha256 != result.samples_sha256:
            raise BadInput(f"{path}: the samples of generation {result.generation} are not those of the record")
        scores.append(found)
    further = FurtherScores(score=conditions, generations=tuple(scores))
    return record.model_copy(update={"further_scores": (*record.further_scores, further)})


def scorer_of(
    path: Path, record: Record, data: RealData, space: FeatureSpace, cache: FeatureCache, progress: Progress
) -> Scorer:
    """Return what scores the samples of a cell, against the same real images as its own scores.

    Raises:
        BadInput: `data` are other real images than the cell's; the message begins with `path`.
    """
    reference_images = data.reference[: record.score.n]
    found = (data.training.sha256, reference_images.sha256)
    if found != (record.data.sha256, record.score.reference_sha256):
        raise BadInput(f"{path}: the cell was run with other real images than these: give its own with --data DIR")
    reference = Reference.prepare(space, reference_images, record.score.k, cache, progress, data.training)
    drawn = RealDraws(data.training, record.cell.task, record.cell.seed).all(record.cell.loop)
    return Scorer(reference, drawn, cache, progress)


def scored_samples(
    path: Path, record: Record, scorer: Scorer, floor: Scores, progress: Progress
) -> Iterator[tuple[str, Scores]]:
    """Yield the hash and the scores of the samples that a run folder kept of each generation; show them by the floor.

    Raises:
        BadInput: see `stored_generations`.
    """
    for result, samples in stored_generations(path, record):
        within = progress.within(f"generation {result.generation}/{len(record.generations)}")
        scores = scorer.score(samples, within)
        within.note(score_line(scores, floor))
        yield samples.sha256, scores
