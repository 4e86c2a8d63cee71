"""Files that appear in one step."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import BadInput
from bench.files.atomic import make_folder, write_bytes, write_text


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(BadInput) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_text_is_written_as_utf8(tmp_path: Path):
    write_text(tmp_path / "file", "Fréchet\n")
    assert (tmp_path / "file").read_bytes() == b"Fr\xc3\xa9chet\n"


def test_a_new_file_replaces_the_one_before(tmp_path: Path):
    path = tmp_path / "model"
    write_bytes(path, b"a longer content before")
    write_bytes(path, b"after")
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_a_folder_that_is_not_there_is_refused(tmp_path: Path):
    path = tmp_path / "missing" / "model"
    assert refusal(lambda: write_bytes(path, b"")) == (
        f"{path}: cannot be written: No such file or directory: choose another folder"
    )


def test_a_folder_is_made_with_its_parents(tmp_path: Path):
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_is_there_already_is_no_error(tmp_path: Path):
    (tmp_path / "file").write_text("kept")
    make_folder(tmp_path)
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("below", [".", "a", "a/b"])
def test_a_folder_that_a_file_is_in_the_way_of_is_refused(tmp_path: Path, below: str):
    (tmp_path / "file").write_text("a file stands in the way")
    path = tmp_path / "file" / below
    assert refusal(lambda: make_folder(path)).startswith(f"{path}: cannot make this folder: ")


def fail(*arguments: object, **named: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def die(*arguments: object, **named: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str):
    path = tmp_path / "model"
    write_bytes(path, b"before")
    monkeypatch.setattr(os, call, fail)
    message = refusal(lambda: write_bytes(path, b"after"))
    assert message == (f"{path}: cannot be written: No space left on device: make room, and the same command goes on")
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_nothing_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str):
    monkeypatch.setattr(os, call, fail)
    refusal(lambda: write_bytes(tmp_path / "model", b"after"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_kill_in_the_middle_of_a_write_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
):
    path = tmp_path / "model"
    write_bytes(path, b"before")
    monkeypatch.setattr(os, call, die)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(path, b"after")
    assert path.read_bytes() == b"before"


def test_content_is_on_the_disk_before_the_file_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, events = tmp_path / "model", []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda *a: (events.append("fsync"), fsync(*a)))
    monkeypatch.setattr(os, "replace", lambda *a: (events.append("replace"), replace(*a)))
    write_bytes(path, b"content")
    assert events[:2] == ["fsync", "replace"]
    assert path.read_bytes() == b"content"
