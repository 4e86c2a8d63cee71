"""The published files: read as NumPy and Python 2 wrote them, and nothing of them is executed."""

import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from bench.data.published import MNIST, read_batch
from bench.errors import BadInput

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 3072), np.uint8)
LABELS = [7, 0, 255]


def batch(data: bytes, labels: bytes = b"]q\x07(K\x07K\x00K\xffe") -> bytes:
    """A batch in the words of Python 2's cPickle, protocol 2, in which the published files are written."""
    return (
        b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x16training batch 1 of 5\x00q\x03U\x06labelsq\x04" + labels
        + b"U\x04dataq\x08" + data + b"u."
    )  # fmt: skip


def array(shape: tuple[int, int] = (3, 3072), kind: bytes = b"u1", order: bytes = b"\x89") -> bytes:
    rows, columns = (struct.pack("<H", n) for n in shape)
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x09cnumpy\nndarray\nq\x0aK\x00\x85U\x01b\x87Rq\x0b(K\x01M" + rows
        + b"M" + columns + b"\x86q\x0ccnumpy\ndtype\nq\x0dU\x02" + kind + b"K\x00K\x01\x87Rq\x0e(K\x03U\x01|NNN"
        + b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb" + order + b"T" + struct.pack("<I", IMAGES.size)
        + IMAGES.tobytes() + b"tb"
    )  # fmt: skip


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "data_batch_1"
    path.write_bytes(content)
    return path


def test_a_batch_of_python_2_is_read(tmp_path: Path):
    path = written(tmp_path, batch(array()))
    # That it is one: so reads it who trusts it.
    trusted = pickle.loads(path.read_bytes(), encoding="latin1")
    assert np.array_equal(trusted["data"], IMAGES)
    images, labels = read_batch(path)
    assert np.array_equal(images, IMAGES)
    assert labels == trusted["labels"] == LABELS


def test_columns_first_is_read_as_numpy_reads_it(tmp_path: Path):
    path = written(tmp_path, batch(array(order=b"\x88")))
    assert np.array_equal(read_batch(path)[0], pickle.loads(path.read_bytes(), encoding="latin1")["data"])


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_batch_of_todays_numpy_is_read(tmp_path: Path, protocol: int):
    path = written(tmp_path, pickle.dumps({"data": IMAGES, "labels": LABELS}, protocol=protocol))
    images, labels = read_batch(path)
    assert np.array_equal(images, IMAGES)
    assert labels == LABELS


class Calls:
    """An object that calls a function when it is unpickled."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize(
    "function", [os.system, exec, getattr, np.load, torch.load, pickle.loads], ids=lambda function: function.__name__
)
def test_whatever_a_batch_calls_it_is_refused_and_not_called(tmp_path: Path, protocol: int, function: object):
    """The MD5 of the file is not looked at here: this is what would happen if it could be forged."""
    trace = tmp_path / "trace"
    content = {"data": Calls(function, f"touch {trace}"), "labels": LABELS}
    with pytest.raises(ValueError, match=r"^data_batch_1 is not a batch: it names "):
        read_batch(written(tmp_path, pickle.dumps(content, protocol)))
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02",
        b"not a pickle",
        b"\x80\x02}.",
        b"\x80\x02]q\x01.",
        batch(array())[:-1],
        batch(array())[:2000],
        batch(b"K\x01"),
        batch(b"cnumpy\nndarray\n"),
        batch(b"cnumpy\nndarray\n)\x81"),
        batch(b"cnumpy\ndtype\n)R"),
        batch(b"cnumpy\nndarray\n)R)R"),
        batch(array(shape=(4, 3072))),
        batch(array(shape=(3, 3071))),
        batch(array(kind=b"i1")),
        batch(array(kind=b"O8")),
        batch(array(), labels=b"]q\x07(U\x01aK\x00K\x01e"),
        batch(array(), labels=b"K\x01"),
        batch(b"U\x01aQ"),
        batch(b"cnumpy\nndarray\n}U\x01aK\x01sb"),
    ],
    ids=["empty", "start", "text", "no batch", "list", "no end", "truncated", "number", "class", "no state", "dtype",
         "called twice", "rows", "columns", "signed", "objects", "labels", "no labels", "elsewhere", "attributes"],
)  # fmt: skip
def test_what_is_no_batch_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(ValueError, match=r"^data_batch_1 is not a batch: "):
        read_batch(written(tmp_path, content))


def test_a_batch_that_is_a_link_is_refused(tmp_path: Path):
    written(tmp_path, batch(array()))
    (tmp_path / "link").symlink_to(tmp_path / "data_batch_1")
    with pytest.raises(BadInput, match="a symbolic link"):
        read_batch(tmp_path / "link")


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, 1, 2, 2) + b"abcd")
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 1) + b"\x03")
    return raw


def test_what_old_versions_of_torchvision_have_left_is_not_unpickled(tmp_path: Path, mnist: Path):
    processed = mnist.parent / "processed"
    processed.mkdir()
    for name in ("training.pt", "test.pt"):
        torch.save((torch.zeros(5, 2, 2), torch.zeros(5)), processed / name)
    assert len(datasets.MNIST(tmp_path).data) == 5
    assert MNIST(tmp_path).data.tolist() == [[list(b"ab"), list(b"cd")]]


def test_a_pipe_in_place_of_a_file_of_mnist_is_refused(tmp_path: Path, mnist: Path):
    (mnist / "train-images-idx3-ubyte").unlink()
    os.mkfifo(mnist / "train-images-idx3-ubyte")
    with pytest.raises(RuntimeError, match="not found"):
        MNIST(tmp_path)


def test_a_device_in_place_of_a_file_of_mnist_is_refused(tmp_path: Path, mnist: Path):
    (mnist / "train-images-idx3-ubyte").unlink()
    (mnist / "train-images-idx3-ubyte").symlink_to("/dev/zero")
    with pytest.raises((BadInput, RuntimeError), match=r"not a file|not found"):
        MNIST(tmp_path)
