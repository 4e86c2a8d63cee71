"""Files that carry a hash of themselves, or whose hash is kept: it is held against them whenever they are read."""

import json
from pathlib import Path
from typing import Any

from bench.errors import Damaged, first_line
from bench.files.atomic import write_text
from bench.files.hashing import canonical_sha256, file_sha256


def sealed_text(content: dict[str, Any]) -> str:
    """Return the text of a JSON object with its own SHA-256 under the key `sha256`.

    A key has a line, in a list each entry, a generation for example: thousands of such files are kept, a third smaller
    than with a line for every number, and a change still shows where it is.
    """
    lines = []
    for key, value in (content | {"sha256": canonical_sha256(content)}).items():
        text = "[\n" + ",\n".join(map(_dense, value)) + "\n]" if isinstance(value, list) and value else _dense(value)
        lines.append(f"{_dense(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _dense(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def write_sealed(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object with its own SHA-256, as `sealed_text` has it."""
    write_text(path, sealed_text(content))


def read_sealed(path: Path) -> dict[str, Any]:
    """Return what `write_sealed` wrote.

    Raises:
        Damaged: the file is missing, cannot be read, or was changed.
    """
    check_file(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Damaged(path, f"not readable JSON: {first_line(error)}") from error
    if not isinstance(content, dict):
        raise Damaged(path, "not a JSON object")
    written = content.pop("sha256", None)
    try:
        found = canonical_sha256(content)
    except ValueError as error:
        raise Damaged(path, f"not JSON: {first_line(error)}") from error
    if written != found:
        raise Damaged(path, "its sha256 does not fit its content")
    return content


def check_hash(path: Path, sha256: str) -> None:
    """Raise Damaged where a file is missing, cannot be read, or has another SHA-256."""
    check_file(path)
    try:
        found = file_sha256(path)
    except OSError as error:
        raise Damaged(path, error.strerror or type(error).__name__) from error
    if found != sha256:
        raise Damaged(path, "its content is not what was written")


def check_file(path: Path) -> None:
    """Raise Damaged where no file stands: a pipe would be waited for, and a link leads out of the folder."""
    if path.is_symlink():
        raise Damaged(path, "a symbolic link")
    if path.exists() and not path.is_file():
        raise Damaged(path, "not a file")
