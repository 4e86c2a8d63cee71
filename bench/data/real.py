"""The real images of a task: read, split, and held against the hashes that the task pins."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from bench import paths
from bench.cells.task import Task, TierName
from bench.data.files import ImageFiles
from bench.data.given import read_given
from bench.data.hub import HubSet, fetch, is_hub
from bench.data.image_set import ImageSet
from bench.data.reading import Reading, note_lines
from bench.data.sets import open_images
from bench.data.sources import SOURCES
from bench.data.stored import Stored, read_stored, write_stored
from bench.errors import BadInput
from bench.process.progress import Progress

QUIET = Progress(visible=False)


@dataclass(frozen=True)
class RealData:
    """The real images of a task.

    Attributes:
        training: what generators and methods may draw from.
        reference: held-out images that only the scorer sees.
        pinned: whether both are the images whose hashes the task file names.
        read: how they were read, where somebody gave them: a line each.
        origin: what was fetched from the hub, with its revision; None where nothing was.
    """

    training: ImageSet
    reference: ImageSet
    pinned: bool
    read: tuple[str, ...] = ()
    origin: str | None = None


def load_real_data(task: Task, given: Path | None = None, progress: Progress = QUIET) -> RealData:
    """Read a task's real images.

    Args:
        task: names the source, the sizes and the hashes.
        given: a folder in the source's layout, a folder, zip archive or parquet file of images, or hf:OWNER/NAME,
            a data set of the hub; by default what `autophagy data` has put into the data folder, or what lies where
            the task file says.
        progress: where progress is shown.

    Raises:
        BadInput: missing or unreadable data, or images of another shape than the task's; it says what to do.
    """
    if given is not None:
        return _read(task, given, progress)
    folder = _folder(task)
    stored = read_stored(folder)
    # What is stored may be of another task of the same name.
    if task.data.path is not None and (stored is None or not _are_pinned(task, (stored.training, stored.reference))):
        return _read_path(task, task.data.path, progress)
    if stored is None:
        return _checked(task, folder, _read_source(task, folder))
    note_lines(folder, stored.read, progress)
    return _checked(task, folder, (stored.training, stored.reference), stored.read, stored.origin)


def store_real_data(
    task: Task, given: Path | None, progress: Progress = QUIET, check: Callable[[Task, RealData], None] | None = None
) -> RealData:
    """Get a task's real images, and put them into the data folder, where `load_real_data` finds them.

    Args:
        task: names the source, the sizes and the hashes.
        given: as for `load_real_data`; by default what lies where the task file says, or the source is asked, which
            may download them.
        progress: where progress is shown.
        check: raises BadInput where the images are not to be kept.

    Raises:
        BadInput: as `load_real_data`, or a folder that cannot be written.
    """
    folder = _folder(task)
    if given is not None:
        data = _read(task, given, progress)
    elif task.data.path is not None:
        data = _read_path(task, task.data.path, progress)
    else:
        data = _fetched(task, folder, progress)
    if check is not None:
        check(task, data)
    write_stored(folder, Stored(data.training, data.reference, data.read, data.origin))
    return data


def _fetched(task: Task, folder: Path, progress: Progress) -> RealData:
    """Return a task's images from where they are published, or from the copy on the hub that its file names."""
    source, hub = SOURCES[task.data.source], task.data.hub
    if hub is not None and not source.downloads and read_stored(folder) is None:
        return _read_hub(task, HubSet.parse(hub), progress)
    try:
        source.fetch(folder)
    except BadInput as error:
        if hub is None:
            raise BadInput(f"{error}: {_by_hand(task, None)}") from error
        progress.note(f"{error}; its copy on the hub is tried, {hub}")
        return _read_hub(task, HubSet.parse(hub), progress)
    if source.downloads:
        return _checked(task, folder, _read_source(task, folder))
    return load_real_data(task, None, progress)


def _read_hub(task: Task, wanted: HubSet, progress: Progress) -> RealData:
    """Return the images of a data set of the hub; the task's own copy has its classes in their order."""
    is_own = task.data.hub == f"hf:{wanted.name}"
    with fetch(wanted, paths.data_folder() / "hub", progress, _by_hand(task, wanted), numbered=is_own) as files:
        return _read_files(task, files, progress)


def _by_hand(task: Task, hub: HubSet | None) -> str:
    """Return what a user can do where nothing can be fetched."""
    ways = [
        f"run `autophagy data {task.name}` where there is a network, and copy {_folder(task)} from there",
        *([] if hub is None else [f"get the parquet files of {hub} and give --from FOLDER"]),
        "get what the task file cites and give --from, the folder or zip of its images",
    ]
    return "by hand: " + "; ".join(f"({number}) {way}" for number, way in enumerate(ways, 1))


def in_tier_size(task: Task, tier: TierName, data: RealData) -> RealData:
    """Return the images as a tier sees them: shrunk where the tier has a size of its own."""
    size = task.tier_data(tier).size
    if size == task.data.size:
        return data
    assert size is not None  # points have none in any tier
    return replace(data, training=_shrunk(data.training, size), reference=_shrunk(data.reference, size))


def _shrunk(images: ImageSet, size: int) -> ImageSet:
    """Return images with each square of pixels replaced by its mean, rounded; as Pillow's `reduce` does."""
    factor = images.images.shape[-1] // size
    parts = []
    for part in images.images.split(1000):
        squares = part.unflatten(3, (size, factor)).unflatten(2, (size, factor))
        means = (squares.sum((3, 5), dtype=torch.int32) + factor**2 // 2) // factor**2
        parts.append(means.to(torch.uint8))
    return ImageSet(torch.cat(parts), images.labels)


def check_enough_to_score(task: Task, tier: TierName, data: RealData) -> None:
    """Raise BadInput where a part has fewer images than the tier scores."""
    n = task.tiers[tier].n_score
    for part, images in (("training", data.training), ("reference", data.reference)):
        if len(images) < n:
            raise BadInput(
                f"the tier {tier} of task '{task.name}' scores n_score = {n} images against as many real ones, these "
                f"are {len(images)} {part} images: give more, or choose another tier"
            )


def _folder(task: Task) -> Path:
    return paths.data_folder() / task.name


def _read_path(task: Task, path: Path, progress: Progress) -> RealData:
    there = task.path.parent / path
    if not there.exists():
        raise BadInput(
            f"{task.path}: data.path is {path}, and there is nothing at {there}: give the folder or zip that the "
            "images are in with --data PATH"
        )
    return _read(task, there, progress)


def _read(task: Task, given: Path, progress: Progress) -> RealData:
    if task.data.dimensions is not None:
        raise BadInput(f"{given}: task '{task.name}' makes its points, there is nothing to give")
    if is_hub(given):
        return _read_hub(task, HubSet.parse(str(given)), progress)
    source = SOURCES[task.data.source]
    if source.holds(given):
        return _checked(task, given, _read_source(task, given))
    with open_images(given) as files:
        files.check_any("no images" if source.inside is None else f"neither a folder {source.inside} nor images")
        return _read_files(task, files, progress)


def _read_files(task: Task, files: ImageFiles, progress: Progress) -> RealData:
    reading = Reading(files.origin or str(files.path))
    found = read_given(files, task.data, progress, reading)
    reading.note(progress)
    return _checked(task, files.path, found, reading.all_lines, files.origin)


def _read_source(task: Task, folder: Path) -> tuple[ImageSet, ImageSet]:
    return SOURCES[task.data.source].read(folder, task.data.training, task.data.reference)


def _checked(
    task: Task,
    path: Path,
    found: tuple[ImageSet, ImageSet],
    read: tuple[str, ...] = (),
    origin: str | None = None,
) -> RealData:
    """Return the images as those of the task; BadInput where they have another shape, or no labels."""
    training, reference = found[0][: task.data.training], found[1][: task.data.reference]
    for images in (training, reference):
        shape = tuple(images.images.shape[1:])
        if shape != task.data.image_shape:
            raise BadInput(f"{path}: images of shape {shape}, task '{task.name}' needs {task.data.image_shape}")
        if task.data.classes and images.labels is None:
            raise BadInput(f"{path}: images without labels, task '{task.name}' has classes")
    if not task.data.classes:
        training, reference = ImageSet(training.images), ImageSet(reference.images)
    return RealData(training, reference, _are_pinned(task, (training, reference)), read, origin)


def _are_pinned(task: Task, found: tuple[ImageSet, ImageSet]) -> bool:
    return (found[0].sha256, found[1].sha256) == (task.data.training_sha256, task.data.reference_sha256)
