"""Records of earlier schemas: read as ever, upgraded in memory, their files left as they are."""

import json
from pathlib import Path
from typing import Any

import pytest
from board.made_up import make_record

from bench import paths
from bench.cells.record import Record, read_record
from bench.cells.record_upgrades import PRESENT, UPGRADES
from bench.errors import BadInput
from bench.files.hashing import canonical_sha256

EXAMPLES = Path(__file__).parent / "data_records"


def signed(path: Path, content: dict[str, Any]) -> Path:
    content.pop("sha256", None)
    path.write_text(json.dumps(content | {"sha256": canonical_sha256(content)}), encoding="utf-8")
    return path


def drop_what_is_new(read: dict[str, Any]) -> None:
    """Drop the fields that schemas 1 and 2 did not have, none of which may say anything."""
    new = [(read, "uses"), (read["environment"], "date"), (read["score"], "probe")]
    new += [(result, name) for result in read["generations"] for name in ("retrained", "drawn")]
    assert [holder.pop(name) for holder, name in new] == [None] * len(new)
    for result in read["generations"]:
        assert (result.pop("spaces_read"), result.pop("used")) == ([], [])


def test_a_record_of_schema_1_says_the_same_as_it_did_and_nothing_of_the_task_file():
    written = json.loads((EXAMPLES / "schema_1.json").read_text(encoding="utf-8"))
    assert written.pop("schema_version") == 1
    del written["sha256"]
    read = read_record(EXAMPLES / "schema_1.json").model_dump(mode="json")
    assert read.pop("schema_version") == 3
    assert read.pop("task_sha256") is None
    drop_what_is_new(read)
    assert read == written


def test_a_record_of_schema_2_says_the_same_as_it_did_and_keeps_its_cell():
    written = json.loads((EXAMPLES / "schema_2.json").read_text(encoding="utf-8"))
    assert written.pop("schema_version") == 2
    del written["sha256"]
    record = read_record(EXAMPLES / "schema_2.json")
    read = record.model_dump(mode="json")
    assert read.pop("schema_version") == 3
    drop_what_is_new(read)
    assert read == written
    assert record.cell.id == written["cell_id"]
    assert not record.cell.generator.from_file


def test_a_generator_from_a_file_is_of_no_earlier_schema(tmp_path: Path):
    content = json.loads((EXAMPLES / "schema_2.json").read_text(encoding="utf-8"))
    content["cell"]["generator"] = {"name": "flow", "params": {}, "sha256": "a" * 64}
    with pytest.raises(BadInput, match=r"cell\.generator is from a file: schema 2 has none, must be a name"):
        read_record(signed(tmp_path / "record.json", content))


def test_reading_leaves_the_file_as_it_was(tmp_path: Path):
    path = tmp_path / "record.json"
    path.write_bytes((EXAMPLES / "schema_1.json").read_bytes())
    read_record(path)
    assert path.read_bytes() == (EXAMPLES / "schema_1.json").read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_an_upgraded_record_is_written_in_the_present_schema_and_read_back(tmp_path: Path):
    record = read_record(EXAMPLES / "schema_1.json")
    path = tmp_path / "record.json"
    path.write_text(record.to_json(), encoding="utf-8")
    assert json.loads(record.to_json())["schema_version"] == PRESENT == 3
    assert read_record(path) == record


def test_each_schema_but_the_present_one_has_a_step_and_an_example():
    assert sorted(UPGRADES) == list(range(1, PRESENT))
    assert {path.stem for path in EXAMPLES.iterdir()} == {f"schema_{version}" for version in UPGRADES}


def test_records_that_are_made_say_the_present_schema():
    assert make_record().schema_version == Record.model_fields["schema_version"].default == PRESENT


def test_all_committed_records_are_read():
    files = sorted((paths.LEADERBOARD / "results").glob("*.json"))
    for path in files:
        record = read_record(path)
        assert record.cell_id == json.loads(path.read_text(encoding="utf-8"))["cell_id"]
        assert path.name == f"{record.cell.slug}.json"
    assert files


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_edited_file_of_any_schema_is_refused(tmp_path: Path, version: int):
    example = EXAMPLES / f"schema_{version}.json"
    text = make_record().to_json() if version == PRESENT else example.read_text(encoding="utf-8")
    content = json.loads(text)
    assert content["schema_version"] == version
    path = signed(tmp_path / "record.json", content)
    read_record(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["generations"][0]["scores"]["recall"] += 0.001
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BadInput, match="edited after it was written"):
        read_record(path)


def test_a_new_key_in_an_old_schema_is_refused(tmp_path: Path):
    content = json.loads((EXAMPLES / "schema_1.json").read_text(encoding="utf-8"))
    content["data"]["task_sha256"] = "a" * 64
    with pytest.raises(BadInput, match=r"data\.task_sha256 is not a known key"):
        read_record(signed(tmp_path / "record.json", content))


@pytest.mark.parametrize("version", [0, 4, -1, 10**30, "1", 1.0, True, None, [1], {"1": 1}, "\n" * 1000])
def test_an_unknown_schema_is_refused_with_those_that_are_read(tmp_path: Path, version: object):
    content = json.loads(make_record().to_json()) | {"schema_version": version}
    path = signed(tmp_path / "record.json", content)
    with pytest.raises(BadInput) as caught:
        read_record(path)
    said = str(caught.value).removeprefix(f"{path}: not a valid record: ")
    assert said.startswith("schema_version is ")
    assert said.endswith(": this version of autophagy reads 1, 2 and 3")
    assert len(said) < 200
    assert said.isprintable()


def test_a_record_without_a_schema_is_refused(tmp_path: Path):
    content = json.loads(make_record().to_json())
    del content["schema_version"]
    with pytest.raises(BadInput, match="schema_version is None: this version of autophagy reads 1, 2 and 3"):
        read_record(signed(tmp_path / "record.json", content))
