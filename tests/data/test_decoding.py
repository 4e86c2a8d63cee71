"""What an image file holds beside its pixels: kept, refused, or counted."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from bench.data.decoding import (
    CHANNELS,
    CMYK,
    FRAMES,
    ORIENTATION,
    PROFILE,
    TRANSPARENCY,
    WARNING,
    Decoded,
    decode,
    look,
)  # fmt: skip
from bench.errors import BadInput

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (6, 4, 3), dtype=np.uint8)
IMAGE = Image.fromarray(PIXELS)
GREY = IMAGE.convert("L")
LOSSLESS = {"PNG": {}, "WEBP": {"lossless": True, "exact": True}, "TIFF": {}}
# How an upright image is stored that a camera says to show with each orientation (Exif 2.32, 4.6.4, table 6): what is
# shown as the first row is stored as its left column, for example. Held against no library.
STORED = {
    1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2), 6: lambda a: a.transpose(1, 0, 2)[::-1],
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2), 8: lambda a: a.transpose(1, 0, 2)[:, ::-1],
}  # fmt: skip


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def found(content: bytes) -> Decoded:
    return decode("a", content)


def array(decoded: Decoded) -> np.ndarray:
    return np.asarray(decoded.image)


def refusal(content: bytes) -> str:
    with pytest.raises(BadInput) as caught:
        decode("here/a.png", content)
    message = str(caught.value)
    assert message.startswith("here/a.png: ")
    assert "\n" not in message
    return message


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG written by hand, after its specification."""
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", LOSSLESS)
def test_an_image_is_turned_as_its_file_says(kind: str, orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](PIXELS)))
    content = encoded(stored, kind, exif=exif, **LOSSLESS[kind])
    decoded = found(content)
    assert np.array_equal(array(decoded), PIXELS)
    assert (ORIENTATION in decoded.losses) == (orientation != 1)
    assert look("a", content) == ((4, 6), False)


def test_an_orientation_in_xmp_is_seen():
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", '<x:xmpmeta tiff:Orientation="3"></x:xmpmeta>')
    assert np.array_equal(array(found(encoded(IMAGE, "PNG", pnginfo=info))), PIXELS[::-1, ::-1])


@pytest.mark.parametrize("orientation", [0, 9])
def test_an_orientation_that_there_is_none_of_is_none(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = found(encoded(IMAGE, "PNG", exif=exif))
    assert np.array_equal(array(decoded), PIXELS)
    assert decoded.losses == {}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_transparent_pixel_is_told_and_keeps_its_colour(kind: str):
    image = IMAGE.convert("RGBA")
    opaque = found(encoded(image, kind, **LOSSLESS[kind]))
    image.putpixel((0, 0), (*map(int, PIXELS[0, 0]), 254))
    decoded = found(encoded(image, kind, **LOSSLESS[kind]))
    assert (opaque.losses, decoded.losses) == ({}, {TRANSPARENCY: 1})
    assert np.array_equal(array(decoded), PIXELS)


def test_a_transparent_colour_is_told_where_a_pixel_has_it():
    of_a_pixel = tuple(map(int, PIXELS[0, 0]))
    decoded = found(encoded(IMAGE, "PNG", transparency=of_a_pixel))
    assert (decoded.losses, np.array_equal(array(decoded), PIXELS)) == ({TRANSPARENCY: 1}, True)
    assert found(encoded(IMAGE, "PNG", transparency=(1, 1, 1))).losses == {}
    assert found(encoded(GREY, "PNG", transparency=int(np.asarray(GREY)[0, 0]))).losses == {TRANSPARENCY: 1}


@pytest.mark.parametrize("transparency", [0, bytes([0, 255])])
def test_a_transparent_colour_of_a_palette_is_told(transparency: int | bytes):
    image = IMAGE.quantize(8)
    decoded = found(encoded(image, "PNG", transparency=transparency))
    assert decoded.losses == {TRANSPARENCY: 1}
    assert np.array_equal(array(decoded), np.asarray(image.convert("RGB")))


def test_grey_with_an_opaque_channel_stays_grey():
    decoded = found(encoded(GREY.convert("LA"), "PNG"))
    assert (decoded.image.mode, decoded.losses) == ("L", {})


def test_alpha_that_a_bitmap_hides_in_its_fourth_bytes_is_told():
    image = IMAGE.convert("RGBA")
    assert found(encoded(image, "BMP")).losses == {}
    image.putpixel((0, 0), (1, 2, 3, 0))
    assert found(encoded(image, "BMP")).losses == {CHANNELS: 1}


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bits_of_a_png_are_refused_in_every_mode(colour: int, channels: int):
    assert "16 bits a channel" in refusal(png(2, 1, 16, colour, b"\0" + bytes(range(4 * channels))))


@pytest.mark.parametrize(("bits", "levels"), [(1, 2), (2, 4), (4, 16)])
def test_fewer_bits_of_a_png_reach_from_black_to_white(bits: int, levels: int):
    decoded = found(png(2, 1, bits, 0, b"\0" + bytes([(levels - 1) << (8 - bits)])))
    assert array(decoded).tolist() == [[255, 0]]
    assert decoded.losses == {}


def tiff(tags: dict[int, tuple[int, ...]], content: bytes) -> bytes:
    """A TIFF of one strip written by hand, little-endian, all tags SHORT but for the strip's place and size."""
    entries, extra, start = b"", b"", 8 + 2 + 12 * (len(tags) + 2) + 4
    everything = {**tags, 273: (0,), 279: (len(content),)}
    at = start + sum(2 * len(values) for values in tags.values() if len(values) > 2)
    for tag, values in sorted({**everything, 273: (at,)}.items()):
        if len(values) > 2:
            entries += struct.pack("<HHII", tag, 3, len(values), start + len(extra))
            extra += struct.pack(f"<{len(values)}H", *values)
        elif tag in (273, 279):
            entries += struct.pack("<HHII", tag, 4, 1, *values)
        else:
            entries += struct.pack("<HHI", tag, 3, len(values)) + struct.pack("<HH", *(*values, 0)[:2])
    return b"II*\0" + struct.pack("<IH", 8, len(everything)) + entries + struct.pack("<I", 0) + extra + content


def tags(bits: tuple[int, ...], photometric: int, **more: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    found = {256: (2,), 257: (1,), 258: bits, 259: (1,), 262: (photometric,), 277: (len(bits),), 278: (1,)}
    return found | {int(tag.removeprefix("t")): values for tag, values in more.items()}


def test_16_bits_in_colour_in_a_tiff_are_refused():
    assert "16 bits" in refusal(tiff(tags((16, 16, 16), 2), bytes(range(12))))


def test_signed_numbers_in_a_tiff_are_refused():
    assert "signed or floating-point" in refusal(tiff(tags((8,), 1, t339=(2,)), bytes([1, 255])))


def test_a_channel_beyond_colour_in_a_tiff_is_told():
    decoded = found(tiff(tags((8, 8, 8, 8), 2, t338=(0,)), bytes(range(8))))
    assert array(decoded).tolist() == [[[0, 1, 2], [4, 5, 6]]]
    assert decoded.losses == {CHANNELS: 1}


def test_white_that_is_zero_in_a_tiff_is_white():
    assert array(found(tiff(tags((8,), 0), bytes([0, 255])))).tolist() == [[255, 0]]


@pytest.mark.parametrize("mode", ["F", "I", "I;16"])
def test_more_than_8_bits_in_a_tiff_are_refused(mode: str):
    assert "bits a channel" in refusal(encoded(GREY.convert("I").convert(mode), "TIFF"))


def test_a_mode_that_cannot_be_shown_is_refused_by_its_name():
    assert "mode LAB" in refusal(encoded(IMAGE.convert("LAB"), "TIFF"))


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP", "MPO"])
def test_further_pages_and_frames_are_counted_and_the_first_is_read(kind: str):
    options = LOSSLESS.get(kind, {"quality": 100})
    decoded = found(
        encoded(IMAGE, kind, save_all=True, append_images=[IMAGE.rotate(180), GREY.convert("RGB")], **options)
    )
    assert decoded.losses == {FRAMES: 2}
    assert decoded.kind == ("JPEG" if kind == "MPO" else kind)
    if kind != "MPO":
        assert np.array_equal(array(decoded), PIXELS)


def test_cmyk_is_converted_and_told():
    assert found(encoded(IMAGE.convert("CMYK"), "JPEG")).losses == {CMYK: 1}


def test_a_profile_is_told_unless_it_is_srgb():
    assert found(encoded(IMAGE, "PNG", icc_profile=b"Adobe RGB (1998)")).losses == {PROFILE: 1}
    assert found(encoded(IMAGE, "JPEG", icc_profile=b"desc sRGB IEC61966-2.1")).losses == {}
    assert found(encoded(IMAGE, "JPEG", icc_profile="sRGB built-in".encode("utf-16-be"))).losses == {}


@pytest.mark.parametrize(("chunk", "told"), [
    ((b"gAMA", struct.pack(">I", 45455)), False), ((b"gAMA", struct.pack(">I", 100000)), True),
    ((b"cICP", bytes([1, 13, 0, 1])), False), ((b"cICP", bytes([9, 16, 0, 1])), True),
])  # fmt: skip
def test_another_gamma_or_other_primaries_of_a_png_are_told(chunk: tuple[bytes, bytes], told: bool):
    decoded = found(png(2, 1, 8, 0, b"\0\1\2", chunk))
    assert (PROFILE in decoded.losses) == told
    assert array(decoded).tolist() == [[1, 2]]


@pytest.mark.parametrize("compressed", [True, False])
def test_a_png_with_a_long_text_is_read(compressed: bool):
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "x" * 3_000_000, zip=compressed)
    info.add_itxt("prompt", "y" * 3_000_000, zip=compressed)
    decoded = found(encoded(IMAGE, "PNG", pnginfo=info))
    assert np.array_equal(array(decoded), PIXELS)
    assert decoded.losses == {}


def test_a_png_with_a_large_profile_is_read_and_the_profile_told():
    decoded = found(encoded(IMAGE, "PNG", icc_profile=bytes(3_000_000)))
    assert np.array_equal(array(decoded), PIXELS)
    assert decoded.losses == {PROFILE: 1}


def test_what_pillow_warns_of_is_told(monkeypatch: pytest.MonkeyPatch):
    from bench.data import decoding

    content = encoded(IMAGE, "PNG")
    before = decoding._losses

    def warning(image: Image.Image):
        decoding.warnings.warn("Corrupt EXIF data", stacklevel=1)
        return before(image)

    monkeypatch.setattr(decoding, "_losses", warning)
    assert found(content).losses == {WARNING: 1}


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "it is empty"), (encoded(IMAGE, "GIF"), "it is a GIF"), (b"  <!DOCTYPE html><p>404", "it is a web page"),
    (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"), (b"PK\3\4....", "a zip archive"),
    (b"\0\0\0\x20ftypheic....", "HEIF, AVIF or video file (heic)"), (b"just text", "does not begin as a file of PNG"),
    (encoded(IMAGE.resize((99, 99)), "PNG")[:2000], "truncated"), (b"\x89PNG\r\n\x1a\n", "a PNG and is damaged"),
    (encoded(IMAGE.resize((99, 99)), "JPEG")[:1500], "truncated"), (b'{"a": 1}', "it is JSON"),
])  # fmt: skip
def test_bytes_that_are_no_image_are_refused_with_what_they_are(content: bytes, reason: str):
    message = refusal(content)
    assert "not a readable image: " in message
    assert reason in message
    assert "Error" not in message


ROW = np.arange(256, dtype=np.uint8)
WAYS = [
    ("PNG", {"optimize": True}), ("PNG", {"compress_level": 0}), ("BMP", {}), ("WEBP", {"lossless": True}),
    *(("TIFF", {"compression": way}) for way in (None, "tiff_lzw", "packbits", "tiff_adobe_deflate")),
]  # fmt: skip
READ = ("L", "RGB", "LA", "RGBA", "1", "P", "PA")  # never refused, and read exactly
MODES = (*READ, "CMYK", "YCbCr", "I;16", "I", "F", "La", "RGBa", "RGBX", "LAB", "HSV")


def drawn(mode: str, seed: int) -> Image.Image:
    """A random image of this mode, with a random transparency where it has one and the seed is not 0."""
    random = np.random.default_rng(seed)
    grey = Image.fromarray(random.integers(0, 256, (5, 7), dtype=np.uint8))
    colour = Image.fromarray(random.integers(0, 4, (5, 7, 3), dtype=np.uint8) * 85)
    through = {"I;16": ("I", "I;16"), "La": ("LA", "La"), "RGBa": ("RGBA", "RGBa"), "PA": ("P", "PA")}
    image = grey if mode in ("L", "LA", "La", "1", "I", "I;16", "F") else colour
    for step in through.get(mode, (mode,)):
        image = image.quantize(64) if step == "P" else image.convert(step)
    if mode in ("LA", "RGBA", "PA") and seed:
        image.putalpha(Image.fromarray(random.integers(0, 256, (5, 7), dtype=np.uint8)))
    return image


@pytest.mark.parametrize(("kind", "options"), WAYS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(3))
def test_the_same_pixels_in_every_way_are_the_same_told_or_refused(kind: str, options: dict, mode: str, seed: int):
    """Whatever Pillow can write: its pixels come back, or the loss is named, or the file is refused."""
    image = drawn(mode, seed)
    try:
        content = encoded(image, kind, **options)
    except (OSError, KeyError, ValueError, TypeError, AttributeError):
        return  # Pillow cannot write it
    try:
        decoded = found(content)
    except BadInput:
        assert mode not in READ
        return
    if mode in READ and kind != "WEBP":
        assert np.array_equal(array(decoded), np.asarray(image.convert(decoded.image.mode))), (kind, mode)
    else:  # what was converted on the way is near, or told
        shown = np.asarray(image.convert("RGBA").convert("RGB")).astype(int)
        near = np.abs(np.asarray(decoded.image.convert("RGB")).astype(int) - shown).max() <= 8
        assert near or decoded.losses, (kind, mode)
    if mode in ("LA", "RGBA", "PA") and seed:
        assert decoded.losses


def test_a_jpeg_that_a_telephone_stores_lying_is_upright_but_for_compression():
    blocks = RANDOM.integers(0, 256, (4, 3, 3), dtype=np.uint8)
    upright = Image.fromarray(np.kron(blocks, np.ones((16, 16, 1), np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95, subsampling=0)
    difference = np.abs(array(found(lying)).astype(int) - np.asarray(upright).astype(int))
    assert difference.mean() < 4
