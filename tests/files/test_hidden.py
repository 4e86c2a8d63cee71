"""What systems put beside the files of people."""

from pathlib import Path

import pytest

from bench.files.hidden import is_hidden, visible


@pytest.mark.parametrize("name", [".a", "._a.png", "__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "Thumbs.db"])
def test_names_of_systems_are_hidden(name: str):
    assert is_hidden(name)


@pytest.mark.parametrize("name", ["a.png", "a", ".", "..", "_a", "eaDir"])
def test_others_are_not(name: str):
    assert not is_hidden(name)


def test_a_folder_above_may_be_hidden(tmp_path: Path):
    below = tmp_path / ".cache" / "results"
    found = [below / "a.json", below / ".b" / "c.json", below / "._d.json"]
    assert list(visible(found, below)) == [below / "a.json"]
