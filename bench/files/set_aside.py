"""Damaged files are kept apart, not removed: somebody may want to know what became of them."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from bench.errors import Damaged, StorageFailed
from bench.files.atomic import described, make_folder
from bench.process.progress import Progress

FOLDER = "set-aside"


def set_aside(paths: Sequence[Path], damage: Damaged, instead: str, progress: Progress) -> None:
    """Move files or folders into the folder `set-aside` beside them, and say why.

    Args:
        paths: what is moved, all in one folder; what is not there is left out.
        damage: why.
        instead: what is done now.
        progress: where it is said.

    Raises:
        StorageFailed: the folder cannot be written.
    """
    place = paths[0].parent / FOLDER
    make_folder(place)
    moved = []
    for path in paths:
        if not path.exists() and not path.is_symlink():
            continue
        target = next(free for k in count(1) if not (free := place / f"{path.name}.{k}").exists())
        try:
            path.rename(target)
        except OSError as error:
            raise StorageFailed(described(path, "cannot be set aside", error)) from error
        moved.append(target.name)
    kept = f"set aside as {', '.join(moved)} in {place}" if moved else "missing"
    progress.note(f"{damage}: {kept}; {instead}")
