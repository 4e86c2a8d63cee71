"""Where the real images come from."""

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from sklearn.datasets import load_digits
from torchvision.datasets import CIFAR10

from bench.cells.task import Task, load_task
from bench.data.real import RealData, load_real_data
from bench.data.sources import SOURCES
from bench.errors import BadInput

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


def test_fashion_mnist_files_are_read_as_those_of_mnist(tiny_mnist: Path, tmp_path: Path):
    (tmp_path / "FashionMNIST").mkdir()
    (tiny_mnist / "MNIST" / "raw").rename(tmp_path / "FashionMNIST" / "raw")
    source = SOURCES["torchvision_fashion_mnist"]
    assert (source.holds(tmp_path), source.holds(tiny_mnist)) == (True, False)
    for found, part in zip(source.read(tmp_path, 7, 4), ("train", "t10k"), strict=True):
        assert np.array_equal(found.images.numpy()[:, 0], IMAGES[part])
        assert np.array_equal(found.labels.numpy(), LABELS[part])


COLOURS = RANDOM.integers(0, 256, (12, 3072), np.uint8)
KINDS = [*range(10), 3, 1]


@pytest.fixture
def tiny_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with five training batches of two images and a test batch, as the data set's page describes them."""
    batches = tmp_path / "cifar" / "cifar-10-batches-py"
    batches.mkdir(parents=True)
    contents = {
        name: {"data": COLOURS[2 * i : 2 * i + 2], "labels": KINDS[2 * i : 2 * i + 2]}
        for i, name in enumerate([*(f"data_batch_{j}" for j in range(1, 6)), "test_batch"])
    }
    contents["batches.meta"] = {"label_names": list("abcdefghij")}
    md5 = {}
    for name, content in contents.items():
        (batches / name).write_bytes(pickle.dumps(content, protocol=3))
        md5[name] = hashlib.md5((batches / name).read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR10, "train_list", [[f"data_batch_{j}", md5[f"data_batch_{j}"]] for j in range(1, 6)])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5["batches.meta"]})
    return tmp_path / "cifar"


def test_cifar10_batches_are_read_in_their_order(tiny_cifar10: Path):
    training, reference = SOURCES["torchvision_cifar10"].read(tiny_cifar10, 10, 2)
    assert np.array_equal(training.images.numpy(), COLOURS[:10].reshape(10, 3, 32, 32))
    assert np.array_equal(reference.images.numpy(), COLOURS[10:].reshape(2, 3, 32, 32))
    assert training.labels.tolist() + reference.labels.tolist() == KINDS
    assert training.images.is_contiguous()


def test_a_cifar10_batch_that_is_not_the_published_one_is_refused_and_not_unpickled(tiny_cifar10: Path):
    (tiny_cifar10 / "cifar-10-batches-py" / "data_batch_3").write_bytes(pickle.dumps(Exploding()))
    with pytest.raises(BadInput, match=r"^.*cifar: no readable CIFAR10 there .*autophagy data cifar10"):
        SOURCES["torchvision_cifar10"].read(tiny_cifar10, 10, 2)


class Exploding:
    """An object that would run code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('unpickled')",)


def test_a_source_without_a_download_says_what_to_do(tmp_path: Path):
    source = SOURCES["image_files"]
    source.fetch(tmp_path / "ffhq64")
    with pytest.raises(BadInput, match=r"^.*ffhq64: .*autophagy data ffhq64 --from PATH.*--data PATH"):
        source.read(tmp_path / "ffhq64", 7, 4)


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
