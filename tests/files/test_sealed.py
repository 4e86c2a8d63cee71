"""Files that are held against a hash when they are read."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from bench.errors import Damaged
from bench.files.sealed import check_hash, read_sealed, sealed_text, write_sealed


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << place % 8
    path.write_bytes(content)


def test_json_is_given_back_without_its_hash(tmp_path: Path):
    write_sealed(tmp_path / "file", {"b": [1, None], "a": "Fréchet"})
    assert read_sealed(tmp_path / "file") == {"b": [1, None], "a": "Fréchet"}


def test_a_sealed_object_has_a_line_for_each_key_and_for_each_entry_of_a_list():
    content = {"cell": {"seed": 0, "bias": 0.5}, "uses": [], "generations": [{"fid": 1e-9}, {"fid": -2.0}]}
    text = sealed_text(content)
    seal = hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    assert json.loads(text) == content | {"sha256": seal}
    assert text.splitlines() == [
        "{",
        '"cell": {"seed":0,"bias":0.5},',
        '"uses": [],',
        '"generations": [',
        '{"fid":1e-09},',
        '{"fid":-2.0}',
        "],",
        f'"sha256": "{seal}"',
        "}",
    ]


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


@pytest.mark.parametrize("read", [read_sealed, lambda path: check_hash(path, "0" * 64)])
def test_a_pipe_is_not_waited_for_and_a_link_not_followed(tmp_path: Path, read):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Damaged, match="not a file"):
        read(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(Damaged, match="a symbolic link"):
        read(tmp_path / "link")
