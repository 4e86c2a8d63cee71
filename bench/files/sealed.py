"""Files that carry a hash of themselves, or whose hash is kept: it is held against them whenever they are read."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import Tensor

from bench.errors import Damaged, first_line
from bench.files.atomic import tensor_bytes, write_bytes, write_tensors, write_text
from bench.files.hashing import bytes_sha256, canonical_sha256, canonical_text, file_sha256


def write_sealed(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object with its own SHA-256 under the key `sha256`."""
    write_text(path, json.dumps(content | {"sha256": canonical_sha256(content)}, indent=2) + "\n")


def read_sealed(path: Path) -> dict[str, Any]:
    """Return what `write_sealed` wrote.

    Raises:
        Damaged: the file is missing, cannot be read, or was changed.
    """
    _check_file(path)
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


def write_hashed_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write a safetensors file and return the SHA-256 of its bytes, which is to be kept elsewhere."""
    content = tensor_bytes(tensors)
    write_bytes(path, content)
    return bytes_sha256(content)


def read_hashed_tensors(path: Path, sha256: str) -> dict[str, Tensor]:
    """Return the content of a safetensors file whose bytes have this SHA-256.

    Raises:
        Damaged: the file is missing, cannot be read, or was changed.
    """
    _check_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Damaged(path, error.strerror or type(error).__name__) from error
    if bytes_sha256(content) != sha256:
        raise Damaged(path, "its content is not what was written")
    try:
        return load(content)
    except (SafetensorError, ValueError) as error:  # whoever wrote it can have written the hash too
        raise Damaged(path, first_line(error)) from error


def check_hash(path: Path, sha256: str) -> None:
    """Raise Damaged where a file is missing, cannot be read, or has another SHA-256."""
    _check_file(path)
    try:
        found = file_sha256(path)
    except OSError as error:
        raise Damaged(path, error.strerror or type(error).__name__) from error
    if found != sha256:
        raise Damaged(path, "its content is not what was written")


def write_sealed_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file whose metadata also has the hash of the tensors and of the metadata."""
    on_cpu = {name: tensor.detach().cpu() for name, tensor in tensors.items()}
    write_tensors(path, on_cpu, dict(metadata) | {"sha256": tensors_sha256(on_cpu, metadata)})


def read_sealed_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the metadata that `write_sealed_tensors` wrote.

    Raises:
        Damaged: the file is missing, cannot be read, or was changed.
    """
    _check_file(path)
    try:
        with safe_open(path, "pt") as file:
            metadata = dict(file.metadata() or {})
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError, ValueError) as error:
        raise Damaged(path, first_line(error) or type(error).__name__) from error
    written = metadata.pop("sha256", None)
    if tensors_sha256(tensors, metadata) != written:
        raise Damaged(path, "its sha256 does not fit its content")
    return tensors, metadata


def _check_file(path: Path) -> None:
    """Raise Damaged where no file stands: a pipe would be waited for, and a link leads out of the folder."""
    if path.is_symlink():
        raise Damaged(path, "a symbolic link")
    if path.exists() and not path.is_file():
        raise Damaged(path, "not a file")


def tensors_sha256(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Return the hash of the names, types, shapes and bytes of tensors on the CPU, and of the metadata."""
    digest = hashlib.sha256(canonical_text(dict(metadata)).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(repr((name, tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
