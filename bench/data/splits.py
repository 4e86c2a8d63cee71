"""Which of a set's images are for training and which are held out, and of which class each is, as the set says it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.data.files import ImageFiles
from bench.data.parts import HELD_OUT, TRAINING, is_part, part_of
from bench.data.reading import counted, listed
from bench.errors import BadInput, first_line
from bench.files.validation import shown

LABELS_FILE = "dataset.json"  # of NVIDIA's dataset tools: of StyleGAN2-ADA, StyleGAN3 and EDM
CUT = "no folders say which are held out, they are cut by a fixed order"


@dataclass(frozen=True)
class GivenFile:
    """An image file: its name, the folders that it lies in and that have not been looked at yet, and its class.

    Attributes:
        name: of the file.
        folders: that it lies in, the first being that of its class where it has no label.
        label: the name or number of its class as the set says it, as text; None where it says nothing.
    """

    name: str
    folders: tuple[str, ...]
    label: str | None = None

    @property
    def class_name(self) -> str:
        """The name that stands for its class; empty where nothing does."""
        if self.label is not None:
            return self.label
        return self.folders[0] if self.folders else ""


def split_of(files: ImageFiles, classes: Sequence[str] = ()) -> tuple[list[list[GivenFile]], str]:
    """Return the files of the training and of the reference folder, or all files as one part, and what that is.

    The folders of each file that are left are that of its class, where there are classes, and those inside.

    Args:
        files: of the set.
        classes: of the task: folders of just these names are classes, whatever else they could be.

    Raises:
        BadInput: folders, or names of files, that say of some images which part they are, but not of all.
    """
    labels = _labels(files)
    given = [
        GivenFile(name, tuple(name.split("/")[:-1]), None if labels is None else str(labels[name]))
        for name in files.names
    ]
    return _parts(files.path, _without_outer_folders(given), set(classes))


def _labels(files: ImageFiles) -> Mapping[str, int | str] | None:
    """Return the label of each image where the set says them: in columns, or in files as NVIDIA's tool writes them."""
    if files.labels is not None:
        return files.labels
    found: dict[str, int | str] = {}
    for name in files.others:
        folder, _, file = name.rpartition("/")
        if file == LABELS_FILE:
            listed_labels = _labels_in(f"{files.path}/{name}", files.read(name))
            if listed_labels is not None:
                found |= {f"{folder}/{image}" if folder else image: label for image, label in listed_labels.items()}
    if not found:
        return None
    without = [name for name in files.names if name not in found]
    if without:
        raise BadInput(
            f"{files.path}: {LABELS_FILE} has labels, but none for {counted(len(without), len(files.names))} "
            f"({without[0]} ...): give one for each image"
        )
    absent = sorted(set(found) - set(files.names))
    if absent:
        raise BadInput(
            f"{files.path}: {LABELS_FILE} has labels of {len(absent):,} images that are not there ({absent[0]} ...): "
            "give all of them, or take these out of it"
        )
    return found


def _labels_in(where: str, content: bytes) -> dict[str, int] | None:
    """Return the labels that a dataset.json gives images, by their names from its folder on; None for none."""
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where}: not JSON: {first_line(error)}") from error
    labels = value.get("labels") if isinstance(value, dict) else None
    if labels is None:
        return None
    found: dict[str, int] = {}
    for entry in labels if isinstance(labels, list) else [labels]:
        match entry:
            case [str(name), int(label)] if not isinstance(label, bool) and label >= 0:
                name = name.replace("\\", "/").removeprefix("./")
                if found.setdefault(name, label) != label:
                    raise BadInput(f"{where}: {shown(name)} has the labels {found[name]} and {label}")
            case _:
                raise BadInput(f'{where}: labels has {shown(entry)}: write ["image.png", NUMBER] pairs, or null')
    return found


def _without_outer_folders(files: list[GivenFile]) -> list[GivenFile]:
    """Leave out the folders that everything lies in."""
    while len({file.folders[:1] for file in files}) == 1 and files[0].folders:
        files = [GivenFile(file.name, file.folders[1:], file.label) for file in files]
    return files


def _parts(path: Path, files: list[GivenFile], classes: set[str]) -> tuple[list[list[GivenFile]], str]:
    """Return the files of the training and of the reference folder, or all as one part, and in words what they are."""
    outermost = {file.folders[0] if file.folders else "" for file in files}
    if outermost == classes:
        return [files], CUT
    by_part: dict[str, list[str]] = {TRAINING: [], HELD_OUT: []}
    for name in sorted(outermost):
        if (part := part_of(name)) is not None:
            by_part[part].append(name)
    training, held_out = by_part[TRAINING], by_part[HELD_OUT]
    if len(training) == len(held_out) == 1 and len(outermost) == 2:
        names = (training[0], held_out[0])
        found = [[GivenFile(f.name, f.folders[1:], f.label) for f in files if f.folders[0] == name] for name in names]
        return found, f"training images are those of {names[0]}, the reference those of {names[1]}"
    reserved = sorted(filter(is_part, outermost))
    if training and held_out and set(training + held_out) == outermost:
        reserved = training + held_out
    if reserved:
        others = listed(sorted(outermost - {"", reserved[0]}), "images in no folder")
        raise BadInput(
            f"{path}: beside the folder {reserved[0]} there are {others}: give one folder to learn from and "
            "one that is held out, train and test or training and reference for example, and nothing else beside them"
        )
    _check_not_inside(path, files)
    return [files], CUT


def _check_not_inside(path: Path, files: Sequence[GivenFile]) -> None:
    """Raise BadInput where parts are told apart further inside, or by the names of files."""
    inside: dict[str, str] = {}
    by_name: Counter[str] = Counter()
    for file in files:
        for folder in file.folders[1:]:
            if is_part(folder) and (part := part_of(folder)) is not None:
                inside.setdefault(part, "/".join(file.folders))
        own = file.name.rpartition("/")[2].rpartition(".")[0]
        by_name[part_of(own) or ""] += 1
    if len(inside) == 2:
        raise BadInput(
            f"{path}: {inside[TRAINING]} and {inside[HELD_OUT]}: the folders for training and for what is held out "
            "lie inside of others: put them outermost, train/CLASS and test/CLASS"
        )
    if not by_name[""] and by_name[TRAINING] and by_name[HELD_OUT]:
        raise BadInput(
            f"{path}: the names of {by_name[TRAINING]:,} files say that they are for training, those of "
            f"{by_name[HELD_OUT]:,} that they are held out: put them into two folders, train and test"
        )
