"""Images, archives, folders and arrays as somebody gives them, and the commands that read them."""

import contextlib
import io
import os
import socket
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from .mutation import mutated_bytes
from .sandbox import Said, Sandbox

N = 12
SHAPE = (8, 8)


@cache
def image(kind: str = "PNG", mode: str = "L", size: tuple[int, int] = SHAPE, frames: int = 1, seed: int = 0) -> bytes:
    """An image file with random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (frames, *size, 4), np.uint8)
    pictures = [Image.fromarray(each, "RGBA").convert("RGB").convert(mode) for each in pixels]
    buffer = io.BytesIO()
    more: dict[str, Any] = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
    pictures[0].save(buffer, kind, **more)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int, colour: int, data: bytes, before: bytes = b"") -> bytes:
    """A PNG that says what it is told to say."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


BOMB = zlib.compress(bytes(20_000_000), 9)
sizes = st.sampled_from([0, 1, 2, 7, 8, 9, 65_535, 70_000, 2**31 - 1, 2**31, 2**32 - 1])
said_png = st.builds(
    png, sizes, sizes, st.sampled_from([0, 1, 2, 8, 16, 255]), st.sampled_from([0, 2, 3, 4, 6, 9]),
    st.sampled_from([b"", zlib.compress(bytes(72)), BOMB]),
    st.sampled_from([b"", chunk(b"zTXt", b"a\0\0" + BOMB), chunk(b"iCCP", b"a\0\0" + BOMB), chunk(b"acTL",
    b"\xff" * 8),
                     chunk(b"PLTE", b"x"), chunk(b"tRNS", b""), chunk(b"eXIf", b"MM\0\x2a" + b"\xff" * 20)]),
)  # fmt: skip
good = st.integers(0, N).map(lambda seed: image(seed=seed))
kinds = [
    *[("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I")],
    ("JPEG", "L"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("BMP", "RGB"), ("BMP", "1"), ("WEBP", "RGBA"), ("TIFF", "F"),
    ("TIFF", "LAB"), ("TIFF", "L"), ("GIF", "P"), ("EPS", "RGB"), ("PDF", "RGB"), ("ICO", "RGBA"), ("TGA", "L"),
    ("JPEG2000", "L"), ("PCX", "P"), ("PPM", "RGB"), ("SGI", "L"), ("IM", "L"), ("DDS", "RGB"), ("MPO", "RGB"),
]  # fmt: skip


@st.composite
def other_image(draw: st.DrawFn) -> bytes:
    kind, mode = draw(st.sampled_from(kinds))
    size = draw(st.sampled_from([SHAPE, SHAPE, SHAPE, (16, 16), (8, 9), (1, 1), (24, 24)]))
    frames = draw(st.sampled_from([1, 1, 1, 3])) if kind in ("PNG", "GIF", "TIFF", "WEBP") and mode != "I" else 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return image(kind, mode, size, frames)
        except (OSError, ValueError, KeyError):  # what Pillow does not write
            return image(size=size)


hostile_image = st.one_of(
    good,
    good.flatmap(mutated_bytes),
    other_image(),
    other_image().flatmap(mutated_bytes),
    said_png,
    st.binary(max_size=50),
    st.sampled_from([b"", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", b"<svg onload=x>",
    b"P5 8 8 255\n" + bytes(64)]),
)  # fmt: skip
NAMES = [
    "../outside.png", "/tmp/absolute.png", "a/../../b.png", "a\nb.png", "\x1b[31m.png", "\u202egnp.png", ".png",
    "..png",
    "__MACOSX/a.png", ".hidden.png", "a.PNG", "a.png/", "./a.png", "a//b.png", "con.png", "a\\..\\b.png", "é.png",
    "x" * 200 + ".png", "train/0/a.png", "test/0/b.png", "training/a.png", "0/a.png", "9/b.jpg", "a.txt", "b.zip",
]  # fmt: skip
names = st.sampled_from(NAMES) | st.integers(0, 9).map("{}.png".format) | st.text(max_size=6).map("{}.png".format)


@dataclass(frozen=True)
class Entry:
    """A member of an archive, with what it says of itself where that is not what it is."""

    name: str
    content: bytes
    link: bool = False
    method: int = zipfile.ZIP_DEFLATED
    flags: int = 0
    size: int | None = None


entries = st.builds(
    Entry, names, hostile_image, st.sampled_from([False] * 6 + [True]),
    st.sampled_from([zipfile.ZIP_DEFLATED] * 4 + [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
    st.sampled_from([0] * 8 + [1, 0x20, 0x40, 0x800]), st.sampled_from([None] * 6 + [0, 1, 2**31, 2**32 - 1]),
)  # fmt: skip


def archive(members: list[Entry]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as file:
        warnings.simplefilter("ignore")
        for member in members:
            info = zipfile.ZipInfo(member.name)
            info.compress_type = member.method
            if member.link:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            with contextlib.suppress(UnicodeEncodeError):
                file.writestr(info, member.content)
        for info, member in zip(file.infolist(), members, strict=False):
            # The central directory is written last: it may say something else than the members.
            info.flag_bits |= member.flags
            info.file_size = info.file_size if member.size is None else member.size
    return buffer.getvalue()


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    members = [Entry(f"{i}.png", image(seed=i)) for i in range(draw(st.sampled_from([0, 3, N, N, N])))]
    members += draw(st.lists(entries, max_size=2))
    content = archive(members)
    if draw(st.integers(0, 8)) == 0:
        content = archive([Entry("inside.png", content), Entry("inside.zip", content)])
    return draw(mutated_bytes(content))


def npy(header: str, content: bytes, version: int = 1) -> bytes:
    text = header.encode("latin-1", "replace")
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text + content


@st.composite
def arrays(draw: st.DrawFn) -> bytes:
    """A .npy file, or what says that it is one."""
    if draw(st.booleans()):
        buffer = io.BytesIO()
        kind = draw(st.sampled_from(["u1", "<f4", ">f8", "<f2", "<i8", "<c8", "?", "S3", "<U2", "<M8[s]"]))
        shape = draw(st.sampled_from([(N, 1, 8, 8), (N, 3, 8, 8), (N, 5), (N, 64), (0, 5), (5,), ()]))
        array = np.zeros(shape, kind)
        if kind in ("<f4", ">f8", "<f2"):
            array += np.random.default_rng(0).normal(size=shape)
            if array.size:
                array.flat[0] = draw(st.sampled_from([0, np.nan, np.inf, 6e4]))
        np.save(buffer, np.asfortranarray(array) if draw(st.booleans()) else array)
        return draw(mutated_bytes(buffer.getvalue()))
    kind = draw(
        st.sampled_from(["'|u1'", "'<f4'", "'|O'", "'|V0'", "'<f4'*100", "[('a','<f4')]", "__import__('os')", "0"])
    )
    one = st.sampled_from(
        ["2", "-1", "0", str(2**62), str(2**64), "1.5", "True", "'a'", "()", "9" * 5000, "1e9", "0x7"]
    )
    shape = "(" + "".join(f"{each}," for each in draw(st.lists(one, max_size=5))) + ")"
    header = f"{{'descr': {kind}, 'fortran_order': {draw(st.sampled_from(['False', 'True', '2']))}, 'shape': {shape}}}"
    header = draw(
        st.sampled_from([header] * 6 + ["(" * 9000, "-" * 9000 + "1", "{" * 500, "\0", "x" * 60_000, "1+" * 3000])
    )
    return npy(header + "\n", draw(st.binary(max_size=64)), draw(st.sampled_from([1, 1, 1, 2, 3, 9])))


def spoil_link(outside: bool) -> Callable[[Path, Sandbox], None]:
    def do(path: Path, sandbox: Sandbox) -> None:
        path.symlink_to(sandbox.secrets / "folder" / "secret.png" if outside else path)

    return do


def _socket(path: Path, _: Sandbox) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))


def _device(path: Path, _: Sandbox) -> None:
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero, which has no end
    except OSError:
        os.mkfifo(path)


def _deep(path: Path, _: Sandbox) -> None:
    folder = path
    for _ in range(60):
        folder /= "d"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(image())


# What else can stand in the place of a file.
SPOILS: dict[str, Callable[[Path, Sandbox], None]] = {
    "link to another": spoil_link(outside=True),
    "loop": spoil_link(outside=False),
    "link to a folder": lambda path, sandbox: path.symlink_to(sandbox.secrets / "folder"),
    "link to itself": lambda path, sandbox: path.symlink_to(path.parent),
    "link to nothing": lambda path, sandbox: path.symlink_to("nothing"),
    "pipe": lambda path, sandbox: os.mkfifo(path),
    "device": _device,
    "socket": _socket,
    "folder": lambda path, sandbox: path.mkdir(),
    "deep folder": _deep,
    "closed folder": lambda path, sandbox: path.mkdir(mode=0),
    "closed file": lambda path, sandbox: (path.write_bytes(image()), path.chmod(0))[1],
    "large": lambda path, sandbox: (path.touch(), os.truncate(path, 200_000_000))[1],
    "empty": lambda path, sandbox: path.touch(),
}


def spoil(path: Path, how: str, sandbox: Sandbox) -> None:
    """Put something into the place of a file."""
    with contextlib.suppress(OSError):  # a folder stands there already, or its name is too long for a socket
        path.unlink(missing_ok=True)
        SPOILS[how](path, sandbox)


@st.composite
def folders(draw: st.DrawFn) -> list[tuple[str, bytes | str]]:
    """Names with contents, or with what stands there instead of a file."""
    found: list[tuple[str, bytes | str]] = [
        (f"{i}.png", image(seed=i)) for i in range(draw(st.sampled_from([0, 3, N, N, N])))
    ]
    some = st.tuples(folder_names, hostile_image | st.sampled_from(list(SPOILS)))
    return found + draw(st.lists(some, max_size=2))


folder_names = st.sampled_from(
    ["a.png", "0.png", "a\nb.png", "\x1b[31m.png", "\udcff.png", "\u202egnp.png", "train/0/a.png", "test/0/b.png",
     "training/a.png", "reference/a.png", "0/a.png", "9/b.jpg", ".hidden/a.png", "__MACOSX/a.png", "inside",
     "x" * 240 + ".png"]
)  # fmt: skip


def put_folder(path: Path, members: list[tuple[str, bytes | str]], sandbox: Sandbox) -> None:
    path.mkdir()
    for name, content in members:
        place = path / name
        with contextlib.suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                spoil(place, content, sandbox)
            elif not place.is_symlink():
                place.write_bytes(content)


@dataclass(frozen=True)
class Given:
    """Images that are given, and what is done with them."""

    form: str
    content: Any
    verb: str
    features: str


given_images = st.one_of(
    st.builds(Given, st.just("zip"), archives(), *(more := (
        st.sampled_from(["score", "score", "data", "data mnist", "training"]), st.sampled_from(["identity", "digits"])
    ))),
    st.builds(Given, st.just("folder"), folders(), *more),
    st.builds(Given, st.just("npy"), arrays(), *more),
    st.builds(Given, st.just("spoilt"),
    st.sampled_from([each for each in SPOILS if not each.startswith("link to a")]), *more),
)  # fmt: skip


def read_given_images(sandbox: Sandbox, given: Given) -> Said:
    """Score images against good ones, or take them as a task's."""
    sandbox.clear()
    good_ones = sandbox.work / "good"
    put_folder(good_ones, [(f"{i}.png", image(seed=i)) for i in range(N)], sandbox)
    path = sandbox.work / (
        "images" if given.form == "folder" else "images.npy" if given.form == "npy" else "images.zip"
    )
    if given.form == "folder":
        put_folder(path, given.content, sandbox)
    elif given.form == "spoilt":
        path = path.with_suffix(".npy") if given.features == "identity" else path
        spoil(path, given.content, sandbox)
    else:
        path.write_bytes(given.content)
    match given.verb:
        case "data":
            return sandbox.run("data", "digits", "--from", "images" + path.suffix)
        case "data mnist":
            return sandbox.run("data", "mnist", "--from", "images" + path.suffix)
        case "training":
            return sandbox.run("score", "good", "good", "--training", path.name, "--features", given.features)
    return sandbox.run("score", "good", path.name, "--features", given.features)
