"""Progress of long work: on stderr, and in a folder where other processes can see it."""

import io
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bench.process.streams import stderr

LOG_INTERVAL_SECONDS = 10.0
STATE_INTERVAL_SECONDS = 2.0
LOGGED_STEPS = 100  # in a fit
LOG = "log.txt"
STATE = "progress.json"


@dataclass(frozen=True)
class Progress:
    """Shows what is being done, how fast, and how long it will still take.

    Attributes:
        prefix: what the bars that follow belong to ("digits ddpm ... generation 3/5").
        visible: whether anything is shown on stderr.
        folder: where the notes are kept in log.txt, and what is being done in progress.json; None for nowhere. A
            folder that cannot be written is no reason to stop.
        inside: the part of the prefix that is below the folder's own.
        log_losses: takes the losses of a training step, by their names, if they are logged.
    """

    prefix: str = ""
    visible: bool = True
    folder: Path | None = None
    inside: str = ""
    log_losses: Callable[[Mapping[str, float]], None] | None = None

    def within(self, prefix: str) -> "Progress":
        """Return a Progress whose bars also name `prefix`."""
        return replace(self, prefix=_joined(self.prefix, prefix), inside=_joined(self.inside, prefix))

    def kept_in(self, folder: Path) -> "Progress":
        """Return a Progress that is also kept in a folder, with what `within` adds from here on."""
        return replace(self, folder=folder, inside="")

    def bar(self, stage: str, total: int, initial: int = 0, *, unit: str = "img", short: bool = False) -> tqdm:
        """Return a bar whose `update` says whether it was redrawn, which is when to add a loss.

        Args:
            stage: what is being done.
            total: how many there are to do.
            initial: how many are done already.
            unit: what is counted.
            short: mostly done before anybody looks: shown only if it takes longer.
        """
        shown_on = stderr()
        terminal = shown_on.isatty()
        return _Bar(
            state=None if self.folder is None else _State(self.folder / STATE, _joined(self.inside, stage)),
            desc=_joined(self.prefix, stage), total=total, initial=initial, unit=unit, unit_scale=True,
            file=shown_on if self.visible else io.StringIO(), disable=not self.visible and self.folder is None,
            mininterval=0.5 if terminal else LOG_INTERVAL_SECONDS if self.visible else STATE_INTERVAL_SECONDS,
            dynamic_ncols=terminal, leave=not terminal, delay=LOG_INTERVAL_SECONDS if short else 0,
        )  # fmt: skip

    def losses(self, step: int, steps: int, losses: Callable[[], Mapping[str, float]]) -> None:
        """Log the losses after a step, if they are logged and it is one of the LOGGED_STEPS of the fit, or its last.

        Which steps these are does not depend on time: a fit that goes on where it was has the same.
        """
        if self.log_losses is not None and (step == steps or step % max(1, steps // LOGGED_STEPS) == 0):
            self.log_losses(losses())

    def note(self, message: str) -> None:
        """Write one line that stays."""
        if self.visible:
            tqdm.write(_joined(self.prefix, message), file=stderr())
        if self.folder is not None:
            with suppress(OSError), (self.folder / LOG).open("a", encoding="utf-8") as log:
                now = time.strftime("%Y-%m-%d %H:%M:%S")
                log.writelines(f"{now} {line}\n" for line in _joined(self.inside, message).splitlines())


class _State:
    """What is being done in a folder, in a file that is replaced from time to time."""

    def __init__(self, path: Path, doing: str) -> None:
        self._path = path
        self._doing = doing
        self._written_at = float("-inf")

    def write(self, done: int, total: int) -> None:
        if time.monotonic() - self._written_at < STATE_INTERVAL_SECONDS:
            return
        self._written_at = time.monotonic()
        temporary = self._path.with_name(f".{self._path.name}.part")
        with suppress(OSError):
            temporary.write_text(json.dumps({"doing": self._doing, "done": done, "total": total}), encoding="utf-8")
            temporary.replace(self._path)


class _Bar(tqdm):  # type: ignore[misc]
    """A bar that is also written to a folder."""

    def __init__(self, *, state: _State | None, **options: Any) -> None:
        self._state = state
        super().__init__(**options)

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        if self._state is not None:
            self._state.write(self.n, self.total)
        return bool(super().display(msg, pos))


def _joined(*words: str) -> str:
    return " ".join(filter(None, words))
