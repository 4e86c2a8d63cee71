"""Files of tensors, which are held against a hash when they are read."""

import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from bench.errors import Damaged
from bench.files import tensors
from bench.files.hashing import file_sha256
from bench.files.sealed import check_hash
from bench.files.tensors import (
    read_hashed_tensors,
    read_sealed_tensors,
    write_hashed_tensors,
    write_sealed_tensors,
    write_tensors,
)

TENSORS = {
    "scalar": torch.tensor(7),
    "turned": torch.arange(6.0).reshape(2, 3).T,
    "flags": torch.tensor([True, False]),
    "empty": torch.zeros(0, 3),
    "short": torch.tensor([0.1, -2], dtype=torch.bfloat16),
}


def equal(found: dict[str, torch.Tensor]) -> bool:
    return found.keys() == TENSORS.keys() and all(
        found[name].dtype == value.dtype and torch.equal(found[name], value) for name, value in TENSORS.items()
    )


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << place % 8
    path.write_bytes(content)


def test_tensors_are_written_with_their_metadata(tmp_path: Path):
    content = {"turned": torch.arange(6).reshape(2, 3).T, "scalar": torch.tensor(0.1)}
    write_tensors(tmp_path / "file", content, {"key": "value"})
    with safe_open(tmp_path / "file", "pt") as file:
        assert file.metadata() == {"key": "value"}
        assert {name: file.get_tensor(name).tolist() for name in ("turned", "scalar")} == {
            name: value.tolist() for name, value in content.items()
        }


def test_tensors_are_given_back_where_the_hash_fits(tmp_path: Path):
    sha256 = write_hashed_tensors(tmp_path / "file", TENSORS)
    assert sha256 == file_sha256(tmp_path / "file")
    assert equal(read_hashed_tensors(tmp_path / "file", sha256))
    check_hash(tmp_path / "file", sha256)


def test_no_flipped_bit_of_hashed_tensors_is_read(tmp_path: Path):
    path = tmp_path / "file"
    sha256 = write_hashed_tensors(path, TENSORS)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole)
        flip(path, place)
        with pytest.raises(Damaged):
            read_hashed_tensors(path, sha256)
        with pytest.raises(Damaged):
            check_hash(path, sha256)


def test_sealed_tensors_are_given_back_with_their_metadata(tmp_path: Path):
    write_sealed_tensors(tmp_path / "file", TENSORS, {"key": "k", "seconds": "1.5"})
    found, metadata = read_sealed_tensors(tmp_path / "file")
    assert equal(found)
    assert metadata == {"key": "k", "seconds": "1.5"}


def test_no_flipped_bit_of_sealed_tensors_changes_what_is_read(tmp_path: Path):
    path, metadata = tmp_path / "file", {"key": "k", "seconds": "1.5"}
    write_sealed_tensors(path, TENSORS, metadata)
    whole = path.read_bytes()
    refused = 0
    for place in range(len(whole)):
        path.write_bytes(whole)
        flip(path, place)
        try:
            found = read_sealed_tensors(path)
        except Damaged:
            refused += 1
        else:
            assert equal(found[0])
            assert found[1] == metadata
    assert refused > len(whole) / 2


@pytest.mark.parametrize("length", [0, 7, 8, 100])
def test_cut_sealed_tensors_are_damaged(tmp_path: Path, length: int):
    path = tmp_path / "file"
    write_sealed_tensors(path, TENSORS, {})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(Damaged):
        read_sealed_tensors(path)


@pytest.mark.parametrize("read", [lambda path: read_hashed_tensors(path, "0" * 64), read_sealed_tensors])
def test_a_pipe_is_not_waited_for_and_a_link_not_followed(tmp_path: Path, read):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Damaged, match="not a file"):
        read(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(Damaged, match="a symbolic link"):
        read(tmp_path / "link")


def test_tensors_that_are_none_are_damaged_also_where_the_hash_fits(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"no tensors")
    with pytest.raises(Damaged):
        read_hashed_tensors(path, file_sha256(path))


class PanicException(BaseException):
    """As that of safetensors, which has no module to import it from."""


def test_no_memory_for_a_file_is_a_memory_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def panic(*arguments: object) -> bytes:
        raise PanicException("PyObject pointer is null")

    monkeypatch.setattr(tensors, "serialise", panic)
    with pytest.raises(MemoryError, match="safetensors: PyObject pointer is null"):
        tensors.write_tensors(tmp_path / "file", {})
    assert not list(tmp_path.iterdir())
