"""What is said of an error that comes out of the code of a method or a generator."""

import traceback
from collections.abc import Iterable
from pathlib import Path

from bench.errors import first_line


def describe_failure(error: BaseException, files: Iterable[Path]) -> tuple[str, str]:
    """Return an error in one line, and what its author needs to see of where it came from.

    Args:
        error: what was raised.
        files: of the method and the generator, whose authors it may concern.

    Returns:
        The error with the line of such a file where it happened, or which led to it; and the same with every call in
        such files. Where it went through none of them, a fault of the benchmark most likely, with the whole traceback.
    """
    reason = f"{type(error).__name__}: {first_line(error)}"
    names = {str(path.absolute()) for path in files}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in names]
    if not frames:
        return reason, "\n" + whole_traceback(error)
    reason += f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})"
    calls = [f"\n  {frame.filename}:{frame.lineno}, in {frame.name}\n    {frame.line}" for frame in frames]
    return reason, reason + "".join(calls)


def whole_traceback(error: BaseException) -> str:
    """Return the traceback as Python prints it, the benchmark's own calls too."""
    return "".join(traceback.format_exception(error)).rstrip()
