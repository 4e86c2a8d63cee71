"""Read files that somebody else wrote: of a bounded size, no links, and JSON with one meaning only."""

import json
import math
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from bench.errors import BadInput, first_line
from bench.validation import shown

MOST_KEYS = 1_000  # in one object


def read_untrusted(path: Path, most_bytes: int) -> bytes:
    """Return the content of a file.

    Raises:
        BadInput: it is a link, no file or too large, or cannot be read.
    """
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise BadInput(f"{path}: a symbolic link: allowed are files")
        if not stat.S_ISREG(status.st_mode):
            raise BadInput(f"{path}: not a file")
        if status.st_size > most_bytes:
            raise BadInput(f"{path}: {status.st_size:,} bytes: allowed are at most {most_bytes:,}")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error


def read_untrusted_json(path: Path, most_bytes: int) -> dict[str, Any]:
    """Return the JSON object in a file.

    What JSON readers do not agree on is refused: NaN and infinities, numbers too large for a float, a key that is
    there twice; and more than MOST_KEYS keys in one object.

    Raises:
        BadInput: as of `read_untrusted`, or the file is not such JSON.
    """
    content = read_untrusted(path, most_bytes)
    try:
        value = json.loads(
            content.decode(), object_pairs_hook=_checked_object, parse_float=_finite, parse_constant=_finite
        )
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON, the file is truncated or was edited: {first_line(error)}") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path}: must be a JSON object, found {type(value).__name__}")
    return value


def _checked_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_KEYS:
        raise ValueError(f"{len(pairs):,} keys in one object: allowed are at most {MOST_KEYS:,}")
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twin, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {shown(twin)} is there twice in one object")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {shown(text)[1:-1]} is not finite")
    return value
