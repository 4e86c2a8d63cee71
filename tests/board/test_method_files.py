"""The files of methods: found by name and hash, read and never run."""

from pathlib import Path

import pytest

from bench import paths
from bench.board.method_files import MethodFile, find_method_files
from bench.files.hashing import bytes_sha256, file_sha256
from bench.files.limits import MOST_METHOD_BYTES


@pytest.fixture
def methods(tmp_path: Path) -> Path:
    folder = tmp_path / "methods"
    folder.mkdir()
    return folder


def find(methods: Path, name: str) -> list[MethodFile]:
    return [file for (own, _), file in find_method_files(methods.parent).items() if own == name]


def test_the_methods_of_the_package_are_found_by_their_hash(tmp_path: Path) -> None:
    found = find_method_files(tmp_path)
    for path in paths.BASELINES.glob("*.py"):
        file = found[path.stem, file_sha256(path)]
        assert file == MethodFile(path.stem, path.read_text("utf-8"), file.description)
        assert file.description


def test_a_submitted_method_is_found_with_its_place_in_the_repository(methods: Path) -> None:
    source = '"""Keeps all.\n\nA second paragraph."""\n'
    (methods / "mine.py").write_text(source)
    found = find_method_files(methods.parent)
    file = found["mine", bytes_sha256(source.encode())]
    assert file == MethodFile("leaderboard/methods/mine.py", source, "Keeps all.\n\nA second paragraph.")


def test_a_submission_with_the_name_of_another_method_takes_nothing_from_it(methods: Path) -> None:
    (methods / "none.py").write_text('"""Another one."""\n')
    assert {file.option for file in find(methods, "none")} == {"none", "leaderboard/methods/none.py"}


def test_nothing_of_a_file_is_run(methods: Path) -> None:
    (methods / "mine.py").write_text('"""Mine."""\nraise SystemExit("was run")\n')
    (file,) = find(methods, "mine")
    assert file.description == "Mine."


def test_where_the_file_has_no_docstring_that_of_its_class_describes_it(methods: Path) -> None:
    (methods / "mine.py").write_text('class Mine:\n    """Keeps all."""\n')
    (file,) = find(methods, "mine")
    assert file.description == "Keeps all."


@pytest.mark.parametrize(
    "content",
    [b"", b"x = 1\n", b"def broken(:\n", b'"""\xff\xfe"""(', b"x = '\0'\n", b"(" * 50_000, b"-" * 50_000 + b"1"],
    ids=["empty", "no docstring", "syntax", "not UTF-8", "NUL", "deep", "deeper"],
)
def test_a_file_without_a_description_that_can_be_read_has_none(methods: Path, content: bytes) -> None:
    (methods / "mine.py").write_bytes(content)
    (file,) = find(methods, "mine")
    assert file.description == ""


def test_a_file_that_is_too_long_to_show_is_as_if_it_were_not_there(methods: Path) -> None:
    (methods / "mine.py").write_bytes(b"#" * MOST_METHOD_BYTES)
    assert len(find(methods, "mine")) == 1
    (methods / "mine.py").write_bytes(b"#" * (MOST_METHOD_BYTES + 1))
    assert find(methods, "mine") == []


def test_what_is_no_file_is_passed_over(methods: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text('"""Not for everybody."""\n')
    (methods / "link.py").symlink_to(secret)
    (methods / "folder.py").mkdir()
    assert [*find(methods, "link"), *find(methods, "folder")] == []
