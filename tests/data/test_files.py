"""Images from the user's own files."""

import io
import os
import pickle
import stat
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data import files
from bench.data.read import read_images
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
        *["float images", "no channels", "two channels", "no images", "no points", "no coordinates"],
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


def test_a_truncated_array_is_refused(tmp_path: Path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 1, 6, 5), np.uint8))
    path.write_bytes(path.read_bytes()[:-10])
    assert "not a readable .npy array" in refusal(path)


def png(image: np.ndarray = GREY[0]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_file_of_another_kind_under_the_name_of_an_image_is_handed_to_no_other_program(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """Pillow runs Ghostscript on EPS, whatever the file is called."""
    Image.fromarray(COLOUR[0]).save(folder / "a.eps")
    (folder / "a.eps").rename(folder / "a.png")
    started: list[object] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *arguments, **_: started.append(arguments))
    assert "not a readable image" in refusal(folder)
    assert started == []


@pytest.mark.parametrize("kind", ["GIF", "ICO", "TGA", "PPM", "PCX", "ICNS"])
def test_only_the_kinds_that_are_named_are_read(folder: Path, kind: str):
    Image.new("RGB", (16, 16)).save(folder / "a.png", kind)
    assert "not a readable image" in refusal(folder)


@pytest.mark.parametrize("target", ["outside.png", "images/real.png", "nowhere"])
def test_a_link_to_an_image_is_refused_and_not_followed(folder: Path, target: str):
    for path in (folder.parent / "outside.png", folder / "real.png"):
        path.write_bytes(png())
    (folder / "a.png").symlink_to(folder.parent / target)
    assert refusal(folder).startswith(f"{folder / 'a.png'}: a symbolic link")


@pytest.mark.parametrize("target", ["outside", "images"])
def test_a_link_to_a_folder_is_refused_and_not_followed(folder: Path, target: str):
    (folder.parent / "outside").mkdir()
    (folder / "a.png").write_bytes(png())
    (folder / "inside").symlink_to(folder.parent / target)
    assert refusal(folder).startswith(f"{folder / 'inside'}: a symbolic link")


def test_the_folder_that_is_named_may_be_a_link(folder: Path):
    (folder / "a.png").write_bytes(png())
    (folder.parent / "link").symlink_to(folder)
    assert len(read_images(folder.parent / "link")) == 1


def test_a_pipe_is_not_waited_for(folder: Path):
    os.mkfifo(folder / "a.png")
    assert refusal(folder) == f"{folder / 'a.png'}: not a file"
    for name in ("pipe", "pipe.npy", "pipe.zip"):
        os.mkfifo(folder.parent / name)
        assert refusal(folder.parent / name) == f"{folder.parent / name}: not a file"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "images.zip"


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "a/../../b.png", "a/../b.png", "//a.png"])
def test_a_name_that_leads_out_of_the_archive_is_refused(archive: Path, name: str):
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, png())
    assert "leads out of the archive" in refusal(archive)


def test_a_link_in_an_archive_is_refused(archive: Path):
    link = zipfile.ZipInfo("a.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(link, "/etc/passwd")
    assert "a symbolic link" in refusal(archive)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(archive: Path):
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.png", png())
        file.writestr("a.png", png(GREY[1]))
    assert "is there twice" in refusal(archive)


def test_an_encrypted_archive_is_refused(archive: Path):
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.png", png())
    content = archive.read_bytes()
    archive.write_bytes(content.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"))
    assert "is encrypted" in refusal(archive)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_packed_in_another_way_is_refused(archive: Path, method: int):
    with zipfile.ZipFile(archive, "w", method) as file:
        file.writestr("a.png", png())
    assert "use 0 (stored) or 8 (deflated)" in refusal(archive)


def test_an_image_that_unpacks_to_too_much_is_refused(archive: Path):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", bytes(100_000_001))
    assert "100,000,001 bytes: the most is 100,000,000" in refusal(archive)


def test_an_image_that_is_larger_than_the_archive_says_is_not_unpacked(archive: Path):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.bmp", bytes(50_000_000))
    size = (50_000_000).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(size, (1000).to_bytes(4, "little")))
    assert "cannot be read from the archive" in refusal(archive)


def test_an_archive_of_too_many_files_is_refused(archive: Path, monkeypatch: pytest.MonkeyPatch):
    with zipfile.ZipFile(archive, "w") as file:
        for i in range(3):
            file.writestr(f"{i}.png", png(GREY[i]))
    monkeypatch.setattr(files, "MOST_IMAGES", 2)
    assert "3 files: the most is 2" in refusal(archive)


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(folder: Path):
    Image.new("1", (8193, 8192)).save(folder / "a.png")
    assert "8193 x 8192 pixels: the most is 67,108,864 in all" in refusal(folder)


def test_a_file_with_too_many_bytes_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "a.png").write_bytes(png())
    monkeypatch.setattr(files, "MOST_IMAGE_BYTES", len(png()) - 1)
    assert "bytes: the most is" in refusal(folder)


def test_more_images_than_fit_into_memory_are_refused(tmp_path: Path):
    with pytest.raises(BadInput, match=r"1,000,000,000 images of shape \(3, 8192, 8192\) do not fit into memory"):
        files.room_for(tmp_path, 10**9, (3, 8192, 8192))


def npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 3, 1000, 1000)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 3, 2, 2)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (True, 1.5)}",
        f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**30},)}}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2, 2)}",
        "{'descr': __import__('os').system('touch trace'), 'fortran_order': False, 'shape': (2, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}",
        "(" * 5000,
        "{'descr': " + "[" * 2000 + "]" * 2000 + "}",
        "",
    ],
    ids=["huge", "negative", "no numbers", "overflow", "objects", "expression", "short", "deep", "deep list", "empty"],
)
def test_an_array_with_a_header_of_another_is_refused(tmp_path: Path, header: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npy").write_bytes(npy(header))
    assert "not a readable .npy array" in refusal(tmp_path / "a.npy")
    assert not (tmp_path / "trace").exists()
