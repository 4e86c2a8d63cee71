"""The errors that a user can cause or must act on; everything else is a bug and keeps its traceback."""

from collections.abc import Iterable
from pathlib import Path

# What Python, PyTorch and NumPy say when the memory of the machine is used up; that of a GPU has an error of its own.
OUT_OF_MEMORY = (
    "can't allocate memory", "not enough memory", "cannot allocate memory", "bad allocation", "can't start new thread",
)  # fmt: skip
# All that oneDNN says; "could not create a primitive descriptor", of shapes that it has no code for, is another thing.
ONEDNN_OUT_OF_MEMORY = "could not create a primitive"
MEMORY_ADVICE = "the memory of this machine is used up: end other programs, or use fewer --workers"
MOST_QUOTED = 300


class BadInput(Exception):
    """What the user gave cannot be used. One line: the file, key, value, and what is allowed. Exit status 2."""


class StorageFailed(BadInput):
    """A file cannot be written: the disk is full, or the folder is gone or read-only. No other cell could go on."""


class Damaged(BadInput):
    """A file is not what was written: its hash does not fit, or it is missing.

    Attributes:
        path: of the file.
        reason: what is wrong with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: damaged ({reason})")
        self.path = path
        self.reason = reason


class RunFailed(Exception):
    """A run could not go on (a loss that is not finite, for example). Finished work is kept. Exit status 1."""


class CannotCompile(RunFailed):
    """Networks cannot go through torch.compile here; without it the run goes on."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of another library says that the memory of the machine is used up."""
    said = str(error).strip().lower()
    return isinstance(error, MemoryError) or said == ONEDNN_OUT_OF_MEMORY or any(w in said for w in OUT_OF_MEMORY)


def choose(known: Iterable[str], instead_of: str = "") -> str:
    """Return, for a message, what there is to choose from; the name that is nearest to a wrong one stands first."""
    names = list(known)
    listed = f"choose {'one of ' * (len(names) > 1)}{', '.join(names)}"
    near = nearest(names, instead_of)
    return listed if near is None or len(names) == 1 else f"did you mean {near}? {listed}"


def nearest(known: Iterable[str], word: str) -> str | None:
    """Return the name that a mistyped word most likely stands for, None where none is near."""
    from difflib import get_close_matches

    by_form = {name.lower().replace("-", "_"): name for name in known}
    near = get_close_matches(word.lower().replace("-", "_"), by_form, n=1, cutoff=0.65)
    return by_form[near[0]] if near else None


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error message, to be quoted in a message of ours; cut where long."""
    line = str(error).strip().partition("\n")[0].rstrip(" .:")
    return line if len(line) <= MOST_QUOTED else f"{line[:MOST_QUOTED]}..."
