"""Images from the user's own files."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data.files import read_images
from bench.errors import BadInput

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (3, 6, 5), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (3, 6, 5, 3), dtype=np.uint8)
AS_BYTES = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def refusal(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read_images(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for images."""
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


def zipped(folder: Path, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(folder))
    return path


def test_grey_images_of_a_folder_become_one_channel_in_the_order_of_their_names(folder: Path):
    for i in (2, 0, 1):
        Image.fromarray(GREY[i]).save(folder / f"{i}.png")
    assert np.array_equal(read_images(folder).images.numpy(), GREY[:, None])


def test_colour_images_become_three_channels(folder: Path):
    for i, image in enumerate(COLOUR):
        Image.fromarray(image).save(folder / f"{i}.png")
    assert np.array_equal(read_images(folder).images.numpy(), COLOUR.transpose(0, 3, 1, 2))


def test_images_in_folders_inside_are_read_and_other_files_are_not(folder: Path):
    for i in range(3):
        (folder / str(i)).mkdir()
        Image.fromarray(GREY[i]).save(folder / str(i) / "image.PNG")
    (folder / "notes.txt").write_text("not an image")
    assert np.array_equal(read_images(folder).images.numpy(), GREY[:, None])


@pytest.mark.parametrize("suffix", ["bmp", "tiff", "webp"])
def test_lossless_formats_are_read_exactly(folder: Path, suffix: str):
    Image.fromarray(COLOUR[0]).save(folder / f"a.{suffix}", lossless=True)
    assert np.array_equal(read_images(folder).images.numpy()[0], COLOUR[0].transpose(2, 0, 1))


def test_a_palette_image_is_read_as_its_colours(folder: Path):
    image = Image.fromarray(COLOUR[0]).quantize(16)
    image.save(folder / "a.png")
    assert np.array_equal(read_images(folder).images.numpy()[0], np.asarray(image.convert("RGB")).transpose(2, 0, 1))


def test_grey_images_of_16_bits_are_not_clipped_to_white(folder: Path):
    Image.fromarray(np.full((6, 5), 30_000, np.uint16)).save(folder / "a.png")
    assert "16" in refusal(folder)


@pytest.mark.parametrize("compression", AS_BYTES)
def test_a_zip_archive_is_read_like_the_folder(folder: Path, compression: int):
    (folder / "inside").mkdir()
    Image.fromarray(GREY[1]).save(folder / "b.png")
    Image.fromarray(GREY[0]).save(folder / "a.png")
    Image.fromarray(GREY[2]).save(folder / "inside" / "c.png")
    assert np.array_equal(read_images(zipped(folder, compression)).images.numpy(), GREY[:, None])


@pytest.mark.parametrize("compression", AS_BYTES)
def test_a_zip_archive_with_a_damaged_image_is_refused(folder: Path, compression: int):
    Image.fromarray(RANDOM.integers(0, 256, (32, 32), dtype=np.uint8)).save(folder / "a.bmp")
    path = zipped(folder, compression)
    content = bytearray(path.read_bytes())
    content[60:160] = b"\xff" * 100
    path.write_bytes(content)
    assert refusal(path)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path):
    path = tmp_path / "images.zip"
    path.write_text("not an archive")
    assert "neither a folder, a readable zip archive nor a .npy file" in refusal(path)


def test_images_of_different_sizes_are_refused_by_the_name_of_the_first_that_differs(folder: Path):
    Image.fromarray(GREY[0]).save(folder / "a.png")
    Image.fromarray(GREY[1][:4]).save(folder / "b.png")
    message = refusal(folder)
    assert message.startswith(f"{folder / 'b.png'}: ")
    assert "(1, 4, 5)" in message
    assert "(1, 6, 5)" in message


def test_grey_and_colour_images_in_one_set_are_refused(folder: Path):
    Image.fromarray(GREY[0]).save(folder / "a.png")
    Image.fromarray(COLOUR[0]).save(folder / "b.png")
    assert "one size and mode" in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"just text", b"\x89PNG\r\n\x1a\n"], ids=["empty", "text", "header only"])
def test_a_file_that_is_no_image_is_refused_by_its_name(folder: Path, content: bytes):
    (folder / "a.png").write_bytes(content)
    assert refusal(folder).startswith(f"{folder / 'a.png'}: not a readable image")


def test_a_truncated_image_is_refused_by_its_name(folder: Path):
    path = folder / "a.png"
    Image.fromarray(RANDOM.integers(0, 256, (64, 64), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:1000])
    assert refusal(folder).startswith(f"{path}: not a readable image")


def test_a_folder_without_images_is_refused(folder: Path):
    (folder / "notes.txt").write_text("nothing here")
    assert "no images in it" in refusal(folder)


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path):
    assert "there is no such file or folder" in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_uint8_array_is_read_as_it_is(tmp_path: Path, channels: int):
    array = RANDOM.integers(0, 256, (4, channels, 6, 5), dtype=np.uint8)
    np.save(tmp_path / "a.npy", array)
    assert np.array_equal(read_images(tmp_path / "a.npy").images.numpy(), array)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f8"])
def test_an_array_of_points_is_read_as_float32(tmp_path: Path, dtype: type):
    array = RANDOM.normal(size=(4, 3)).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    points = read_images(tmp_path / "a.npy").images.numpy()
    assert points.dtype == np.float32
    assert np.array_equal(points, array.astype(np.float32))


def test_an_array_in_fortran_order_is_read_as_it_is(tmp_path: Path):
    array = np.asfortranarray(RANDOM.normal(size=(4, 3)).astype(np.float32))
    np.save(tmp_path / "a.npy", array)
    assert np.array_equal(read_images(tmp_path / "a.npy").images.numpy(), array)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 1, 6, 5), np.float32),
        np.zeros((4, 6, 5, 3), np.uint8),
        np.zeros((4, 6, 5), np.uint8),
        np.zeros((4, 2, 6, 5), np.uint8),
        np.zeros((0, 1, 6, 5), np.uint8),
        np.zeros((0, 5), np.float32),
        np.zeros((5, 0), np.float32),
        np.zeros((4, 5), np.int64),
        np.zeros((4, 5), np.float16),
        np.zeros((4, 5), np.complex64),
        np.zeros((4, 5), np.uint8),
        np.zeros(5, np.float32),
    ],
    ids=[
        *["float images", "channels last", "no channels", "two channels", "no images", "no points", "no coordinates"],
        *["whole numbers", "half precision", "complex", "bytes", "one dimension"],
    ],
)
def test_an_array_of_another_kind_is_refused_with_what_it_is_and_what_is_allowed(tmp_path: Path, array: np.ndarray):
    np.save(tmp_path / "a.npy", array)
    message = refusal(tmp_path / "a.npy")
    assert f"{array.dtype} of shape {array.shape}" in message
    assert "uint8 (n, 1 or 3 channels, height, width)" in message
    assert "float32 or float64 (n, d)" in message


class Exploding:
    """An object that would run code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise RuntimeError('unpickled')",)


def test_a_pickled_array_is_refused_and_not_unpickled(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.array([Exploding()], dtype=object), allow_pickle=True)
    assert "not a readable .npy array" in refusal(tmp_path / "a.npy")


def test_a_bare_pickle_is_refused_and_not_unpickled(tmp_path: Path):
    (tmp_path / "a.npy").write_bytes(pickle.dumps(Exploding()))
    assert "not a readable .npy array" in refusal(tmp_path / "a.npy")


def test_an_archive_of_arrays_under_the_name_of_an_array_is_refused(tmp_path: Path):
    np.savez(tmp_path / "a.npz", images=np.zeros((4, 1, 6, 5), np.uint8))
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    assert refusal(tmp_path / "a.npy")


def test_a_truncated_array_is_refused(tmp_path: Path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 1, 6, 5), np.uint8))
    path.write_bytes(path.read_bytes()[:-10])
    assert "not a readable .npy array" in refusal(path)
