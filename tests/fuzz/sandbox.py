"""Commands run in a folder of their own, and what must hold of each of them whatever it is given.

- It returns 0, 1 or 2, or prints its help; no exception comes out, and no traceback is printed.
- With 2 it says why in exactly one line that begins with "autophagy: error:" and has no control characters.
- It ends within a few seconds.
- It writes nothing but what it was told to, reads none of the files that lie beside it, starts no program, connects to
  nothing where it need not, and unpickles nothing. Python reports all of this to an audit hook; what is written below
  Python shows in the files.
"""

import contextlib
import faulthandler
import io
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

from bench.cli.main import main
from bench.conformance import check
from bench.executors.cell_runner import Outcome
from bench.executors.local import LocalExecutor
from bench.executors.processes import ProcessExecutor

SECONDS = 20
# More than any command here needs; a machine's memory is no place to find out.
MOST_MEMORY = 6 << 30
PROGRAMS = {"git", "nvidia-smi"}  # what a record says of its machine is asked of them
NO_NETWORK = OSError(101, "Network is unreachable")


class Broken(AssertionError):
    """Something that must hold of every command does not."""


class Hung(BaseException):
    """A command did not end; no `except Exception` catches it."""


@dataclass
class Said:
    """What a command returned and printed, and where it tried to connect to."""

    status: int
    out: str
    err: str
    connections: list[str] = field(default_factory=list)


class _Watch:
    """The audit hook: it cannot be removed, so there is one, and it is asleep outside of commands."""

    def __init__(self) -> None:
        self.sandbox: Sandbox | None = None
        self.faults: list[str] = []
        self.connections: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.sandbox is None:
            return
        match event:
            case "open":
                self._opened(arguments[0], arguments[2])
            case "os.mkdir" | "os.remove" | "os.rmdir" | "os.chmod" | "os.truncate" | "os.utime":
                self._written(event, arguments[0])
            case "os.rename" | "os.link" | "os.symlink":
                self._written(event, arguments[0])
                self._written(event, arguments[1])
            case "subprocess.Popen" | "os.system" | "os.exec" | "os.posix_spawn" | "os.fork":
                if not (event == "subprocess.Popen" and arguments[0] in PROGRAMS):
                    self.faults.append(f"{event}: {arguments[:2]!r}")
            case "pickle.find_class":
                self.faults.append(f"unpickled {arguments}")
            case "socket.connect" | "socket.getaddrinfo" | "socket.gethostbyname" | "urllib.Request":
                self.connections.append(f"{event}: {arguments[0 if event.startswith('urllib') else -1]!r}")
                raise NO_NETWORK

    def _opened(self, path: object, flags: int) -> None:
        if isinstance(path, int) or path is None:
            return
        if flags & (os.O_NOFOLLOW | os.O_EXCL):
            path = Path(os.fsdecode(path)).parent.resolve() / "opened without following"
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
            self._written("open", path)
        elif (found := self._real(path)).startswith(str(self.sandbox.secrets)):  # type: ignore[union-attr]
            self.faults.append(f"read {found}")

    def _written(self, event: str, path: object) -> None:
        assert self.sandbox is not None
        if isinstance(path, int) or path is None:
            return
        found = self._real(path)
        # A command may open a device that it is told to write to, and so it fails; a new folder at a place that is
        # allowed may need those above it.
        if not found.startswith((*map(str, self.sandbox.writable), "/dev/", "/proc/")):
            self.faults.append(f"{event} writes {found}")

    @staticmethod
    def _real(path: object) -> str:
        return os.path.realpath(os.fsdecode(path))  # type: ignore[arg-type]


WATCH = _Watch()


class Sandbox:
    """A folder with a place to work, a cache, a home, and files that are none of a command's business.

    Attributes:
        work: where commands start; inputs are put here, too.
        cache: AUTOPHAGY_CACHE; the data folder is in it.
        secrets: what lies beside the place to work.
        writable: where a command may write.
        runs: what `run` would have run: the cells that came to the executor.
    """

    def __init__(self, root: Path) -> None:
        root = root.resolve()
        self.root = root
        self.work, self.cache, self.home, self.secrets = (root / n for n in ("work", "cache", "home", "secrets"))
        self.writable: list[Path] = []
        self.runs: list[Any] = []
        for folder in (self.cache, self.home, self.secrets / "folder"):
            folder.mkdir(parents=True)
        (self.secrets / "secret.txt").write_text("secret")
        (self.secrets / "folder" / "secret.png").write_bytes(b"secret")
        self.clear()

    def clear(self) -> None:
        """Empty the place to work."""
        for path in self.work.rglob("*") if self.work.exists() else ():
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(exist_ok=True)

    def run(self, *arguments: object, writes: Sequence[str] = (), may_connect: bool = False, line: int = 2000) -> Said:
        """Run a command, and hold everything against it that must hold.

        Args:
            arguments: of the command line.
            writes: the folders that it may write to besides the cache, from the place to work.
            may_connect: whether it may try to; it will not succeed.
            line: how long its error may be.
        """
        words = [str(argument) for argument in arguments]
        self.writable = [self.cache, *(self.work / name for name in writes)]
        before = self._files()
        WATCH.sandbox, WATCH.faults, WATCH.connections = self, [], []
        try:
            with self._surroundings(), _captured() as (out, err), _watchdog(words):
                try:
                    status = main(words)
                except SystemExit as error:
                    if error.code != 0 or ("-h" not in " ".join(words) and "--v" not in " ".join(words)):
                        raise
                    status = 0
        except (Exception, SystemExit, Hung) as error:
            error.add_note(f"autophagy {words!r}")
            raise
        finally:
            WATCH.sandbox = None
            # hypothesis reads the files of all modules, and this one is another the next time.
            sys.modules.pop("autophagy_method_mine", None)
        said = Said(status, _text(out), _text(err), list(WATCH.connections))
        self._hold(words, said, before, may_connect, line)
        return said

    def _hold(
        self, words: list[str], said: Said, before: dict[str, tuple[object, ...]], may_connect: bool, line: int
    ) -> None:
        problems = list(WATCH.faults)
        if said.status not in (0, 1, 2):
            problems.append(f"returns {said.status!r}")
        if "Traceback" in said.err + said.out:
            problems.append("prints a traceback")
        errors = [each for each in said.err.split("\n") if each.startswith("autophagy: error:")]
        if len(errors) != (said.status == 2):
            problems.append(f"returns {said.status} with {len(errors)} errors")
        for error in errors:
            if said.err.rstrip("\n").split("\n")[-1] != error:
                problems.append("says more after the error")
            if not error.isprintable():
                problems.append(f"the error is not printable: {error!r}")
            if len(error.replace(str(self.root), "")) > line:
                problems.append(f"the error is {len(error):,} characters long")
        if said.connections and not may_connect:
            problems.append(f"connects: {said.connections[:3]}")
        after = self._files()
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        problems += [f"changes {path}" for path in changed[:5]]
        if problems:
            raise Broken("\n".join([f"autophagy {words!r}", *problems, said.err[-2000:]]))

    def _files(self) -> dict[str, tuple[object, ...]]:
        """What lies where nothing may be written."""
        found: dict[str, tuple[object, ...]] = {}
        waiting = [str(self.root)]
        allowed = {str(path) for path in self.writable}
        while waiting:
            for entry in os.scandir(waiting.pop()):
                if entry.path in allowed:
                    continue
                status = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    found[entry.path] = ("folder",)
                    waiting.append(entry.path)
                else:
                    found[entry.path] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino)
        return found

    @contextlib.contextmanager
    def _surroundings(self) -> Iterator[None]:
        """Give the command a folder, an environment and a limit of memory; no cell is run, no method checked."""
        variables = {"HOME": self.home, "AUTOPHAGY_CACHE": self.cache, "XDG_CACHE_HOME": self.home}
        limits = resource.getrlimit(resource.RLIMIT_AS)
        self.runs = []
        with (
            contextlib.chdir(self.work),
            patch.dict(os.environ, {name: str(value) for name, value in variables.items()}),
            patch.object(LocalExecutor, "run", lambda _, cells: self._stopped(cells)),
            patch.object(tempfile, "tempdir", str(self.cache)),
            patch.object(check._Check, "run", lambda *_: [check.Finding("file", "ok", "is not run here")]),
            patch.object(ProcessExecutor, "run", lambda _, cells: self._stopped(cells)),
        ):
            os.environ.pop("AUTOPHAGY_DATA", None)
            resource.setrlimit(resource.RLIMIT_AS, (_memory() + MOST_MEMORY, limits[1]))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_AS, limits)

    def _stopped(self, cells: Sequence[Any]) -> Iterator[Outcome]:
        for planned in cells:
            self.runs.append(planned)
            yield Outcome(planned, None, error="is not run here")


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


@contextlib.contextmanager
def _captured() -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """Standard output and error as they are in a terminal of UTF-8: the first refuses what is no text."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="strict", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield out, err


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined]


@contextlib.contextmanager
def _watchdog(words: list[str]) -> Iterator[None]:
    def bark(number: int, frame: FrameType | None) -> None:
        raise Hung(f"autophagy {words!r} has not ended after {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, bark)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    # What waits below Python does not hear the alarm.
    with contextlib.suppress(Exception):
        faulthandler.dump_traceback_later(3 * SECONDS, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()
