"""Pictures of a finished cell that are missing or damaged are drawn again from what its folder keeps."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PIL import Image

from bench.data.image_set import ImageSet
from bench.errors import Damaged
from bench.runs.run_folder import RunFolder


def mend_pictures(folder: RunFolder, real: ImageSet, n_classes: int | None) -> None:
    """Draw the strip and the sheet of samples of a finished cell again, where what they show is still there.

    Args:
        folder: of the cell.
        real: the real images that its loop trains on.
        n_classes: of the task; None where it has no labels.
    """
    pictures: dict[str, Callable[[], None]] = {
        "strip.png": lambda: folder.draw_strip(folder.cell.loop.generations),
        "samples.png": lambda: folder.draw_sheet(real, n_classes),
    }
    for name, draw in pictures.items():
        path = folder.path / name
        if _is_whole(path):
            continue
        with suppress(Damaged):
            draw()
            if path.exists():
                folder.progress.note(f"{path}: missing or damaged: drawn again")


def _is_whole(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.verify()
    except (OSError, SyntaxError, ValueError):
        return False
    return True
