"""Hashes of JSON values, of files and of code."""

from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from bench.files.hashing import canonical_sha256, code_sha256, file_sha256


def test_canonical_json_has_sorted_keys_no_spaces_and_plain_utf8():
    # printf '{"a":[1.5,"é"],"b":1}' | sha256sum
    assert (
        canonical_sha256({"b": 1, "a": [1.5, "é"]})
        == "b3aa7c2c75e6eda68896ca65edd78b023f766c052f625885b86d88bfa1f1a585"
    )


def test_nan_has_no_canonical_form():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_sha256({"fid": float("nan")})


def test_file_hash_is_that_of_the_published_test_vector(tmp_path: Path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert file_sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def package(tmp_path: Path) -> ModuleType:
    """A package of two files."""
    package = ModuleType("package")
    package.__path__ = [str(tmp_path)]
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "sums.py").write_text("total = 1 + 1\n")
    return package


def test_code_hash_is_that_of_the_hashes_of_the_files(package: ModuleType):
    hashes = [sha256(content).hexdigest() for content in (b"", b"total = 1 + 1\n")]
    assert code_sha256(package) == sha256('["{}","{}"]'.format(*hashes).encode()).hexdigest()


def test_code_hash_changes_with_a_line_of_code(package: ModuleType, tmp_path: Path):
    before = code_sha256(package)
    (tmp_path / "sums.py").write_text("total = 1 + 2\n")
    assert code_sha256(package) != before


def test_code_hash_changes_with_a_new_file(package: ModuleType, tmp_path: Path):
    before = code_sha256(package)
    (tmp_path / "products.py").write_text("")
    assert code_sha256(package) != before


def test_code_hash_does_not_change_with_what_is_no_code_of_the_package(package: ModuleType, tmp_path: Path):
    before = code_sha256(package)
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "sums.pyc").write_bytes(b"compiled")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "parts.py").write_text("part = 1\n")
    assert code_sha256(package) == before


def test_code_hash_of_packages_depends_on_each_of_them(package: ModuleType, tmp_path: Path):
    other = ModuleType("other")
    other.__path__ = [str(tmp_path / "other")]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "__init__.py").write_text("")
    before = code_sha256(package, other)
    (tmp_path / "other" / "__init__.py").write_text("changed = True\n")
    assert code_sha256(package, other) != before
