"""Files that are held against a hash when they are read."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

from bench.errors import Damaged
from bench.files.hashing import file_sha256
from bench.files.sealed import (
    check_hash,
    read_hashed_tensors,
    read_sealed,
    read_sealed_tensors,
    write_hashed_tensors,
    write_sealed,
    write_sealed_tensors,
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


def test_json_is_given_back_without_its_hash(tmp_path: Path):
    write_sealed(tmp_path / "file", {"b": [1, None], "a": "Fréchet"})
    assert read_sealed(tmp_path / "file") == {"b": [1, None], "a": "Fréchet"}


def test_no_flipped_bit_of_json_changes_what_is_read(tmp_path: Path):
    path, content = tmp_path / "file", {"a": 1.5, "text": "x"}
    write_sealed(path, content)
    whole = path.read_bytes()
    refused = 0
    for place in range(len(whole)):
        path.write_bytes(whole)
        flip(path, place)
        try:
            assert read_sealed(path) == content  # a space that became another one
        except Damaged:
            refused += 1
    assert refused > len(whole) / 2


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": NaN, "sha256": "0"}', '{"a": 1}', "[" * 100_000])
def test_what_is_no_sealed_json_is_damaged(tmp_path: Path, text: str):
    (tmp_path / "file").write_text(text)
    with pytest.raises(Damaged) as caught:
        read_sealed(tmp_path / "file")
    assert "\n" not in str(caught.value)


def test_a_json_file_that_is_not_there_is_damaged(tmp_path: Path):
    with pytest.raises(Damaged, match="No such file"):
        read_sealed(tmp_path / "file")


def test_json_with_its_own_hash_can_be_checked_by_others(tmp_path: Path):
    write_sealed(tmp_path / "file", {"b": 1, "a": 2})
    assert json.loads((tmp_path / "file").read_text())["sha256"] == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()


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
    tensors, metadata = read_sealed_tensors(tmp_path / "file")
    assert equal(tensors)
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


@pytest.mark.parametrize("read", [read_sealed, lambda path: read_hashed_tensors(path, "0" * 64), read_sealed_tensors])
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
