"""Files of tensors: written in one step, and held against their hash whenever they are read."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from safetensors.torch import save as serialise
from torch import Tensor

from bench.errors import Damaged, first_line
from bench.files.atomic import write_bytes
from bench.files.hashing import bytes_sha256, canonical_text
from bench.files.sealed import check_file


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file in one step, see `write_bytes`."""
    write_bytes(path, tensor_bytes(tensors, metadata))


def tensor_bytes(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """Return the content of a safetensors file."""
    try:
        return serialise({name: t.contiguous().cpu() for name, t in tensors.items()}, metadata)
    except BaseException as error:
        # Where Python has no memory for the bytes, the Rust below panics, with an error of a class that has no module.
        if type(error).__name__ == "PanicException":
            raise MemoryError(f"safetensors: {error}") from error
        raise


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
    check_file(path)
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


def write_sealed_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file whose metadata also has the hash of the tensors and of the metadata."""
    on_cpu = {name: tensor.detach().cpu() for name, tensor in tensors.items()}
    write_tensors(path, on_cpu, dict(metadata) | {"sha256": tensors_sha256(on_cpu, metadata)})


def read_sealed_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the metadata that `write_sealed_tensors` wrote.

    Raises:
        Damaged: the file is missing, cannot be read, or was changed.
    """
    check_file(path)
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


def tensors_sha256(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Return the hash of the names, types, shapes and bytes of tensors on the CPU, and of the metadata."""
    digest = hashlib.sha256(canonical_text(dict(metadata)).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(repr((name, tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
