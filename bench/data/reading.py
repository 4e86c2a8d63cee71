"""How a set of images was read, in words: the one place that says what its files hold and the numbers do not show."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from bench.data.decoding import CHANNELS, CMYK, FRAMES, ORIENTATION, PROFILE, TRANSPARENCY, WARNING, Decoded
from bench.process.progress import Progress

LISTED = 5
SAID = {
    ORIENTATION: "{files} turned upright, as their files say (EXIF orientation)",
    TRANSPARENCY: "{files} transparent pixels: they have the colour that is stored under them, as if opaque",
    FRAMES: "{files} further pages or frames, {amount} in all: only the first picture of a file is read",
    PROFILE: "{files} a colour profile or gamma other than that of sRGB: their numbers are taken as they are stored",
    CMYK: "{files} converted from CMYK to RGB without a colour profile",
    CHANNELS: "{files} more channels than are shown, which are left out",
    WARNING: "{files} something that Pillow warns of: they may be damaged",
}
ARE = {ORIENTATION, CMYK}  # of these an image is one; of the others it has something


@dataclass
class Reading:
    """What was found while a set was read, counted.

    Attributes:
        name: what messages call the set.
        kinds: how many images of each kind of file were read.
        losses: how many images have lost something, by the words of `bench.data.decoding`.
        amounts: how much in all.
        lines: what else there is to say.
    """

    name: str
    kinds: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    amounts: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def add(self, decoded: Decoded) -> None:
        """Count an image."""
        self.kinds[decoded.kind] += 1
        for loss, amount in decoded.losses.items():
            self.losses[loss] += 1
            self.amounts[loss] += amount

    def say(self, line: str) -> None:
        """Add a line of its own."""
        self.lines.append(line)

    @property
    def all_lines(self) -> tuple[str, ...]:
        """Everything there is to say, a line each, without the name of the set."""
        return (*self.lines, *self._losses())

    def note(self, progress: Progress) -> None:
        """Write all of it, each line beginning with the name of the set."""
        note_lines(self.name, self.all_lines, progress)

    def _losses(self) -> Iterator[str]:
        n = self.kinds.total()
        for loss, words in SAID.items():
            if count := self.losses[loss]:
                yield words.format(
                    files=counted(count, n, "are" if loss in ARE else "have"), amount=self.amounts[loss]
                )


def note_lines(name: object, lines: Iterable[str], progress: Progress) -> None:
    """Write lines about a set."""
    for line in lines:
        progress.note(f"{name}: {line}")


def counted(count: int, n: int, verb: str = "", what: str = "images") -> str:
    """Return "COUNT of N images are", with the verb, "are", "have" or none, in its number."""
    found = {"are": " is", "have": " has"}.get(verb, "") if count == 1 else f" {verb}" * bool(verb)
    return f"{count:,} of {n:,} {what}{found}"


def kinds_of(names: Iterable[str]) -> str:
    """Return how many files there are of each suffix, the most frequent first."""
    suffixes = Counter(PurePosixPath(name).suffix.lower() or "without a suffix" for name in names)
    return listed([f"{n:,} {suffix}" for suffix, n in sorted(suffixes.items(), key=lambda each: (-each[1], each[0]))])


def left_out(others: Collection[str]) -> str:
    """Return the line on files that are no images that are read."""
    return f"left out {'is' if len(others) == 1 else 'are'} {len(others):,} other file{'s' * (len(others) != 1)}: " + (
        kinds_of(others)
    )


def folders_of(names: Iterable[str]) -> str:
    """Return " in the folders a (3), b (4)", or nothing where images lie in no folders below a common one."""
    found = [tuple(name.split("/")[:-1]) for name in names]
    while found and found[0] and len({folders[:1] for folders in found}) == 1:
        found = [folders[1:] for folders in found]
    counts = Counter(folders[0] if folders else "" for folders in found)
    if len(counts) < 2:
        return ""
    parts = [f"{name or 'no folder'} ({n:,})" for name, n in sorted(counts.items())]
    return f" in the folders {listed(parts)}"


def listed(names: Sequence[str], nothing: str = "none", shown: int = LISTED) -> str:
    """Return names with commas, of many only the first, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return (", ".join(names[:shown]) or nothing) + more
