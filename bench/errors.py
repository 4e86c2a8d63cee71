"""The errors that a user can cause or must act on; everything else is a bug and keeps its traceback."""

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


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error message, to be quoted in a message of ours; cut where long."""
    line = str(error).strip().partition("\n")[0].rstrip(" .:")
    return line if len(line) <= MOST_QUOTED else f"{line[:MOST_QUOTED]}..."
