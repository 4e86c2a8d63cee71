"""Read files that may be anything: of a bounded size; of somebody else's no links, and JSON with one meaning only."""

import codecs
import json
import math
import stat
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from bench.errors import BadInput, first_line
from bench.files.validation import shown

MOST_KEYS = 1_000  # in one object


def read_untrusted(path: Path, most_bytes: int) -> bytes:
    """Return the content of a file that somebody else wrote, and that could lead anywhere.

    Raises:
        BadInput: it is a link, no file or too large, or cannot be read.
    """
    try:
        if path.is_symlink():
            raise BadInput(f"{path}: a symbolic link: give a file")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    return read_named(path, most_bytes)


def read_named(path: Path, most_bytes: int) -> bytes:
    """Return the content of a file that the user names, which may be a link.

    Raises:
        BadInput: it is no file or too large, or cannot be read.
    """
    check_file(path, most_bytes)
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error


def check_file(path: Path, most_bytes: int | None = None) -> None:
    """Raise `BadInput` where there is no file: whoever opens a pipe waits for ever, and a device may have no end.

    Args:
        path: of the file, or of a link to it.
        most_bytes: that the file may have.

    Raises:
        BadInput: there is nothing, something else than a file, or a larger one.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        reason = error.strerror if isinstance(error, OSError) else "there is no such name"
        raise BadInput(f"{path}: cannot be read: {reason}") from error
    if not stat.S_ISREG(status.st_mode):
        raise BadInput(f"{path}: not a file")
    if most_bytes is not None and status.st_size > most_bytes:
        raise BadInput(f"{path}: {status.st_size:,} bytes: the most is {most_bytes:,}")


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
            content.decode("utf-8-sig"), object_pairs_hook=_checked_object, parse_float=_finite, parse_constant=_finite
        )
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON, the file is truncated or was edited: {first_line(error)}") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path}: must be a JSON object, found {type(value).__name__}")
    return value


def parse_toml(path: Path, content: bytes) -> dict[str, Any]:
    """Return the table of a TOML file.

    Args:
        path: of the file, named in messages.
        content: of the file.

    Raises:
        BadInput: it is no such text.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadInput(f"{path}: not a readable TOML file: it is saved as UTF-16: save it as UTF-8")
    try:
        # Editors of Windows begin a file with a byte-order mark.
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not a readable TOML file: {first_line(error)}") from error


def _checked_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_KEYS:
        raise ValueError(f"{len(pairs):,} keys in one object: the most is {MOST_KEYS:,}")
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
