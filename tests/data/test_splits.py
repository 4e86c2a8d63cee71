"""What names say of a set: its parts, its classes, its labels; said, or refused where it can be two things."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from builders import QUIET
from PIL import Image

from bench.cells.task_sections import DataSection
from bench.data.given import read_given
from bench.data.image_set import ImageSet
from bench.data.parts import class_index, part_of
from bench.data.read import read_set
from bench.data.reading import Reading
from bench.data.sets import open_images
from bench.errors import BadInput

DIGITS = tuple(map(str, range(10)))


def section(**changes: object) -> DataSection:
    fields = {
        "source": "image_files",
        "citation": "made up",
        "channels": 1,
        "size": 4,
        "training": 60,
        "reference": 30,
    }
    return DataSection.model_validate(fields | changes)


def write(folder: Path, values: Mapping[str, int], mode: str = "L", size: int = 4) -> Path:
    """Write grey images of one value each, by their names."""
    for name, value in values.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (size, size), value).convert(mode).save(folder / name)
    return folder


def read(path: Path, data: DataSection) -> tuple[ImageSet, ImageSet, tuple[str, ...]]:
    reading = Reading(str(path))
    with open_images(path) as files:
        training, reference = read_given(files, data, QUIET, reading)
    return training, reference, reading.all_lines


def refusal(path: Path, data: DataSection) -> str:
    with pytest.raises(BadInput) as caught:
        read(path, data)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def values(images: ImageSet) -> list[int]:
    return images.images[:, 0, 0, 0].tolist()


def sharded(folder: Path, per_shard: int = 10) -> tuple[Path, dict[str, int]]:
    """A set as NVIDIA's tool packs it, in ten shards; image i has the value i and the class i * 7 % 10."""
    names = [f"{i // per_shard:05}/img{i:08}.png" for i in range(100)]
    write(folder, {name: i for i, name in enumerate(names)})
    return folder, {name: i * 7 % 10 for i, name in enumerate(names)}


@pytest.mark.parametrize("classes", [DIGITS, tuple("abcdefghij")])
def test_the_labels_of_nvidias_shards_are_those_of_its_file(tmp_path: Path, classes: tuple[str, ...]):
    folder, labels = sharded(tmp_path / "set")
    (folder / "dataset.json").write_text(json.dumps({"labels": list(labels.items())}))
    for found in read(folder, section(classes=classes, training=600, reference=300))[:2]:
        assert found.labels.tolist() == [value * 7 % 10 for value in values(found)]


def test_nvidias_shards_without_labels_are_no_classes(tmp_path: Path):
    folder, _ = sharded(tmp_path / "set")
    assert "can be classes, or the parts that a tool cuts a set into" in refusal(
        folder, section(classes=tuple("abcdefghij"))
    )
    (folder / "dataset.json").write_text('{"labels": null}')
    assert "can be classes, or the parts" in refusal(folder, section(classes=tuple("abcdefghij")))


@pytest.mark.parametrize(("change", "said"), [
    (lambda labels: labels[1:], "but none for 1 of 100 images"),
    (lambda labels: [*labels, ["00000/more.png", 3]], "labels of 1 images that are not there"),
    (lambda labels: [*labels, [labels[0][0], 9]], "has the labels 0 and 9"),
    (lambda labels: [[name, label + 1] for name, label in labels], "unknown are 1, 10, 2"),
    (lambda labels: [[name, [0, 1]] for name, _ in labels], 'write ["image.png", NUMBER]'),
])  # fmt: skip
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, change, said: str):
    folder, labels = sharded(tmp_path / "set")
    (folder / "dataset.json").write_text(json.dumps({"labels": change(list(map(list, labels.items())))}))
    assert said in refusal(folder, section(classes=tuple("abcdefghij")))


def test_a_label_that_is_not_its_folders_is_refused(tmp_path: Path):
    folder = write(tmp_path / "set", {f"{name}/{i}.png": i for name in "ab" for i in range(9)})
    labels = [[f"{name}/{i}.png", int(name == "a")] for name in "ab" for i in range(9)]
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert "in the folder a, and its label is that of b" in refusal(folder, section(classes=("a", "b")))


def test_number_words_are_the_digits_and_the_mapping_is_said(tmp_path: Path):
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    folder = write(tmp_path / "set", {f"{w}/{i}.png": 20 * d + i for d, w in enumerate(words) for i in range(15)})
    training, reference, lines = read(folder, section(classes=DIGITS, training=600, reference=300))
    for found in (training, reference):
        assert found.labels.tolist() == [value // 20 for value in values(found)]
    assert any("zero = 0, one = 1, two = 2" in line for line in lines)


def test_numbers_stand_for_classes_by_number_and_not_by_the_alphabet(tmp_path: Path):
    classes = tuple("abcdefghijkl")
    folder = write(tmp_path / "set", {f"{d}/{i}.png": 20 * d + i for d in range(12) for i in range(15)})
    for found in read(folder, section(classes=classes, training=600, reference=300))[:2]:
        assert found.labels.tolist() == [value // 20 for value in values(found)]


@pytest.mark.parametrize(("names", "index"), [
    (["Cat", "DOG", "ankle_boot"], {"Cat": 0, "DOG": 1, "ankle_boot": 2}),
    (["0", "1", "2"], {"0": 0, "1": 1, "2": 2}), (["00", "01", "02"], {"00": 0, "01": 1, "02": 2}),
])  # fmt: skip
def test_classes_are_known_in_any_spelling(names: list[str], index: dict[str, int]):
    assert class_index("here", names, ["cat", "dog", "ankle boot"]) == index


@pytest.mark.parametrize(("names", "said"), [
    (["1", "2", "3"], "unknown are 1, 2, 3"), (["cat", "dog"], "missing are ankle boot"),
    (["cats", "dogs", "boots"], "unknown are boots, cats, dogs"),
    (["cat", "Cat", "dog", "ankle boot"], "both class cat"),
    (["000", "001", "002"], "can be classes, or the parts"),
])  # fmt: skip
def test_other_names_are_refused(names: list[str], said: str):
    with pytest.raises(BadInput, match=said):
        class_index("here", names, ["cat", "dog", "ankle boot"])


@pytest.mark.parametrize(("training", "held_out"), [
    ("Train", "Test"), ("TRAIN", "TEST"), ("train", "val"), ("Training", "validation"), ("train2017", "val2017"),
    ("seg_train", "seg_test"), ("train_set", "test_set"), ("trn", "tst"), ("train-images", "dev-images"),
    ("training", "holdout"), ("train", "eval"),
])  # fmt: skip
@pytest.mark.parametrize("outer", ["", "set/"])
def test_every_spelling_of_a_part_is_that_part(tmp_path: Path, training: str, held_out: str, outer: str):
    images = {f"{outer}{training}/{i}.png": i for i in range(9)} | {
        f"{outer}{held_out}/{i}.png": 100 + i for i in range(5)
    }
    found_training, found_reference, lines = read(write(tmp_path, images), section())
    assert (max(values(found_training)), min(values(found_reference))) == (8, 100)
    assert any(f"training images are those of {training}, the reference those of {held_out}" in line for line in lines)


@pytest.mark.parametrize("names", [
    ("Train", "Test", "extra"), ("train", "val", "test"), ("trainA", "trainB", "testA", "testB"), ("TRAIN", "more"),
    ("Validation", "more"), ("train", ""), ("cat/train", "cat/test", "dog/train", "dog/test"),
])  # fmt: skip
def test_parts_that_are_not_just_two_are_refused(tmp_path: Path, names: tuple[str, ...]):
    images = {f"{name}/{i}.png".lstrip("/"): i for name in names for i in range(9)}
    assert refusal(write(tmp_path, images), section())


def test_parts_in_the_names_of_files_are_refused(tmp_path: Path):
    images = {f"{part}_{i}.png": i for part in ("train", "test") for i in range(9)}
    assert "put them into two folders, train and test" in refusal(write(tmp_path, images), section())


@pytest.mark.parametrize("name", ["bullet_train", "test tube", "valley", "trainer", "contest", "deviance"])
def test_words_that_are_parts_of_others_are_no_parts(tmp_path: Path, name: str):
    images = {f"{folder}/{i}.png": i for folder in (name, "more", "others") for i in range(9)}
    training, reference, _ = read(write(tmp_path, images), section())
    assert len(training) + len(reference) == 27


def test_a_class_may_be_called_as_a_part(tmp_path: Path):
    images = {f"{name}/{i}.png": i for name in ("bus", "car", "train") for i in range(9)}
    training, _, _ = read(write(tmp_path, images), section(classes=("bus", "car", "train")))
    assert set(training.labels.tolist()) == {0, 1, 2}


def test_what_a_name_says_of_its_part():
    said = {name: part_of(name) for name in ("Train", "val2017", "train_test", "faces", "")}
    assert said == {"Train": "training", "val2017": "held out", "train_test": None, "faces": None, "": None}


@pytest.mark.parametrize("n", [1, 5])
def test_equal_images_in_both_parts_are_counted_from_one_on(tmp_path: Path, n: int):
    images = {f"train/{i}.png": i for i in range(20)} | {f"test/{i}.png": i + 20 - n for i in range(10)}
    *_, lines = read(write(tmp_path, images), section())
    verb = "is" if n == 1 else "are"
    assert any(line.startswith(f"{n} of 10 reference images {verb} among the training images too") for line in lines)


def test_different_images_are_not_said_to_be_equal(tmp_path: Path):
    *_, lines = read(write(tmp_path, {f"{i}.png": i for i in range(20)}), section())
    assert not any("equal" in line for line in lines)


def test_what_is_left_out_is_counted_by_its_kind(tmp_path: Path):
    folder = write(tmp_path, {f"{i}.png": i for i in range(20)} | {f"{i}.gif": i for i in range(3)} | {"a.ppm": 1})
    (folder / "n01440764_18").write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")
    write(folder, {"@eaDir/0.png/SYNO_THUMB.png": 9, ".ipynb_checkpoints/0-checkpoint.png": 9})
    said = "left out are 5 other files: 3 .gif, 1 .ppm, 1 without a suffix"
    training, reference, lines = read(folder, section())
    assert len(training) + len(reference) == 20
    assert said in lines
    images, reading = read_set(folder)
    assert len(images) == 20
    assert said in reading.all_lines


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JPG", "jif"])
def test_every_suffix_of_jpeg_is_read(tmp_path: Path, suffix: str):
    for i in range(3):
        Image.new("L", (4, 4), i).save(tmp_path / f"{i}.{suffix}", "JPEG")
    images, reading = read_set(tmp_path)
    assert len(images) == 3
    assert reading.all_lines[0] == "3 images of 4 x 4, grey (3 JPEG)"


def test_folders_of_a_set_are_named_with_their_counts(tmp_path: Path):
    _, reading = read_set(write(tmp_path, {"a/0.png": 2, "a/1.png": 3, "b/0.png": 4}))
    assert reading.all_lines == ("3 images of 4 x 4, grey (3 PNG) in the folders a (2), b (1)",)
    *_, lines = read(tmp_path, section(training=2, reference=1))
    assert "the task has no labels: all images in the folders a (2), b (1) are one set" in lines


@pytest.mark.parametrize(("size", "said"), [
    (1, "20 of 20 images are enlarged to 4 x 4"), (8, "20 of 20 images are shrunk by 2, by the means"),
    (6, "20 of 20 images are shrunk, by an antialiased bicubic"), (4, None),
])  # fmt: skip
def test_what_is_resized_is_said(tmp_path: Path, size: int, said: str | None):
    *_, lines = read(write(tmp_path, {f"{i}.png": i for i in range(20)}, size=size), section())
    resized = [line for line in lines if "shrunk" in line or "enlarged" in line]
    assert len(resized) == (said is not None)
    assert all(line.startswith(str(said)) for line in resized)


def test_grey_that_becomes_colour_is_said(tmp_path: Path):
    write(tmp_path, {f"{i}.png": i for i in range(2)})
    write(tmp_path, {f"{i}.png": i for i in range(2, 20)}, mode="RGB")
    *_, lines = read(tmp_path, section(channels=3))
    assert "2 of 20 images are grey and become colour, with three equal channels" in lines


def test_losses_are_counted_in_one_line_each(tmp_path: Path):
    write(tmp_path, {f"{i}.png": i for i in range(17)})
    for i in range(17, 20):
        image = Image.new("LA", (4, 4), (i, 9))
        exif = Image.Exif()
        exif[0x0112] = 3
        image.save(tmp_path / f"{i}.png", exif=exif)
    *_, lines = read(tmp_path, section())
    assert "3 of 20 images are turned upright, as their files say (EXIF orientation)" in lines
    assert any(line.startswith("3 of 20 images have transparent pixels") for line in lines)


def test_backslashes_in_an_archive_are_slashes(tmp_path: Path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("train", "test"):
            for i in range(9):
                image = write(tmp_path / "one", {"0.png": i}) / "0.png"
                info = zipfile.ZipInfo("x")
                info.filename = f"{name}\\{i}.png"
                archive.writestr(info, image.read_bytes())
    training, reference, _ = read(tmp_path / "a.zip", section())
    assert (len(training), len(reference)) == (9, 9)


def test_a_set_is_read_in_the_same_way_every_time(tmp_path: Path):
    folder = write(tmp_path, {f"{i % 3}/{i}.png": i for i in range(30)})
    first, second = read(folder, section()), read(folder, section())
    assert (first[0].sha256, first[1].sha256, first[2]) == (second[0].sha256, second[1].sha256, second[2])
    order = np.random.RandomState(0).permutation(30)
    assert len(set(values(first[0]) + values(first[1]))) == len(order)
