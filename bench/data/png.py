"""The chunks of a PNG that Pillow does not read whole: texts of any length, and colours that it knows nothing of."""

import struct
import zlib
from contextlib import suppress

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
TURNING_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")  # can say how an image is turned
MOST_TEXT_BYTES = 1 << 20  # of a text or a colour profile in a PNG, when it is unpacked: what Pillow takes
SRGB = bytes((1, 13))  # the primaries and the transfer of sRGB (ITU-T H.273)


def without_large_texts(content: bytes) -> tuple[bytes, bool]:
    """Return a PNG without texts and colour profiles too large for Pillow, and whether colours were among them.

    Programs write how an image was made into its file, of any length; Pillow then refuses all of it. Nothing is
    unpacked beyond what Pillow takes. Bytes that are no PNG are returned as they are.
    """
    if not content.startswith(PNG_START):
        return content, False
    kept, at, has_colours = [PNG_START], len(PNG_START), False
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        chunk = content[at + 8 : at + 8 + length]
        if kind == b"iCCP" and _is_too_large(chunk.partition(b"\0")[2][1:]):
            has_colours = True
        elif kind == b"cICP" and chunk[:2] != SRGB:
            has_colours = True  # of no meaning to Pillow
        elif kind not in PNG_TEXTS or (chunk.startswith(TURNING_TEXTS) and not _is_large_text(kind, chunk)):
            kept.append(content[at:end])
        at = end
        if kind == b"IEND":
            break
    return b"".join([*kept, content[at:]]), has_colours


def _is_large_text(kind: bytes, chunk: bytes) -> bool:
    text = chunk.partition(b"\0")[2]
    if kind == b"zTXt":
        return _is_too_large(text[1:])
    if kind == b"iTXt" and text[:1] == b"\1":
        return _is_too_large(text[2:].split(b"\0", 2)[-1])
    return len(text) > MOST_TEXT_BYTES


def _is_too_large(packed: bytes) -> bool:
    with suppress(zlib.error):
        unpacker = zlib.decompressobj()
        return len(unpacker.decompress(packed, MOST_TEXT_BYTES)) >= MOST_TEXT_BYTES
    return True
