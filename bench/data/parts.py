"""What names say of sets: which folder or file is for training, which is held out, and which stands for which class.

Meaning that is read from names is said to whoever gave them, and what can be read in two ways is refused.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from bench.data.reading import listed
from bench.errors import BadInput

Part = Literal["training", "held out"]
TRAINING: Part = "training"
HELD_OUT: Part = "held out"
WORDS: Mapping[str, Part] = {
    **dict.fromkeys(("train", "training", "trn", "trainset", "traindata"), TRAINING),
    **dict.fromkeys(
        ("test", "testing", "tst", "testset", "testdata", "val", "valid", "validation", "dev", "eval", "evaluation",
         "reference", "holdout", "heldout"),
        HELD_OUT,
    ),
}  # fmt: skip
NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SHARD_DIGITS = 3  # numbers as long as this, with zeros before them, count files and not classes


def words_of(name: str) -> list[str]:
    """Return the words of a name, in small letters: "seg_Train2017" is seg, train; "trainA" is train, a."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    return re.findall(r"[^\W\d_]+", apart.casefold())


def part_of(name: str) -> Part | None:
    """Return which part of a set a folder is by its name; None where it says nothing, or both."""
    found = {WORDS[word] for word in words_of(name) if word in WORDS}
    return found.pop() if len(found) == 1 else None


def is_part(name: str) -> bool:
    """Return whether a name says which part of a set it is, and nothing else."""
    return part_of(name) is not None and all(word in WORDS or word == "set" for word in words_of(name))


def as_compared(name: str) -> str:
    """Return a class's name as names are compared: letters and digits, in small letters."""
    return "".join(each for each in unicodedata.normalize("NFKC", name).casefold() if each.isalnum())


def class_index(where: object, names: Collection[str], classes: Sequence[str]) -> dict[str, int]:
    """Return the label of each name that stands for a class.

    They are the task's names in any spelling, or the numbers of its classes from 0 on, or, where the classes are
    digits, their English words.

    Args:
        where: the names are, for messages.
        names: that stand for classes, each once.
        classes: of the task, in the order of their labels.

    Raises:
        BadInput: others, some that are missing, or two for one class.
    """
    known: dict[str, int] = {}
    for i, name in enumerate(classes):
        known[as_compared(name) or name] = i
    if set(classes) == set(map(str, range(10))) and len(classes) == len(NUMBER_WORDS):
        known |= {word: known[str(i)] for i, word in enumerate(NUMBER_WORDS)}
    index = {name: known[found] for name in names if (found := as_compared(name) or name) in known}
    if not index:
        index = _numbers(where, names, len(classes))
    unknown = sorted(set(names) - set(index))
    missing = [name for i, name in enumerate(classes) if i not in index.values()]
    if unknown or missing:
        raise BadInput(
            f"{where}: {len(names)} classes, unknown are {listed(unknown)}, missing are {listed(missing)}: rename "
            f"them to the task's classes ({', '.join(classes)}), or to their numbers, 0 to {len(classes) - 1}"
        )
    by_label = defaultdict(list)
    for name, label in index.items():
        by_label[label].append(name)
    for label, twins in sorted(by_label.items()):
        if len(twins) > 1:
            raise BadInput(f"{where}: {' and '.join(sorted(twins))} are both class {classes[label]}: make one of them")
    return index


def _numbers(where: object, names: Collection[str], n: int) -> dict[str, int]:
    """Return the label of each name where they are the numbers from 0 to n - 1; nothing where they are not."""
    if not all(re.fullmatch("[0-9]+", name) for name in names) or sorted(map(int, names)) != list(range(n)):
        return {}
    longest = max(names, key=len)
    if len(longest) >= SHARD_DIGITS and len(longest) > len(str(n - 1)):
        raise BadInput(
            f"{where}: folders {min(names)} to {max(names)} can be classes, or the parts that a tool cuts a set into: "
            f"with its dataset.json their labels are read; if they are classes, call them 0 to {n - 1}"
        )
    return {name: int(name) for name in names}


def described_index(index: Mapping[str, int], classes: Sequence[str]) -> str:
    """Return which name stands for which class, where they are not the same."""
    if all(classes[label] == name for name, label in index.items()):
        return "the task's names"
    pairs = [f"{name} = {classes[label]}" for name, label in sorted(index.items(), key=lambda each: each[1])]
    return ", ".join(pairs)
