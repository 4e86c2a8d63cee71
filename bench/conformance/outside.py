"""What the code of a file reaches for outside of the loop: files, the network, processes, the environment, frames.

Python tells an audit hook of all that it opens and connects to, and lets nobody remove it: it is installed once, when
it is first needed, and looks only inside `Outside.looking`. What a library in C opens by itself it does not see.
"""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from bench import paths

# Code through which others reach outside: what it does, its caller does.
GO_BETWEENS = {
    *("asyncio", "bz2", "codecs", "collections.abc", "concurrent", "contextlib", "copy", "copyreg", "fileinput"),
    *("functools", "genericpath", "getpass", "glob", "gzip", "http", "io", "json", "lzma", "multiprocessing"),
    *("operator", "os", "pathlib", "pickle", "pkgutil", "platform", "posixpath", "shutil", "socket", "sqlite3", "ssl"),
    *("string", "subprocess", "tarfile", "tempfile", "threading", "traceback", "urllib", "zipfile", "_pyio"),
}
# What opens files for reasons of its own: imports, the lines that a warning shows, compilers with their caches.
EXEMPT = (
    "importlib._bootstrap",
    "_frozen_importlib",
    "linecache",
    "warnings",
    "torch._inductor",
    "torch._dynamo",
    "triton",
    "numba",
)
# What somebody's code does with an event of Python's audit, in words; the events begin so.
KINDS: dict[str, tuple[str, ...]] = {
    "reads or changes files": (
        *("os.chmod", "os.chown", "os.link", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.rmdir"),
        *("os.scandir", "os.symlink", "os.truncate", "glob.glob", "shutil.", "tempfile.", "sqlite3.connect"),
    ),
    "uses the network": ("socket.", "http.", "urllib.", "ftplib.", "smtplib.", "poplib.", "imaplib."),
    "starts another process or thread": (
        *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "pty.spawn"),
        "_thread.start_new_thread",
    ),
    "changes the environment": ("os.putenv", "os.unsetenv"),
    "looks into code and frames": (
        *("gc.get_", "sys._getframe", "sys._current_", "sys.settrace", "sys.setprofile", "sys.addaudithook"),
        *("object.__getattr__", "object.__setattr__", "exec", "compile", "code.__new__", "function.__new__"),
        *("ctypes.", "marshal.", "pickle.find_class"),
    ),
}
# A library may read its own files, but not weights or data that came with it.
CARRIES = (".arff", ".bin", ".csv", ".gz", ".h5", ".npy", ".npz", ".onnx", ".parquet", ".pt", ".pth", ".safetensors")
SYSTEM = tuple(
    Path(folder) for folder in ("/proc", "/sys", "/dev", "/etc", "/usr", "/lib", sys.prefix, sys.base_prefix)
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Outside:
    """Watches the code of one file.

    Attributes:
        found: what it has reached for, with the line: "writes /tmp/a (mine.py:14)".
    """

    def __init__(self, file: Path) -> None:
        """Watch the code in `file`."""
        self._file = file
        self._forbidden = _forbidden()
        self.found: list[str] = []

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Watch meanwhile."""
        _install_audit()
        _watching.append(self)
        try:
            with _environment_watched():
                yield
        finally:
            _watching.remove(self)

    def line(self, *, near: bool) -> int | None:
        """Return the line of the file from which Python has come here; None where it is not, or the benchmark did it.

        Args:
            near: whether only code that goes between may lie between.
        """
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != str(self._file):
            module = frame.f_globals.get("__name__") or ""
            if module.startswith("bench.") and module != __name__:
                return None  # a fit keeps its state, a space reads its weights
            between = module == __name__ or not GO_BETWEENS.isdisjoint((module, module.split(".")[0]))
            if module.startswith(EXEMPT) or (near and not between):
                return None
            frame = frame.f_back
        return None if frame is None else frame.f_lineno

    def note(self, what: str, line: int | None) -> None:
        """Keep what was seen, once for each line."""
        if line is not None and (said := f"{what} ({self._file.name}:{line})") not in self.found:
            self.found.append(said)

    def opened(self, path: str, mode: object, flags: object) -> None:
        """Look at a file that is opened."""
        place = Path(path)
        folder = next((name for name, folder in self._forbidden.items() if place.is_relative_to(folder)), None)
        writes = bool(flags & WRITING) if isinstance(flags, int) else any(c in str(mode) for c in "wax+")
        if folder is not None:
            self.note(f"{path} of {folder} was opened", self.line(near=False))
        elif place == self._file or place.is_relative_to("/dev") or place.is_relative_to("/proc"):
            return
        elif writes:
            self.note(f"{path} was written", self.line(near=False))
        elif not any(place.is_relative_to(folder) for folder in SYSTEM):
            self.note(f"{path} was opened", self.line(near=False))
        elif place.suffix in CARRIES:
            self.note(f"{path}, which came with a package, was opened", self.line(near=False))


def _forbidden() -> dict[str, Path]:
    """Return the folders that hold what no method may read."""
    import sklearn

    return {
        "the data folder": paths.data_folder(),
        "the cache folder": paths.cache_folder(),
        "the tasks": paths.TASKS,
        "the runs folder": Path("runs").resolve(),
        "scikit-learn's data sets": Path(sklearn.__file__).parent / "datasets" / "data",
    }


_watching: list[Outside] = []
_busy: list[bool] = []


@functools.cache
def _install_audit() -> None:
    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if not _watching or _busy:
            return
        _busy.append(True)  # what is done here is audited too
        try:
            _look(_watching[-1], event, arguments)
        finally:
            _busy.pop()

    sys.addaudithook(audit)


def _look(outside: Outside, event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        if isinstance(arguments[0], str | bytes | os.PathLike):
            outside.opened(os.path.realpath(os.fsdecode(arguments[0])), *arguments[1:3])
        return
    for what, events in KINDS.items():
        if event.startswith(events):
            outside.note(f"it {what}: {event}", outside.line(near=what != "uses the network"))


@contextmanager
def _environment_watched() -> Iterator[None]:
    """Note which environment variables are read meanwhile."""
    definition: Any = type(os.environ)
    read: Callable[[Any, str], str] = definition.__getitem__

    def watched(self: Any, key: str) -> str:
        if _watching and not _busy:
            _watching[-1].note(f"the environment variable {key} was read", _watching[-1].line(near=True))
        return read(self, key)

    definition.__getitem__ = watched
    try:
        yield
    finally:
        definition.__getitem__ = read
