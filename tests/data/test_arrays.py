"""Arrays of images and points, also several in one file."""

from pathlib import Path

import numpy as np
import pytest

from bench.data.read import read_images, read_set
from bench.errors import BadInput

RANDOM = np.random.default_rng(0)
LAST = RANDOM.integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)


def refusal(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read_images(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_samples_of_adm_are_read(tmp_path: Path, save):
    save(tmp_path / "a.npz", LAST)
    assert np.array_equal(read_images(tmp_path / "a.npz").images.numpy(), LAST.transpose(0, 3, 1, 2))


def test_channels_last_are_read_and_said(tmp_path: Path):
    np.save(tmp_path / "a.npy", LAST)
    images, reading = read_set(tmp_path / "a.npy")
    assert np.array_equal(images.images.numpy(), LAST.transpose(0, 3, 1, 2))
    assert reading.all_lines == ("4 images of 5 x 6, colour, an array (n, height, width, channels)",)


def test_labels_beside_the_samples_are_left_out_and_said(tmp_path: Path):
    np.savez(tmp_path / "a.npz", LAST, np.arange(4))
    images, reading = read_set(tmp_path / "a.npz")
    assert len(images) == 4
    assert "the images are its array arr_0; left out are arr_1" in reading.all_lines


def test_samples_with_statistics_beside_them_are_read(tmp_path: Path):
    np.savez(tmp_path / "a.npz", arr_0=LAST, mu=np.zeros(8), sigma=np.eye(8))
    assert len(read_images(tmp_path / "a.npz")) == 4


def test_statistics_alone_are_refused_as_such(tmp_path: Path):
    np.savez(tmp_path / "a.npz", mu=np.zeros(8), sigma=np.eye(8))
    assert "the mean and covariance of features, and no images" in refusal(tmp_path / "a.npz")


def test_two_arrays_that_could_be_meant_are_refused_with_both(tmp_path: Path):
    np.savez(tmp_path / "a.npz", x=LAST, y=LAST)
    message = refusal(tmp_path / "a.npz")
    assert "x: uint8 of shape (4, 6, 5, 3), y: uint8" in message
    assert "give one of them alone" in message


@pytest.mark.parametrize("name", ["a.NPY", "a.Npy"])
def test_capitals_of_a_suffix_mean_nothing(tmp_path: Path, name: str):
    with (tmp_path / name).open("wb") as file:
        np.save(file, LAST)
    assert len(read_images(tmp_path / name)) == 4


@pytest.mark.parametrize("name", ["a.npy", "a.zip", "a.NPZ"])
def test_an_archive_of_arrays_is_one_whatever_it_is_called(tmp_path: Path, name: str):
    with (tmp_path / name).open("wb") as file:
        np.savez(file, LAST)
    assert len(read_images(tmp_path / name)) == 4


@pytest.mark.parametrize("shape", [(4, 3, 6, 1), (4, 1, 6, 3)])
def test_an_array_that_can_be_read_both_ways_is_refused(tmp_path: Path, shape: tuple[int, ...]):
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    assert "can be read in two ways" in refusal(tmp_path / "a.npy")


@pytest.mark.parametrize(("array", "advice"), [
    (np.zeros((4, 3, 6, 6), np.float32), "rounded to uint8"), (np.zeros((4, 6, 6), np.uint8), "array[:, None]"),
    (np.zeros((4, 3, 6, 6), np.int64), "array.astype('uint8')"),
])  # fmt: skip
def test_what_is_nearly_right_is_refused_with_what_mends_it(tmp_path: Path, array: np.ndarray, advice: str):
    np.save(tmp_path / "a.npy", array)
    assert advice in refusal(tmp_path / "a.npy")


def test_points_whose_differences_float32_loses_are_refused(tmp_path: Path):
    points = RANDOM.normal(size=(50, 3))
    np.save(tmp_path / "near.npy", points + 100)
    assert np.allclose(read_images(tmp_path / "near.npy").images, points + 100, atol=1e-5)
    points[:, 1] += 1e8
    np.save(tmp_path / "far.npy", points)
    message = refusal(tmp_path / "far.npy")
    assert "coordinate 1" in message
    assert "lost in float32" in message


def test_pixels_of_0_and_1_only_are_said(tmp_path: Path):
    np.save(tmp_path / "a.npy", LAST % 2)
    _, reading = read_set(tmp_path / "a.npy")
    assert any("no pixel is above 1 of 255" in line for line in reading.all_lines)


def test_objects_in_an_archive_are_not_unpickled(tmp_path: Path):
    np.savez(tmp_path / "a.npz", np.array([{}], dtype=object), allow_pickle=True)
    assert refusal(tmp_path / "a.npz")


@pytest.mark.parametrize("end", [-10, -200])
def test_a_cut_archive_is_refused(tmp_path: Path, end: int):
    np.savez(tmp_path / "a.npz", LAST)
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:end])
    assert refusal(tmp_path / "a.npz")
