"""The colours of the pages stay apart for readers who see no red or no green, in the light and in the dark.

Colours are compared by CIEDE2000 (Sharma, Wu & Dalal 2005), as Machado, Oliveira & Fernandes (2009) simulate them for
dichromats.
"""

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.board.pages import SITE

Array = NDArray[np.float64]

LINES = [f"series-{n}" for n in range(1, 8)]
WORDS = ["good", "trade", "bad", "text"]  # helps, trades, hurts and what is written
APART = {"lines": (LINES, 15.0), "words": (WORDS, 10.0)}  # 1 is what an eye can just tell

# Machado et al. 2009, severity 1, on linear RGB.
SIGHT = {
    "usual": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def schemes() -> list[dict[str, str]]:
    found = re.findall(r":root \{(.*?)\}", (SITE / "assets" / "board.css").read_text(), flags=re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#\w{6});", scheme)) for scheme in found]


def linear(colour: str) -> Array:
    shares = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def lab(rgb: Array) -> Array:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one: Array, other: Array) -> float:
    """Return CIEDE2000 of two colours in CIELAB."""
    chroma = np.mean([np.hypot(*one[1:]), np.hypot(*other[1:])])
    stretch = 1 + 0.5 * (1 - np.sqrt(chroma**7 / (chroma**7 + 25**7)))
    (l1, a1, b1), (l2, a2, b2) = one, other
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    delta_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    light, c = (l1 + l2) / 2, (c1 + c2) / 2
    h = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    t = 1 - 0.17 * np.cos(np.radians(h - 30)) + 0.24 * np.cos(np.radians(2 * h))
    t += 0.32 * np.cos(np.radians(3 * h + 6)) - 0.2 * np.cos(np.radians(4 * h - 63))
    s_l = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    parts = np.array([(l2 - l1) / s_l, (c2 - c1) / (1 + 0.045 * c), delta_h / (1 + 0.015 * c * t)])
    rotation = -np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2)))) * 2 * np.sqrt(c**7 / (c**7 + 25**7))
    return float(np.sqrt((parts**2).sum() + rotation * parts[1] * parts[2]))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_difference_is_that_of_the_published_pairs(one: object, other: object, expected: float) -> None:
    # Sharma, Wu & Dalal 2005, table 1.
    assert difference(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("kind", APART)
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_stay_apart(scheme: int, kind: str, sight: str) -> None:
    colours = schemes()[scheme]
    names, least = APART[kind]
    seen = {name: lab(SIGHT[sight] @ linear(colours[name])) for name in names}
    near = {
        (one, other): difference(seen[one], seen[other])
        for place, one in enumerate(names)
        for other in names[place + 1 :]
        if difference(seen[one], seen[other]) < least
    }
    assert near == {}
