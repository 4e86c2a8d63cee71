"""Files that somebody else wrote: what is read of them, and the one line with which the rest is refused."""

import json
import os
from pathlib import Path

import pytest

from bench.errors import BadInput
from bench.files.untrusted import parse_toml, read_untrusted, read_untrusted_json


def refusal(path: Path, most_bytes: int = 1_000_000) -> str:
    with pytest.raises(BadInput) as caught:
        read_untrusted_json(path, most_bytes)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    said = said.removeprefix(f"{path}: ")
    assert said.isprintable()
    assert len(said) < 300
    return said


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "x.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_plain_json_is_what_the_standard_reader_makes_of_it(tmp_path: Path):
    text = '{"a": [1, 2.5, -3e-4, true, null, "\\u00e9é"], "b": {"a": {}}, "": 1e308}'
    assert read_untrusted_json(written(tmp_path, text), 1000) == json.loads(text)


def test_a_file_may_have_the_bytes_that_are_allowed_and_no_more(tmp_path: Path):
    path = written(tmp_path, b"x" * 1000)
    assert read_untrusted(path, 1000) == b"x" * 1000
    with pytest.raises(BadInput, match="1,000 bytes: the most is 999"):
        read_untrusted(path, 999)


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte that takes no room
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("was opened"))
    assert "1,099,511,627,776 bytes" in refusal(path)


def test_links_are_refused(tmp_path: Path):
    target = tmp_path / "real.json"
    target.write_text("{}")
    for name, to in (("x.json", target), ("broken.json", tmp_path / "none"), ("folder.json", tmp_path)):
        path = tmp_path / name
        path.symlink_to(to)
        assert refusal(path) == "a symbolic link: give a file"


def test_what_is_no_file_is_refused(tmp_path: Path):
    folder, pipe = tmp_path / "folder.json", tmp_path / "pipe.json"
    folder.mkdir()
    os.mkfifo(pipe)
    assert refusal(folder) == refusal(pipe) == "not a file"
    assert "cannot be read" in refusal(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": "\xff"}', "not JSON"),
        (b'\xff\xfe{\x00}\x00', "not JSON"),
        ("", "not JSON"),
        ('{"a": 1', "not JSON"),
        ("{'a': 1}", "not JSON"),
        ('{"a": 1} {}', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
        ("[]", "must be a JSON object, found list"),
        ("3", "must be a JSON object, found int"),
        ('"' + "x" * 10_000 + '"', "must be a JSON object, found str"),
        ('{"a": 1, "b": 2, "a": 1}', "the key 'a' is there twice"),
        ('{"b": [{"a\\n\\u202e": 1, "a\\n\\u202e": 2}]}', "the key 'a\\n\\u202e' is there twice"),
        ('{"' + "x" * 9000 + '": 1, "' + "x" * 9000 + '": 1}', "is there twice"),
        (json.dumps({f"k{i}": 0 for i in range(1001)}), "1,001 keys in one object: the most is 1,000"),
        ('{"a": NaN}', "the number NaN is not finite"),
        ('{"a": [Infinity]}', "the number Infinity is not finite"),
        ('{"a": {"b": -Infinity}}', "the number -Infinity is not finite"),
        ('{"a": 1e999}', "the number 1e999 is not finite"),
        ('{"a": -1' + "0" * 5000 + ".0}", "is not finite"),
    ],
    ids=["bytes", "UTF-16", "empty", "truncated", "quotes", "two", "deep list", "deep object", "5,000 digits", "list",
         "number", "text", "twice", "twice inside", "long key", "many keys", "NaN", "inf", "-inf", "1e999", "digits"],
)  # fmt: skip
def test_what_is_no_plain_json_object_is_refused_in_a_short_line(tmp_path: Path, content: str | bytes, said: str):
    assert said in refusal(written(tmp_path, content))


def test_a_byte_order_mark_is_no_part_of_a_table(tmp_path: Path):
    assert parse_toml(tmp_path, b"\xef\xbb\xbfname = 1") == {"name": 1}
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + b'{"name": 1}')
    assert read_untrusted_json(tmp_path / "a.json", 100) == {"name": 1}


def test_a_table_in_utf16_is_refused_with_what_to_do(tmp_path: Path):
    with pytest.raises(BadInput, match="saved as UTF-16: save it as UTF-8"):
        parse_toml(tmp_path, "name = 1".encode("utf-16"))
