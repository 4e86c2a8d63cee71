"""Hashes that identify things: canonical JSON and files."""

import hashlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any


def canonical_sha256(value: Any) -> str:
    """Return the SHA-256 of a JSON value written with sorted keys and without spaces."""
    return hashlib.sha256(canonical_text(value).encode()).hexdigest()


def canonical_text(value: Any) -> str:
    """Return a JSON value written with sorted keys and without spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_sha256(*packages: ModuleType) -> str:
    """Return the SHA-256 of the Python files of packages, the folders inside not included."""
    files = [path for package in packages for path in sorted(Path(package.__path__[0]).glob("*.py"))]
    return canonical_sha256([file_sha256(path) for path in files])


def bytes_sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()
