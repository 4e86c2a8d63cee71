"""A task's real images: given, stored in the data folder, or from their source."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.cells.task import Task
from bench.data.image_set import ImageSet
from bench.data.real import RealData, check_enough_to_score, in_tier_size, load_real_data, store_real_data
from bench.data.stored import FILE
from bench.errors import BadInput


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "digits"


@pytest.fixture
def drawn(tmp_path: Path, digits_data: RealData) -> Path:
    """A folder with 400 of the digits as images in class folders."""
    for i, image in enumerate(digits_data.training.images[:400].numpy()):
        path = tmp_path / "drawn" / str(int(digits_data.training.labels[i])) / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(path)
    return tmp_path / "drawn"


def hashes(data: RealData) -> tuple[str, str]:
    return data.training.sha256, data.reference.sha256


def with_size(task: Task, size: int) -> Task:
    smoke = task.tiers["smoke"].model_copy(update={"size": size})
    return task.model_copy(update={"tiers": {**task.tiers, "smoke": smoke}})


def test_a_tier_with_a_size_of_its_own_sees_the_images_that_pillow_shrinks(digits: Task, digits_data: RealData):
    small = in_tier_size(with_size(digits, 4), "smoke", digits_data)
    for found, whole in ((small.training, digits_data.training), (small.reference, digits_data.reference)):
        expected = [np.asarray(Image.fromarray(image[0]).reduce(2)) for image in whole.images.numpy()]
        assert np.array_equal(found.images[:, 0].numpy(), np.stack(expected))
        assert torch.equal(found.labels, whole.labels)
    assert small.pinned


def test_colours_are_shrunk_apart(digits: Task):
    images = torch.randint(0, 256, (3, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    small = in_tier_size(with_size(digits, 2), "smoke", RealData(ImageSet(images), ImageSet(images), pinned=False))
    expected = [np.asarray(Image.fromarray(image).reduce(4)) for image in images.permute(0, 2, 3, 1).numpy()]
    assert np.array_equal(small.training.images.permute(0, 2, 3, 1).numpy(), np.stack(expected))


def test_a_tier_without_a_size_sees_the_images_themselves(digits: Task, digits_data: RealData):
    assert in_tier_size(digits, "smoke", digits_data) is digits_data


def test_given_images_are_used_and_not_pinned(digits: Task, digits_data: RealData, drawn: Path):
    data = load_real_data(digits, drawn)
    assert not data.pinned
    assert (len(data.training), len(data.reference)) == (289, 111)  # of 400, as 1,297 to 500
    found = {image.numpy().tobytes() for part in (data.training, data.reference) for image in part.images}
    assert found == {image.numpy().tobytes() for image in digits_data.training.images[:400]}


def test_stored_images_are_those_that_were_given_and_are_read_without_them(digits: Task, drawn: Path):
    stored = store_real_data(digits, drawn)
    for file in sorted(drawn.rglob("*.png")):
        file.unlink()
    assert hashes(load_real_data(digits)) == hashes(stored)
    assert not load_real_data(digits).pinned


def test_images_of_the_source_replace_those_that_were_given(digits: Task, digits_data: RealData, drawn: Path):
    store_real_data(digits, drawn)
    assert store_real_data(digits, None).pinned
    assert hashes(load_real_data(digits)) == hashes(digits_data)


def test_stored_images_without_labels_are_read_as_such(digits: Task, drawn: Path):
    unlabelled = digits.model_copy(update={"data": digits.data.model_copy(update={"classes": ()})})
    store_real_data(unlabelled, drawn)
    assert load_real_data(unlabelled).training.labels is None
    with pytest.raises(BadInput, match="images without labels, task 'digits' has classes"):
        load_real_data(digits)


def test_a_task_without_classes_sees_no_labels_of_a_labelled_source(digits: Task):
    unlabelled = digits.model_copy(update={"data": digits.data.model_copy(update={"classes": ()})})
    data = load_real_data(unlabelled)
    assert (data.training.labels, data.reference.labels) == (None, None)


@pytest.mark.parametrize("damage", ["truncated", "changed"])
def test_a_damaged_stored_file_is_refused_with_what_to_do(digits: Task, drawn: Path, data_folder: Path, damage: str):
    store_real_data(digits, drawn)
    content = bytearray((data_folder / FILE).read_bytes())
    if damage == "truncated":
        del content[len(content) // 2 :]
    else:
        content[-1] ^= 1
    (data_folder / FILE).write_bytes(content)
    with pytest.raises(BadInput, match=rf"^{data_folder / FILE}: damaged, run `autophagy data` again"):
        load_real_data(digits)


def test_a_data_folder_that_cannot_be_written_is_refused(digits: Task, data_folder: Path):
    data_folder.parent.write_text("no folder")
    with pytest.raises(BadInput, match=str(data_folder)):
        store_real_data(digits, None)


def test_nothing_at_the_given_path_is_refused(digits: Task, tmp_path: Path):
    with pytest.raises(BadInput, match=r"nowhere: there is no such file or folder$"):
        load_real_data(digits, tmp_path / "nowhere")


@pytest.mark.parametrize(("source", "said"), [("sklearn_digits", "no images"), ("torchvision_mnist", "MNIST/raw")])
def test_an_empty_folder_is_refused_with_what_was_looked_for(digits: Task, tmp_path: Path, source: str, said: str):
    task = digits.model_copy(update={"data": digits.data.model_copy(update={"source": source})})
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput) as caught:
        load_real_data(task, tmp_path / "empty")
    assert str(caught.value).startswith(f"{tmp_path / 'empty'}: ")
    assert said in str(caught.value)
    assert ".png" in str(caught.value)


def test_images_that_no_hash_is_pinned_for_are_not_pinned(digits: Task):
    changes = {"training_sha256": None, "reference_sha256": None}
    task = digits.model_copy(update={"data": digits.data.model_copy(update=changes)})
    assert not load_real_data(task).pinned


def test_as_many_images_as_are_scored_are_enough_and_one_less_is_not(digits: Task, digits_data: RealData):
    check_enough_to_score(digits, "smoke", digits_data)
    for part in ("training", "reference"):
        fewer = replace(digits_data, **{part: getattr(digits_data, part)[:499]})
        with pytest.raises(BadInput, match=f"n_score = 500 .* 499 {part} images"):
            check_enough_to_score(digits, "smoke", fewer)


def test_given_images_are_decoded_to_the_same_bits_every_time(digits: Task, drawn: Path):
    assert hashes(load_real_data(digits, drawn)) == hashes(load_real_data(digits, drawn))
    assert np.unique(load_real_data(digits, drawn).training.labels).tolist() == list(range(10))
