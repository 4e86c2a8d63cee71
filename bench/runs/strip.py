"""The collapse strip: the same latents and labels, generation after generation, in one picture."""

import io

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

COLUMNS = 20
TILE = 40
GAP = 2
MARGIN = 96
TEXT = (128, 128, 128, 255)  # readable on a light and on a dark page; the background is transparent
GREYS, SHADES = 64, 16  # of grey images in the file, and of the words' edges: a third fewer bytes, and no eye sees it


def strip_labels(n_classes: int | None, n: int = COLUMNS) -> Tensor | None:
    """Return n labels, int64 (n,): those of the columns, the classes in their order and evenly often, repeated."""
    return None if n_classes is None else torch.arange(n) % COLUMNS * n_classes // COLUMNS


def draw_strip(rows: list[Tensor]) -> bytes:
    """Draw the strip.

    Args:
        rows: for each generation, uint8 (COLUMNS, channels, height, width) with one or three channels.

    Returns:
        A PNG: one row per generation, the number of the generation before it. Pixels are enlarged by a whole factor,
        without smoothing; those of grey images have the nearest of `GREYS` values.
    """
    size = rows[0].shape[-1]
    tile = size * max(1, TILE // size)
    step = tile + GAP
    picture = Image.new("RGBA", (MARGIN + COLUMNS * step, len(rows) * step + GAP))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(13)
    for y, row in enumerate(rows):
        top = GAP + y * step
        draw.text((4, top + tile / 2), f"generation {y + 1}", fill=TEXT, font=font, anchor="lm")
        for x, image in enumerate(row.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()):
            enlarged = Image.fromarray(image).resize((tile, tile), Image.Resampling.NEAREST)
            picture.paste(enlarged, (MARGIN + x * step, top))
    if all(row.shape[1] == 1 for row in rows):
        picture = _in_few_greys(picture)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _in_few_greys(picture: Image.Image) -> Image.Image:
    """Return an RGBA picture of greys with a palette: `GREYS` opaque ones, then `SHADES` of the words."""
    values = np.asarray(picture)
    grey, alpha = values[..., 0], values[..., 3]
    nearest = np.where(alpha == 255, grey / 255 * (GREYS - 1), GREYS + alpha / 255 * (SHADES - 1))
    few = Image.fromarray(np.rint(nearest).astype(np.uint8), "P")
    few.putpalette([round(i / (GREYS - 1) * 255) for i in range(GREYS) for _ in range(3)] + [*TEXT[:3]] * SHADES)
    few.info["transparency"] = bytes([255] * GREYS + [round(i / (SHADES - 1) * 255) for i in range(SHADES)])
    return few
