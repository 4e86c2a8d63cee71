"""Which files and folders are no work of the user's: what systems and programs put beside it on their own."""

from collections.abc import Iterable, Iterator
from pathlib import Path

# Of macOS archives, Synology and QNAP servers, Windows, Linux disks.
FOLDERS = {
    "__macosx", "@eadir", "@tmp", "#recycle", "@recycle", "@recently-snapshot", "$recycle.bin",
    "system volume information", "lost+found", "__pycache__",
}  # fmt: skip
FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini"}


def is_hidden(part: str) -> bool:
    """Return whether systems hide a file or folder of this name, or make it themselves."""
    name = part.casefold()
    return (part.startswith(".") and part not in (".", "..")) or name in FOLDERS or name in FILES


def visible(paths: Iterable[Path], below: Path) -> Iterator[Path]:
    """Yield the paths of which no part under the folder `below` is hidden."""
    return (path for path in paths if not any(map(is_hidden, path.relative_to(below).parts)))
