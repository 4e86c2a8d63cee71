"""`autophagy new-task`: a task file for images of one's own, with the budgets of the nearest task of the package."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.cells.loops import LoopKind
from bench.cells.task import CPU_TIERS, Task, TierName, TierSection, load_task, task_names
from bench.cells.task_sections import DataSection, LoopSizes
from bench.cells.task_text import toml_lines, toml_value
from bench.data.files import ImageFiles
from bench.data.given import read_given
from bench.data.image_set import ImageSet
from bench.data.reading import Reading
from bench.data.sets import open_images
from bench.data.splits import GivenFile, split_of
from bench.errors import BadInput
from bench.files.atomic import write_text
from bench.files.limits import MOST_NAME_CHARACTERS, MOST_SIDE
from bench.files.validation import shown
from bench.process.progress import Progress

K = 5  # neighbours in precision and recall
MOST_REFERENCE = 10_000
REFERENCE_SHARE = 4  # one image of four is held out, where the folder does not say which
LISTED_SIZES = 3


@dataclass(frozen=True)
class NewTask:
    """What was written.

    Attributes:
        path: of the file.
        task: that it says.
        nearest: the task whose budgets it has.
        notes: what its author should know, a sentence each.
    """

    path: Path
    task: Task
    nearest: str
    notes: tuple[str, ...]


def write_new_task(
    name: str, source: Path, folder: Path, size: int | None, tiers: Sequence[TierName] | None, progress: Progress
) -> NewTask:
    """Write NAME.toml, a task of the images in a folder or zip archive; they stay where they are.

    Args:
        name: of the task and its file.
        source: the images, laid out as for `read_given`; as the file is to name it, from `folder` on if relative.
        folder: where the file goes.
        size: that images are resized to; by default the one that all of them have.
        tiers: that the file is to have; None for all that the nearest task has.
        progress: where progress is shown.

    Raises:
        BadInput: a name that no new task can have, a file that is there already, images that make no task, a tier
            that the nearest task does not have, or a folder that cannot be written.
    """
    _check_name(name)
    path = folder / f"{name}.toml"
    if path.exists():
        raise BadInput(f"{path}: there is such a file already: choose another name")
    if size is not None and not 1 <= size <= MOST_SIDE:
        raise BadInput(f"--size {size}: choose from 1 to {MOST_SIDE}")
    with open_images(folder / source) as files:
        files.check_any(named=source)
        parts, _ = split_of(files)
        classes = _classes(source, parts)
        n_training, n_reference = _split(source, parts)
        found_size, channels = _look(source, files, size, progress)
        data = DataSection(
            source="image_files", path=Path(source.as_posix()), channels=channels, size=found_size, classes=classes,
            training=n_training, reference=n_reference,
        )  # fmt: skip
        reading = Reading(str(source))
        training, reference = read_given(files, data, progress, reading)
        reading.note(progress)
    hashes = {"training_sha256": training.sha256, "reference_sha256": reference.sha256}
    data = data.model_copy(update=hashes)
    nearest = nearest_task(channels, found_size)
    chosen = list(nearest.tiers if tiers is None else tiers)
    if missing := [tier for tier in chosen if tier not in nearest.tiers]:
        raise BadInput(f"--tier {missing[0]}: {nearest.name}, the nearest task, has {', '.join(nearest.tiers)}")
    text = "\n".join(_lines(name, data, nearest, {tier: _tier(data, nearest, tier) for tier in chosen})) + "\n"
    write_text(path, text)
    return NewTask(path, load_task(str(path)), nearest.name, tuple(_notes(training, nearest, data, chosen)))


def nearest_task(channels: int, size: int) -> Task:
    """Return the task of the package that is nearest to images of this kind: of as many channels, then by the size."""
    tasks = [task for task in map(load_task, task_names()) if task.data.channels == channels]
    return min(tasks, key=lambda task: abs(math.log((task.data.size or 1) / size)))


def _check_name(name: str) -> None:
    if not re.fullmatch("[a-z0-9_]+", name) or len(name) > MOST_NAME_CHARACTERS:
        raise BadInput(f"new-task {shown(name)}: use lower case, digits and _")
    if name in task_names():
        raise BadInput(f"new-task {name}: is a task of the package ({', '.join(task_names())}): choose another name")


def _classes(source: Path, parts: Sequence[Sequence[GivenFile]]) -> tuple[str, ...]:
    """Return the names of the classes, none where the images lie in no folders and have no labels."""
    counts = Counter(file.class_name for part in parts for file in part)
    if set(counts) == {""}:
        return ()
    for name, count in sorted(counts.items()):
        if not name.isprintable():
            raise BadInput(f"{source}: the class folder {shown(name)} has characters that cannot be shown: rename it")
        if name and count < 2:
            raise BadInput(
                f"{source}: class '{name}' has 1 image: each class needs at least 2, one to learn from and one to "
                "score against"
            )
    names = [name for name in counts if name]
    return tuple(sorted(names, key=lambda name: (int(name), name) if all(map(str.isdecimal, names)) else (0, name)))


def _split(source: Path, parts: Sequence[Sequence[GivenFile]]) -> tuple[int, int]:
    """Return how many images there are to learn from and to score against."""
    if len(parts) == 2:
        n_training, n_reference = map(len, parts)
    else:
        n_reference = min(MOST_REFERENCE, len(parts[0]) // REFERENCE_SHARE)
        n_training = len(parts[0]) - n_reference
    if min(n_training, n_reference) <= K:
        n = sum(map(len, parts))
        needed = f"{K + 1} in each of the two folders" if len(parts) == 2 else f"{REFERENCE_SHARE * (K + 1)}"
        raise BadInput(f"{source}: {n} image{'s' * (n != 1)}: a task needs at least {needed}")
    return n_training, n_reference


def _look(source: Path, files: ImageFiles, size: int | None, progress: Progress) -> tuple[int, int]:
    """Return the size and the channels of all images; `BadInput` where they have no one size and none is given."""
    sizes: Counter[tuple[int, int]] = Counter()
    all_grey = True
    with progress.bar("look", len(files.names), short=True) as bar:
        for name in files.names:
            found, is_grey = files.look(name)
            sizes[found] += 1
            all_grey &= is_grey
            bar.update()
    channels = 1 if all_grey else 3
    listed = ", ".join(f"{width} x {height}" for (width, height), _ in sizes.most_common(LISTED_SIZES))
    more = f" and {len(sizes) - LISTED_SIZES} more" if len(sizes) > LISTED_SIZES else ""
    if oblong := next((found for found in sizes if found[0] != found[1]), None):
        raise BadInput(
            f"{source}: images of {oblong[0]} x {oblong[1]} pixels, give square images: crop them "
            f"(sizes: {listed}{more})"
        )
    if size is not None:
        return size, channels
    if len(sizes) > 1:
        raise BadInput(
            f"{source}: images of {len(sizes)} sizes ({listed}{more}): a task has one: --size N resizes them"
        )
    [(width, _)] = sizes
    return width, channels


def _tier(data: DataSection, nearest: Task, name: TierName) -> dict[str, Any]:
    """Return a tier with the budgets of the nearest task's, cut to what there is."""
    template = nearest.tiers[name]
    whole, wanted = data.image_shape[-1], nearest.tier_data(name).image_shape[-1]
    size = _size(whole, template, wanted)
    if size is None:
        raise BadInput(
            f"--size {whole}: {' and '.join(template.generators)} of task '{nearest.name}' cannot fold and halve "
            f"images of {whole} pixels: give --size {wanted}"
        )
    space, embedding = _spaces(name, template)
    tier: dict[str, Any] = {"n_score": min(template.n_score, data.training, data.reference)}
    if size != whole:
        tier["size"] = size
    tier["features"] = space
    if embedding not in (space, "identity"):
        tier["embedding"] = embedding
    kept = template.model_dump(
        mode="json", exclude_none=True, exclude={"loops", "generators", "embedding", "size", *tier}
    )
    return tier | kept | {"loops": _loops(data.training, template.loops), "generators": template.generators}


def _size(whole: int, template: TierSection, wanted: int) -> int | None:
    """Return the size, of those that the images can be shrunk to, that is nearest to the one the budgets are for."""
    for size in sorted((n for n in range(1, whole + 1) if whole % n == 0), key=lambda n: abs(math.log(n / wanted))):
        try:
            for generator in template.generators:
                template.generator_settings(generator).check((1, size, size))
        except ValueError:
            continue
        return size
    return None


def _spaces(name: TierName, template: TierSection) -> tuple[str, str]:
    """Return the feature spaces of the score and of what methods see."""
    if template.features is not None and template.features != "efficientnet-lite0":
        return template.features, template.embedding
    if name not in CPU_TIERS:
        return "inception", "efficientnet-lite0"
    return ("efficientnet-lite0" if find_spec("efficientnet_lite_pytorch") else "identity"), "identity"


def _loops(n_training: int, loops: Mapping[LoopKind, LoopSizes]) -> dict[LoopKind, dict[str, int]]:
    """Return the sizes of the loops; where there are fewer images, all loops begin with the same two fifths of them.

    These are the proportions of the task digits, whose fresh-data loop uses up its images too.
    """
    found: dict[LoopKind, dict[str, int]] = {}
    enough = all(_needed(kind, sizes.model_dump()) <= n_training for kind, sizes in loops.items())
    for kind, sizes in loops.items():
        values = sizes.model_dump()
        if not enough:
            n_initial = min(sizes.n_initial, n_training * 2 // 5)
            share = n_initial / sizes.n_initial
            n_real = round(share * sizes.n_real)
            if kind == "fresh_data":
                n_real = min(n_real, (n_training - n_initial) // max(1, sizes.generations - 1))
            n_synthetic = max(1, round(share * sizes.n_synthetic))
            values |= {"n_initial": n_initial, "n_real": n_real, "n_synthetic": n_synthetic}
        if kind == "fully_synthetic" or values["n_real"] > 0:
            found[kind] = values
    return found


def _needed(kind: LoopKind, sizes: Mapping[str, int]) -> int:
    if kind == "fresh_data":
        return sizes["n_initial"] + (sizes["generations"] - 1) * sizes["n_real"]
    return max(sizes["n_initial"], sizes["n_real"])


def _lines(name: str, data: DataSection, nearest: Task, tiers: Mapping[TierName, dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the file."""
    colour = "colour" if data.channels == 3 else "grey"
    whole = data.model_dump(mode="json", exclude_defaults=True)
    yield from (
        "# Written by `autophagy new-task`. docs/tasks.md says what each part is, and what can be changed.",
        f"name = {toml_value(name)}",
        "version = 1  # count it up when the images or the sizes change: results of one version are comparable",
        f"title = {toml_value(_title(name, data))}",
        "",
        "[data]",
        *toml_lines({"source": whole.pop("source")}),
        "# Where they lie on this machine; elsewhere give --data PATH. It is no part of the task.",
        *toml_lines({"path": whole.pop("path")}),
        '# citation = "where the images come from, and what they may be used for"',
        "# horizontal_flips = true  # where a mirrored image is as likely as the image",
        *toml_lines(whole),
    )
    for tier, values in tiers.items():
        budgets = nearest.tier_data(tier).size
        yield from (
            "",
            f"# The budgets of the task {nearest.name}, whose {colour} images of {nearest.data.size} pixels are the "
            f"nearest to these of {data.size}:",
            f"# of the tier {tier}, which sees them at {budgets} pixels. They were not tried on these images.",
            f"[tiers.{tier}]",
            *toml_lines({key: value for key, value in values.items() if key not in ("loops", "generators")}),
            "",
            f"[tiers.{tier}.loops]",
            *toml_lines(values["loops"]),
        )
        for generator, settings in values["generators"].items():
            yield from ("", f"[tiers.{tier}.generators.{generator}]", *toml_lines(settings))


def _title(name: str, data: DataSection) -> str:
    what = f"{data.size}x{data.size} {'colour' if data.channels == 3 else 'grey'} images"
    return f"{name}: {what} of {len(data.classes)} classes" if data.classes else f"{name}: {what}"


def _notes(training: ImageSet, nearest: Task, data: DataSection, tiers: Sequence[TierName]) -> Iterator[str]:
    for tier in tiers:
        n = nearest.tiers[tier].n_score
        if (found := min(n, data.training, data.reference)) < n:
            yield (
                f"{found} images are scored in the tier {tier}, where {nearest.name} scores {n}: FID is larger and "
                "noisier with fewer images, compare it at this number only"
            )
    if training.labels is None:
        yield "no class folders: the task has no labels, and so no label agreement"
