"""Ways in which a file can be damaged."""

from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], object]


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def flip_a_bit_of_the_first_half(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES = [flip_last_byte, flip_a_bit_of_the_first_half, cut_in_half, empty, Path.unlink]
