"""Where the real images come from."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from sklearn.datasets import load_digits

from bench.data.real import RealData, load_real_data
from bench.data.sources import SOURCES
from bench.errors import BadInput
from bench.task import Task, load_task

# Published MD5 of the unpacked files, which many loaders of MNIST check.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
RANDOM = np.random.default_rng(0)
IMAGES = {
    "train": RANDOM.integers(0, 256, (7, 28, 28), np.uint8),
    "t10k": RANDOM.integers(0, 256, (4, 28, 28), np.uint8),
}
LABELS = {"train": np.arange(7, dtype=np.uint8), "t10k": np.arange(4, dtype=np.uint8)[::-1]}


@pytest.fixture
def tiny_mnist(tmp_path: Path) -> Path:
    """A folder with seven training and four test images in the IDX format, whose layout LeCun's page describes."""
    raw = tmp_path / "mnist" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        n = len(IMAGES[part])
        header = b"".join(value.to_bytes(4, "big") for value in (0x00000803, n, 28, 28))
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + IMAGES[part].tobytes())
        header = b"".join(value.to_bytes(4, "big") for value in (0x00000801, n))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(header + LABELS[part].tobytes())
    return raw.parents[1]


def read_mnist(folder: Path, n_training: int = 7, n_reference: int = 4):
    return SOURCES["torchvision_mnist"].read(folder, n_training, n_reference)


def refusal_of_mnist(folder: Path, **sizes: int) -> str:
    with pytest.raises(BadInput) as caught:
        read_mnist(folder, **sizes)
    message = str(caught.value)
    assert message.startswith(f"{folder}: ")
    assert "\n" not in message
    return message


def test_digits_are_scikit_learns_in_the_order_of_the_fixed_permutation(digits_data: RealData):
    order = np.random.RandomState(0).permutation(1797)
    original = load_digits()
    images = torch.cat([digits_data.training.images, digits_data.reference.images]).numpy()[:, 0]
    # 255 / 16 grey levels to one: rounding back gives the sixteen levels of the original.
    assert np.array_equal(np.rint(images / (255 / 16)), original.images[order])
    assert np.array_equal(
        np.concatenate([digits_data.training.labels, digits_data.reference.labels]), original.target[order]
    )


def test_digits_use_the_whole_range_of_grey(digits_data: RealData):
    assert (digits_data.training.images.min(), digits_data.training.images.max()) == (0, 255)


def test_digits_have_the_sizes_and_hashes_that_the_task_pins(digits: Task, digits_data: RealData):
    assert digits_data.pinned
    assert (len(digits_data.training), len(digits_data.reference)) == (1297, 500)
    assert digits_data.training.sha256 == digits.data.training_sha256
    assert digits_data.reference.sha256 == digits.data.reference_sha256


def with_data(task: Task, **changes: object) -> Task:
    return task.model_copy(update={"data": task.data.model_copy(update=changes)})


@pytest.mark.parametrize("key", ["training_sha256", "reference_sha256"])
def test_images_that_are_not_the_pinned_ones_are_marked(digits: Task, key: str):
    assert not load_real_data(with_data(digits, **{key: "0" * 64})).pinned


def test_more_digits_than_there_are_are_refused(digits: Task):
    with pytest.raises(BadInput, match="1797"):
        load_real_data(with_data(digits, training=1600))


def test_there_is_nothing_to_fetch_for_the_digits(tmp_path: Path):
    with pytest.raises(BadInput, match="come with scikit-learn"):
        SOURCES["sklearn_digits"].fetch(tmp_path, tmp_path)


def test_gaussian_points_are_the_pinned_ones_and_of_a_standard_normal_distribution():
    data = load_real_data(load_task("gaussian"))
    assert data.pinned
    for part, n in ((data.training, 50_000), (data.reference, 10_000)):
        values = part.images.double()
        assert values.shape == (n, 100)
        assert kstest(values.flatten()[:50_000].numpy(), "norm").pvalue > 0.01
        # Of independent coordinates the largest of 4,950 correlations is below 5 / sqrt(n).
        assert (values.T.corrcoef() - torch.eye(100)).abs().max() < 5 / n**0.5


def test_fewer_gaussian_points_are_the_first_ones():
    source = SOURCES["gaussian"]
    few, many = source.read(Path(), 5, 3), source.read(Path(), 7, 4)
    assert torch.equal(few[0].images, many[0].images[:5])
    assert torch.equal(few[1].images, many[1].images[:3])
    assert not torch.equal(few[0].images[:3], few[1].images)


def test_there_is_nothing_to_fetch_for_gaussian_points(tmp_path: Path):
    with pytest.raises(BadInput, match="the points are made"):
        SOURCES["gaussian"].fetch(tmp_path, tmp_path)


def test_a_data_folder_that_does_not_exist_is_refused(tmp_path: Path):
    with pytest.raises(BadInput, match=r"--data .*nowhere: there is no such folder"):
        load_real_data(load_task("mnist"), tmp_path / "nowhere")


def test_mnist_files_are_read_in_their_order(tiny_mnist: Path):
    for found, part in zip(read_mnist(tiny_mnist), ("train", "t10k"), strict=True):
        assert np.array_equal(found.images.numpy()[:, 0], IMAGES[part])
        assert np.array_equal(found.labels.numpy(), LABELS[part])


def test_fewer_mnist_images_are_the_first_ones(tiny_mnist: Path):
    training, reference = read_mnist(tiny_mnist, 5, 2)
    assert np.array_equal(training.images.numpy()[:, 0], IMAGES["train"][:5])
    assert np.array_equal(reference.images.numpy()[:, 0], IMAGES["t10k"][:2])


def test_mnist_without_a_file_is_refused_with_what_to_do(tiny_mnist: Path):
    (tiny_mnist / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    message = refusal_of_mnist(tiny_mnist)
    assert "autophagy data mnist" in message
    assert "--data DIR" in message
    assert "t10k-labels-idx1-ubyte" in message


@pytest.mark.parametrize("name", MNIST_MD5)
@pytest.mark.parametrize("left", [0, 3, 10, 17])
def test_a_truncated_mnist_file_is_refused_with_what_to_do(tiny_mnist: Path, name: str, left: int):
    path = tiny_mnist / "MNIST" / "raw" / name
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: min(left, size - 1)])
    assert "autophagy data mnist" in refusal_of_mnist(tiny_mnist)


def test_an_empty_folder_is_refused_with_what_to_do(tmp_path: Path):
    assert "autophagy data mnist" in refusal_of_mnist(tmp_path)


def test_too_few_mnist_images_are_refused_with_how_many_are_needed(tiny_mnist: Path):
    assert "7 training images, needed are 60000" in refusal_of_mnist(tiny_mnist, n_training=60000)


def test_mnist_is_copied_from_a_given_folder(tiny_mnist: Path, tmp_path: Path):
    SOURCES["torchvision_mnist"].fetch(tmp_path / "cache", tiny_mnist)
    assert read_mnist(tmp_path / "cache")[0].sha256 == read_mnist(tiny_mnist)[0].sha256


def test_a_given_folder_without_mnist_is_refused_with_what_to_do(tmp_path: Path):
    with pytest.raises(BadInput, match=r"there is no folder MNIST/raw in it: .*autophagy data mnist"):
        SOURCES["torchvision_mnist"].fetch(tmp_path / "cache", tmp_path)


def small(task: Task, **changes: object) -> Task:
    return with_data(task, training=7, reference=4, **changes)


def test_other_images_of_the_right_shape_run_but_are_not_pinned(tiny_mnist: Path):
    assert not load_real_data(small(load_task("mnist")), tiny_mnist).pinned


def test_the_data_folder_of_the_environment_is_used(tiny_mnist: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tiny_mnist.parent))
    assert len(load_real_data(small(load_task("mnist"))).training) == 7


def test_images_of_another_shape_are_refused_with_the_folder_that_they_are_in(
    tiny_mnist: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tiny_mnist.parent))
    with pytest.raises(BadInput) as caught:
        load_real_data(small(load_task("mnist"), size=32))
    assert str(caught.value) == f"{tiny_mnist}: images of shape (1, 28, 28), task 'mnist' needs (1, 32, 32)"


@pytest.mark.parametrize("name", MNIST_MD5)
def test_the_real_mnist_files_are_the_published_ones(mnist_folder: Path, name: str):
    content = (mnist_folder / "MNIST" / "raw" / name).read_bytes()
    assert hashlib.md5(content).hexdigest() == MNIST_MD5[name]


def test_the_real_mnist_is_the_one_that_the_task_pins(mnist_data: RealData):
    assert mnist_data.pinned
    # Class frequencies of the training images as published with the data set.
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist_data.training.labels.bincount().tolist() == counts
