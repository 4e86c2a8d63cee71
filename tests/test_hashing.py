"""Hashes of JSON values and of files."""

from pathlib import Path

import pytest

from bench.hashing import canonical_sha256, file_sha256


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
