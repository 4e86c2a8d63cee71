"""What is shown on stderr: no reason to stop, where nobody reads it, the disk behind it is full, or it was closed."""

import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO, cast


class Forgiving:
    """A stream that loses what cannot be written; otherwise the stream that it stands for."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what waits if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Return whether somebody sees it."""
        with suppress(OSError, ValueError):
            return self._stream.isatty()
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def stderr() -> TextIO:
    """Return where messages go. Where the process was started without stderr they go nowhere, and not to stdout."""
    # Python's is None where the descriptor was closed before it began.
    return cast(TextIO, io.StringIO() if sys.stderr is None else Forgiving(sys.stderr))


def fill_closed() -> None:
    """Open what of stdin, stdout and stderr is closed to nowhere, before a file of ours gets its number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def flush_stdout() -> None:
    """Write what waits for stdout; where that fails, let nothing more be written there, and raise the OSError."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        # What is left would be tried again, and complained of, at the very end.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
