"""The task files that are written for images of one's own."""

import zipfile
from pathlib import Path

import pytest
import torch
from builders import QUIET
from PIL import Image

from bench.cells.task import Task, load_task, task_names
from bench.data.new_task import NewTask, nearest_task, write_new_task
from bench.data.real import load_real_data, store_real_data
from bench.errors import BadInput


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tmp_path / "data"))


def draw(folder: Path, n: int, size: int | tuple[int, int] = 16, mode: str = "RGB") -> None:
    """Draw n images of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    random = torch.Generator().manual_seed(len(str(folder)))
    width, height = (size, size) if isinstance(size, int) else size
    for i in range(n):
        pixels = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8, generator=random).numpy()
        Image.fromarray(pixels).convert(mode).save(folder / f"{width}-{i}.png")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 40 colour images of 16x16 in two class folders."""
    draw(tmp_path / "photos" / "cat", 20)
    draw(tmp_path / "photos" / "dog", 20)
    return tmp_path / "photos"


def write(
    source: Path, name: str = "pets", size: int | None = None, tiers: tuple[str, ...] | None = ("smoke",)
) -> NewTask:
    return write_new_task(name, Path(source.name), source.parent, size, tiers, QUIET)


def refusal(source: Path, **options: object) -> str:
    with pytest.raises(BadInput) as caught:
        write(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert not list(source.parent.glob("*.toml"))
    return message


def test_the_file_says_what_the_images_are(photos: Path):
    data = write(photos).task.data
    assert (data.channels, data.size, data.classes) == (3, 16, ("cat", "dog"))
    assert (data.training, data.reference) == (30, 10)
    assert data.path == Path("photos")


def test_the_images_are_found_where_they_lie_and_are_those_that_the_file_pins(photos: Path):
    task = load_task(str(write(photos).path))
    real = load_real_data(task)
    assert real.pinned
    assert (len(real.training), len(real.reference)) == (30, 10)


def test_the_same_images_elsewhere_are_those_that_the_file_pins(photos: Path, tmp_path: Path):
    task = write(photos).task
    photos.rename(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match=r"pets.toml: data.path is photos, and there is nothing at .*--data PATH$"):
        load_real_data(task)
    assert load_real_data(task, tmp_path / "elsewhere").pinned


def test_what_was_stored_of_another_task_of_the_name_is_not_taken_for_the_images(photos: Path):
    task = write(photos).task
    other = task.model_copy(update={"data": task.data.model_copy(update={"training": 20})})
    other._path = task.path
    store_real_data(other, None)
    assert load_real_data(task).pinned


def test_images_that_were_stored_are_found_when_those_at_the_path_are_gone(photos: Path, tmp_path: Path):
    task = write(photos).task
    assert store_real_data(task, None).pinned
    photos.rename(tmp_path / "elsewhere")
    assert load_real_data(task).pinned


def test_an_archive_is_the_same_task_as_its_folder(photos: Path, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in photos.rglob("*.png"):
            archive.write(path, path.relative_to(photos))
    first = write(photos).task
    second = write_new_task("pets2", Path("photos.zip"), tmp_path, None, ["smoke"], QUIET).task
    assert second.data.model_copy(update={"path": Path("photos")}) == first.data


def test_folders_of_training_and_test_images_are_the_split(tmp_path: Path):
    for part, n in (("train", 12), ("test", 7)):
        draw(tmp_path / "photos" / part / "a", n)
        draw(tmp_path / "photos" / part / "b", n)
    data = write(tmp_path / "photos").task.data
    assert (data.training, data.reference, data.classes) == (24, 14, ("a", "b"))


def test_images_in_no_folders_have_no_labels(tmp_path: Path):
    draw(tmp_path / "photos", 30)
    written = write(tmp_path / "photos")
    assert written.task.data.classes == ()
    assert any("no labels" in note for note in written.notes)


def test_only_grey_images_make_a_grey_task(tmp_path: Path):
    draw(tmp_path / "photos" / "a", 15, mode="L")
    draw(tmp_path / "photos" / "b", 15, mode="L")
    assert write(tmp_path / "photos").task.data.channels == 1
    draw(tmp_path / "photos" / "b", 1, mode="RGB")
    assert write(tmp_path / "photos", "other").task.data.channels == 3


def test_images_are_resized_where_a_size_is_given(photos: Path):
    draw(photos / "cat", 3, size=20)
    task = write(photos, size=8).task
    assert task.data.size == 8
    assert load_real_data(task).training.images.shape[1:] == (3, 8, 8)


@pytest.mark.parametrize(
    ("channels", "size", "nearest"),
    [(1, 8, "digits"), (1, 11, "digits"), (1, 30, "fashion_mnist"), (3, 8, "cifar10"), (3, 40, "cifar10"),
     (3, 48, "ffhq64"), (3, 500, "ffhq64")],
)  # fmt: skip
def test_the_nearest_task_has_as_many_channels_and_the_nearest_size(channels: int, size: int, nearest: str):
    assert nearest_task(channels, size).name == nearest


def test_the_file_says_whose_budgets_it_has(photos: Path):
    written = write(photos)
    assert written.nearest == "cifar10"
    assert "cifar10, whose colour images of 32 pixels" in written.path.read_text(encoding="utf-8")
    theirs = load_task("cifar10").tiers["smoke"]
    assert written.task.tiers["smoke"].generators == theirs.generators


def test_the_tiers_are_those_that_are_asked_for(photos: Path):
    task = write(photos, tiers=("smoke", "paper")).task
    assert list(task.tiers) == ["smoke", "paper"]
    assert task.tiers["paper"].features == "inception"


def test_all_tiers_are_those_of_the_nearest_task(tmp_path: Path):
    draw(tmp_path / "small", 30, size=8, mode="L")
    task = write(tmp_path / "small", tiers=None).task
    assert list(task.tiers) == list(load_task("digits").tiers)


def test_a_tier_that_the_nearest_task_does_not_have_is_refused_with_those_that_it_has(tmp_path: Path):
    draw(tmp_path / "small", 30, size=8, mode="L")
    message = refusal(tmp_path / "small", tiers=("smoke", "laptop"))
    assert message == "--tier laptop: digits, the nearest task, has smoke, standard, paper"


def test_the_tiers_for_a_cpu_are_scored_in_features_that_are_no_download(tmp_path: Path):
    draw(tmp_path / "grey", 60, size=28, mode="L")
    task = write(tmp_path / "grey", tiers=None).task
    assert {task.space_name(tier) for tier in ("smoke", "laptop")} <= {"efficientnet-lite0", "identity"}
    assert {task.space_name(tier) for tier in ("standard", "paper")} == {"inception"}


@pytest.mark.parametrize(("size", "seen"), [(32, 16), (64, 16), (16, None), (8, None), (24, 12), (20, None)])
def test_a_tier_sees_the_images_at_the_size_that_is_nearest_to_that_of_the_budgets(
    photos: Path, size: int, seen: int | None
):
    assert write(photos, size=size).task.tiers["smoke"].size == seen


def test_a_size_that_no_generator_can_make_is_refused_with_one_that_they_can(photos: Path):
    assert refusal(photos, size=17).endswith("cannot fold and halve images of 17 pixels: give --size 16")


def loops_for(n_training: int, tmp_path: Path) -> Task:
    draw(tmp_path / "photos", n_training * 4 // 3)
    return write(tmp_path / "photos").task


def test_few_images_make_small_loops_that_begin_with_the_same_images_and_never_run_out(tmp_path: Path):
    task = loops_for(90, tmp_path)
    loops = task.tiers["smoke"].loops
    assert {sizes.n_initial for sizes in loops.values()} == {36}
    fresh = loops["fresh_data"]
    assert 85 < fresh.n_initial + (fresh.generations - 1) * fresh.n_real <= 90
    assert task.tiers["smoke"].n_score == 30


def test_enough_images_make_the_loops_of_the_nearest_task(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("bench.data.new_task._needed", lambda kind, sizes: 0)
    loops = loops_for(45, tmp_path).tiers["smoke"].loops
    assert loops == load_task("cifar10").tiers["smoke"].loops


@pytest.mark.parametrize("name", ["Pets", "my-pets", "../pets", "", "a" * 101, "pets.toml"])
def test_a_name_that_no_task_can_have_is_refused(photos: Path, name: str):
    assert "use lower case, digits and _" in refusal(photos, name=name)


def test_the_name_of_a_task_of_the_package_is_refused(photos: Path):
    for name in task_names():
        assert refusal(photos, name=name).startswith(f"new-task {name}: is a task of the package (cifar10, ")


def test_a_file_that_is_there_is_not_written_over(photos: Path):
    text = write(photos).path.read_text(encoding="utf-8")
    with pytest.raises(BadInput, match=r"pets.toml: there is such a file already"):
        write(photos)
    assert (photos.parent / "pets.toml").read_text(encoding="utf-8") == text


def test_an_empty_folder_is_refused(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    assert refusal(tmp_path / "photos").startswith("photos: no images in it (looked for .apng, .bmp")


def test_nothing_is_refused(tmp_path: Path):
    assert refusal(tmp_path / "photos").endswith("photos: there is no such file or folder")


@pytest.mark.parametrize(("n", "said"), [(1, "1 image: "), (23, "23 images: ")])
def test_too_few_images_are_refused(tmp_path: Path, n: int, said: str):
    draw(tmp_path / "photos", n)
    assert refusal(tmp_path / "photos") == f"photos: {said}a task needs at least 24"


def test_too_few_images_of_a_split_are_refused(tmp_path: Path):
    draw(tmp_path / "photos" / "train", 20)
    draw(tmp_path / "photos" / "test", 5)
    assert refusal(tmp_path / "photos") == "photos: 25 images: a task needs at least 6 in each of the two folders"


def test_a_class_of_one_image_is_refused(photos: Path):
    draw(photos / "emu", 1)
    assert refusal(photos).startswith("photos: class 'emu' has 1 image: each class needs at least 2")


def test_images_of_several_sizes_are_refused_with_the_sizes_and_what_resizes_them(photos: Path):
    draw(photos / "cat", 3, size=20)
    assert refusal(photos) == ("photos: images of 2 sizes (16 x 16, 20 x 20): a task has one: --size N resizes them")


def test_images_that_are_not_square_are_refused(photos: Path):
    draw(photos / "cat", 3, size=(20, 10))
    assert refusal(photos, size=8).startswith("photos: images of 20 x 10 pixels, give square images: crop them")


@pytest.mark.parametrize("size", [0, -3, 10_000])
def test_a_size_that_no_image_has_is_refused(photos: Path, size: int):
    assert refusal(photos, size=size) == f"--size {size}: choose from 1 to 8192"


def test_images_beside_class_folders_are_refused(photos: Path):
    draw(photos, 1)
    assert "in no class folder" in refusal(photos)
