"""Progress of long work on stderr."""

import sys
from dataclasses import dataclass, replace

from tqdm import tqdm

LOG_INTERVAL_SECONDS = 10.0


@dataclass(frozen=True)
class Progress:
    """Shows what is being done, how fast, and how long it will still take.

    Attributes:
        prefix: what the bars that follow belong to ("digits ddpm ... generation 3/5").
        visible: whether anything is shown at all.
    """

    prefix: str = ""
    visible: bool = True

    def within(self, prefix: str) -> "Progress":
        """Return a Progress whose bars also name `prefix`."""
        return replace(self, prefix=f"{self.prefix} {prefix}".strip())

    def bar(self, stage: str, total: int, initial: int = 0, *, unit: str = "img", short: bool = False) -> tqdm:
        """Return a bar whose `update` says whether it was redrawn, which is when to add a loss.

        Args:
            stage: what is being done.
            total: how many there are to do.
            initial: how many are done already.
            unit: what is counted.
            short: mostly done before anybody looks: shown only if it takes longer.
        """
        terminal = sys.stderr.isatty()
        return tqdm(
            desc=f"{self.prefix} {stage}".strip(), total=total, initial=initial, unit=unit, unit_scale=True,
            file=sys.stderr, disable=not self.visible, mininterval=0.5 if terminal else LOG_INTERVAL_SECONDS,
            dynamic_ncols=terminal, leave=not terminal, delay=LOG_INTERVAL_SECONDS if short else 0,
        )  # fmt: skip

    def note(self, message: str) -> None:
        """Write one line that stays."""
        if self.visible:
            tqdm.write(f"{self.prefix} {message}".strip(), file=sys.stderr)
