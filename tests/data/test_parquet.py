"""Parquet files, as data sets lie on the hub."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from builders import QUIET
from PIL import Image

from bench.cells.task_sections import DataSection
from bench.data.given import read_given
from bench.data.parquet import shard_of
from bench.data.read import read_images
from bench.data.reading import Reading
from bench.data.sets import open_images
from bench.errors import BadInput

pyarrow = pytest.importorskip("pyarrow", reason="needs the extra parquet")
parquet = pytest.importorskip("pyarrow.parquet")

CLASSES = ("cat", "dog")


def png(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (4, 4), value).save(buffer, "PNG")
    return buffer.getvalue()


def write(
    path: Path, values: list[int], labels: list[int] | None = None, names: tuple[str, ...] | None = CLASSES
) -> Path:
    """Write a file as the datasets library does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, object] = {"image": [{"bytes": png(value), "path": f"{value}.png"} for value in values]}
    features: dict[str, object] = {"image": {"_type": "Image"}}
    if labels is not None:
        columns["label"] = labels
        features["label"] = {"names": list(names), "_type": "ClassLabel"} if names else {"dtype": "int64"}
    table = pyarrow.table(columns)
    if names:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, path, row_group_size=3)
    return path


def data(**changes: object) -> DataSection:
    fields = {"source": "image_files", "citation": "made up", "channels": 1, "size": 4, "training": 6, "reference": 3}
    return DataSection.model_validate(fields | changes)


def read(path: Path, section: DataSection):
    reading = Reading(str(path))
    with open_images(path) as files:
        training, reference = read_given(files, section, QUIET, reading)
    return training, reference, reading.all_lines


def refusal(path: Path, section: DataSection | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        read(path, section or data())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_rows_of_a_file_are_cut_by_the_fixed_permutation(tmp_path: Path):
    training, reference, lines = read(write(tmp_path / "a.parquet", list(range(20))), data())
    order = np.random.RandomState(0).permutation(20).tolist()
    assert training.images[:, 0, 0, 0].tolist() == order[:6]
    assert reference.images[:, 0, 0, 0].tolist() == order[6:9]
    assert any("cut by a fixed order" in line for line in lines)


def test_the_splits_of_a_folder_are_its_parts_and_shards_stand_in_their_order(tmp_path: Path):
    for i in range(2):
        write(tmp_path / "data" / f"train-0000{i}-of-00002.parquet", list(range(4 * i, 4 * i + 4)))
    write(tmp_path / "data" / "test-00000-of-00001-abc123.parquet", [100, 101, 102])
    training, reference, lines = read(tmp_path, data())
    assert training.images[:, 0, 0, 0].tolist() == np.random.RandomState(0).permutation(8).tolist()[:6]
    assert sorted(reference.images[:, 0, 0, 0].tolist()) == [100, 101, 102]
    assert any("training images are those of train, the reference those of test" in line for line in lines)


def test_classes_go_by_their_names_and_not_by_their_numbers(tmp_path: Path):
    path = write(tmp_path / "a.parquet", [0, 1] * 10, [0, 1] * 10, names=("dog", "Cat"))
    for found in read(path, data(classes=list(CLASSES), training=10, reference=5))[:2]:
        # Value 0 is a dog, which is the task's class 1.
        assert found.labels.tolist() == (1 - found.images[:, 0, 0, 0].long()).tolist()


def test_classes_without_names_go_by_their_numbers(tmp_path: Path):
    path = write(tmp_path / "a.parquet", [0, 1] * 10, [0, 1] * 10, names=None)
    for found in read(path, data(classes=list(CLASSES), training=10, reference=5))[:2]:
        assert found.labels.tolist() == found.images[:, 0, 0, 0].tolist()


def test_a_file_can_be_scored(tmp_path: Path):
    assert read_images(write(tmp_path / "a.parquet", [3, 1, 2])).images[:, 0, 0, 0].tolist() == [3, 1, 2]


def test_a_shard_that_is_missing_is_refused(tmp_path: Path):
    write(tmp_path / "train-00000-of-00002.parquet", list(range(9)))
    assert "1 of 2 files of train" in refusal(tmp_path)


def test_rows_without_an_image_are_refused(tmp_path: Path):
    table = pyarrow.table({"image": [{"bytes": None, "path": "a.png"}] * 9})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert "no image in this row" in refusal(tmp_path)


@pytest.mark.parametrize("columns", [{"a": [1, 2]}, {"a": [b"1"], "b": [b"2"]}])
def test_no_one_column_of_images_is_refused_with_what_there_is(tmp_path: Path, columns: dict):
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    assert "columns of encoded images ('a'" in refusal(tmp_path)


def test_a_damaged_file_is_refused(tmp_path: Path):
    path = write(tmp_path / "a.parquet", list(range(9)))
    path.write_bytes(path.read_bytes()[:-20])
    assert "not a readable parquet file" in refusal(path)


def test_without_pyarrow_one_line_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write(tmp_path / "a.parquet", list(range(9)))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert "pip install 'autophagy-bench[parquet]'" in refusal(path)


@pytest.mark.parametrize(("name", "split", "number"), [
    ("train-00001-of-00002.parquet", "train", 1), ("data/test-00000-of-00001-ab12.parquet", "test", 0),
    ("default/train/0003.parquet", "train", 3), ("cropped/train-00000-of-00001.parquet", "cropped/train", 0),
    ("validation.parquet", "validation", 0),
])  # fmt: skip
def test_what_a_file_is_a_part_of_stands_in_its_name(name: str, split: str, number: int):
    shard = shard_of(name, Path(name))
    assert (shard.split, shard.number) == (split, number)
