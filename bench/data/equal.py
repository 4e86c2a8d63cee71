"""Images that are there more than once: in one set, or in two that should be different ones."""

import hashlib
from collections import Counter
from collections.abc import Iterator

from bench.data.image_set import ImageSet
from bench.data.reading import counted

KEY_BYTES = 16


def said_of_equals(*sets: tuple[str, ImageSet]) -> Iterator[str]:
    """Yield a line for each set with twins, and for each two that have images in common, pixel for pixel.

    Args:
        sets: what each is called, and its images or points.
    """
    keys = [(name, Counter(_keys(images))) for name, images in sets]
    for i, (name, found) in enumerate(keys):
        if twins := found.total() - len(found):
            yield f"{counted(twins, found.total(), what=f'{name} images')} were there before: equal, pixel for pixel"
        for other, others in keys[:i]:
            if common := sum(count for key, count in found.items() if key in others):
                yield (
                    f"{counted(common, found.total(), 'are', what=f'{name} images')} among the {other} images too, "
                    "equal, pixel for pixel: sets that should be different ones overlap"
                )


def _keys(images: ImageSet) -> Iterator[bytes]:
    for each in images.images.contiguous().numpy():
        yield hashlib.blake2b(each.tobytes(), digest_size=KEY_BYTES).digest()
