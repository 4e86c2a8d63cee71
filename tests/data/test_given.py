"""Real images that the user gives: folders, zips, class folders, training and reference folders."""

import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from builders import QUIET
from PIL import Image

from bench.cells.task import load_task
from bench.cells.task_sections import DataSection
from bench.data.given import read_given
from bench.data.image_set import ImageSet
from bench.data.real import load_real_data
from bench.data.sets import open_images
from bench.errors import BadInput

Write = Callable[[Mapping[str, Image.Image]], Path]
SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def data(**changes: object) -> DataSection:
    """What the images of a small task must be: grey, 4x4, no labels."""
    fields = {"source": "image_files", "citation": "made up", "channels": 1, "size": 4, "training": 6, "reference": 3}
    return DataSection.model_validate(fields | changes)


def grey(value: int, size: tuple[int, int] = (4, 4)) -> Image.Image:
    """A grey image with one value in all its pixels."""
    return Image.new("L", size, value)


def values(images: ImageSet) -> list[int]:
    """The values that images made by `grey` were given."""
    return images.images[:, 0, 0, 0].tolist()


def read(path: Path, section: DataSection) -> tuple[ImageSet, ImageSet]:
    with open_images(path) as files:
        return read_given(files, section, QUIET)


def refusal(path: Path, section: DataSection) -> str:
    with pytest.raises(BadInput) as caught:
        read(path, section)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.fixture(params=["folder", "zip"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    """Write images by their names, into a folder or a zip archive."""

    def write(images: Mapping[str, Image.Image]) -> Path:
        folder = tmp_path / "images"
        for name, image in images.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            image.save(folder / name)
        if request.param == "folder":
            return folder
        path = tmp_path / "images.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, file.relative_to(folder))
        return path

    return write


def permutation(n: int) -> list[int]:
    return np.random.RandomState(0).permutation(n).tolist()


def test_images_in_no_folders_are_cut_by_the_fixed_permutation_of_their_names(write: Write):
    training, reference = read(write({f"{i:02}.png": grey(i) for i in range(20)}), data())
    assert values(training) == permutation(20)[:6]
    assert values(reference) == permutation(20)[6:9]
    assert training.labels is None


def test_a_smaller_set_is_cut_in_the_proportion_of_the_task(write: Write):
    training, reference = read(write({f"{i}.png": grey(i) for i in range(7)}), data(training=60, reference=30))
    assert (len(training), len(reference)) == (5, 2)
    assert sorted(values(training) + values(reference)) == list(range(7))


def test_a_set_of_the_size_of_the_task_is_used_whole(write: Write):
    training, reference = read(write({f"{i}.png": grey(i) for i in range(9)}), data())
    assert sorted(values(training) + values(reference)) == list(range(9))
    assert (len(training), len(reference)) == (6, 3)


def test_too_few_images_to_cut_are_refused(write: Write):
    assert "2 images: too few" in refusal(write({"0.png": grey(0), "1.png": grey(1)}), data())


@pytest.mark.parametrize(("first", "second"), [("train", "test"), ("training", "reference")])
@pytest.mark.parametrize("outer", ["", "faces/", "a/b/"])
def test_training_and_reference_images_come_from_their_folders(write: Write, first: str, second: str, outer: str):
    images = {f"{outer}{first}/{i}.png": grey(i) for i in range(8)}
    images |= {f"{outer}{second}/{i}.png": grey(100 + i) for i in range(5)}
    training, reference = read(write(images), data())
    assert values(training) == permutation(8)[:6]
    assert values(reference) == [100 + i for i in permutation(5)[:3]]


def test_fewer_images_in_such_a_folder_are_all_used(write: Write):
    images = {f"train/{i}.png": grey(i) for i in range(4)} | {"test/0.png": grey(100)}
    training, reference = read(write(images), data())
    assert (sorted(values(training)), values(reference)) == ([0, 1, 2, 3], [100])


@pytest.mark.parametrize("other", [("validation/0.png", "test/0.png"), ("0.png",), ("faces/0.png",)])
def test_a_training_folder_with_something_else_than_its_counterpart_is_refused(write: Write, other: tuple[str, ...]):
    message = refusal(write({"train/0.png": grey(0)} | {name: grey(1) for name in other}), data())
    assert "train and test or training and reference" in message


def test_hidden_files_are_no_images(write: Write):
    images = {f"a/{i}.png": grey(i) for i in range(9)}
    hidden = {"__MACOSX/a/._0.png": grey(99), "a/.thumbnails/0.png": grey(99), "a/._0.png": grey(99)}
    training, reference = read(write(images | hidden), data())
    assert sorted(values(training) + values(reference)) == list(range(9))


CLASSES = ("cat", "dog", "ant")


def classes_of(images: ImageSet) -> list[int]:
    assert images.labels is not None
    return images.labels.tolist()


@pytest.mark.parametrize("parts", [("",), ("train/", "test/")], ids=["whole", "train and test"])
def test_class_folders_give_the_labels_in_the_order_of_the_task(write: Write, parts: tuple[str, ...]):
    images = {
        f"{part}{name}/{i}.png": grey(10 * label + i)
        for label, name in enumerate(CLASSES)
        for part in parts
        for i in range(8)
    }
    for found in read(write(images), data(classes=list(CLASSES), training=20, reference=10)):
        assert [value // 10 for value in values(found)] == classes_of(found)
        assert set(classes_of(found)) == {0, 1, 2}


def test_class_folders_of_other_names_are_refused_as_nothing_says_which_is_which(write: Write):
    images = {f"{name}/{i}.png": grey(10 * j + i) for j, name in enumerate(["n01", "n02", "n03"]) for i in range(8)}
    message = refusal(write(images), data(classes=list(CLASSES), training=20, reference=10))
    assert "unknown are n01, n02, n03, missing are cat, dog, ant" in message


def test_folders_of_a_task_without_labels_mean_nothing(write: Write):
    training, reference = read(write({f"{i % 3}/{i}.png": grey(i) for i in range(9)}), data())
    assert sorted(values(training) + values(reference)) == list(range(9))
    assert (training.labels, reference.labels) == (None, None)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("cat", "dog"), ["2 classes", "unknown are none", "missing are ant"]),
        (("cat", "dog", "bee"), ["unknown are bee", "missing are ant"]),
        (("cat", "dog", "ant", "bee"), ["unknown are bee", "missing are none"]),
        (("x", "y"), ["unknown are x, y", "missing are cat, dog, ant"]),
    ],
)
def test_folders_that_are_not_the_tasks_classes_are_refused_with_both(write: Write, names: tuple, said: list[str]):
    images = {f"{name}/{i}.png": grey(i) for name in names for i in range(4)}
    message = refusal(write(images), data(classes=list(CLASSES)))
    assert [words for words in said if words not in message] == []
    assert "rename them to the task's classes (cat, dog, ant)" in message


def test_images_in_no_class_folder_are_refused_where_the_task_has_labels(write: Write):
    message = refusal(write({f"{i}.png": grey(i) for i in range(9)}), data(classes=list(CLASSES)))
    assert "0.png: in no class folder" in message
    assert "cat, dog, ant" in message


def test_a_class_that_one_of_the_two_parts_has_no_image_of_is_refused(write: Write):
    images = {f"{name}/{i}.png": grey(i) for name in ("cat", "dog") for i in range(8)} | {"ant/0.png": grey(0)}
    message = refusal(write(images), data(classes=list(CLASSES), training=20, reference=10))
    assert "class 'ant' has " in message
    assert "each class needs some of both" in message


@pytest.mark.parametrize(("factor", "off"), [(2, 0.5), (3, 0.6)])  # Pillow rounds what it divides by
def test_an_image_larger_by_a_whole_factor_becomes_the_means_of_its_squares(write: Write, factor: int, off: float):
    pixels = np.random.default_rng(0).integers(0, 256, (4 * factor, 4 * factor, 3), dtype=np.uint8)
    path = write({f"{i}.png": Image.fromarray(pixels) for i in range(9)})
    training, _ = read(path, data(channels=3))
    means = pixels.reshape(4, factor, 4, factor, 3).mean((1, 3)).transpose(2, 0, 1)
    assert np.abs(training.images[0].numpy() - means).max() <= off


@pytest.mark.parametrize("size", [3, 6, 10])
def test_an_image_of_another_size_is_resized_with_the_antialiased_bicubic_filter(write: Write, size: int):
    pixels = np.random.default_rng(0).integers(0, 256, (size, size), dtype=np.uint8)
    training, _ = read(write({f"{i}.png": Image.fromarray(pixels) for i in range(9)}), data())
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(pixels)[None, None].float(), (4, 4), mode="bicubic", antialias=True
    )
    assert (training.images[0] - expected[0].clamp(0, 255)).abs().max() <= 2  # Pillow works with 8-bit steps


def test_an_image_of_the_right_size_is_not_changed(write: Write):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4), dtype=np.uint8)
    training, _ = read(write({f"{i}.png": Image.fromarray(pixels) for i in range(9)}), data())
    assert np.array_equal(training.images[0, 0].numpy(), pixels)


def test_grey_images_become_colour_where_the_task_is_in_colour(write: Write):
    training, _ = read(write({f"{i}.png": grey(i) for i in range(9)}), data(channels=3))
    assert training.images.shape[1] == 3
    assert (training.images == training.images[:, :1]).all()


def test_colour_images_are_refused_where_the_task_is_grey(write: Write):
    message = refusal(write({f"{i}.png": grey(i).convert("RGB") for i in range(9)}), data())
    assert "in colour, the task's images are grey" in message


def test_an_image_that_is_not_square_is_refused_by_its_name(write: Write):
    images = {f"{i}.png": grey(i) for i in range(8)} | {"8.png": grey(8, (4, 5))}
    assert "8.png: 4 x 5 pixels, give square images" in refusal(write(images), data())


def test_a_text_file_under_the_name_of_an_image_is_refused_by_its_name(tmp_path: Path):
    for i in range(9):
        (tmp_path / f"{i}.png").write_text("not an image")
    assert ".png: not a readable image" in refusal(tmp_path, data())


def test_real_class_folders_have_their_labels():
    path = SHARED / "cifar10.zip"
    if not path.is_file():
        pytest.skip("the CIFAR-10 images are not beside the repository, in shared/data/cifar10.zip")
    section = load_task("cifar10").data.model_copy(update={"training": 200, "reference": 100})
    training, reference = read(path, section)
    assert (len(training), len(reference)) == (200, 100)
    # The reference is of the test images, and the classes are as frequent as they are there: all the same.
    counts = Counter(classes_of(reference))
    assert len(counts) == 10
    assert max(counts.values()) < 25
    with zipfile.ZipFile(path) as archive, archive.open("test/airplane/0000.jpg") as file:
        airplane = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)
    _, everything = read(path, section.model_copy(update={"training": 200, "reference": 10_000}))
    [found] = [i for i, image in enumerate(everything.images) if torch.equal(image, airplane)]
    assert classes_of(everything)[found] == 0


def test_real_faces_without_labels_are_cut_in_the_proportion_of_the_task():
    path = SHARED / "faces64.zip"
    if not path.is_file():
        pytest.skip("the faces are not beside the repository, in shared/data/faces64.zip")
    found = load_real_data(load_task("ffhq64"), path)
    assert (len(found.training), len(found.reference)) == (6667, 3333)
    assert found.training.images.shape[1:] == (3, 64, 64)
    assert not found.pinned
