"""The columns of a table of rows, and what a row is sorted, filtered and found by."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from bench.board.curves import Curve
from bench.board.row import Row
from bench.board.tables import describe_params
from bench.board.trust import Trust
from bench.cells.retraining import Use

SIGNIFICANT_DIGITS = 6
NOTHING_KNOWN = "nothing"  # beside the loop's own images
KNOWN: dict[Use, str] = {
    "real statistics": "statistics of real images",
    "real images": "real images kept",
    "stronger model": "a stronger model",
    "labels": "labels",
}
NOT_SAID = "not said"  # by records that are older than the question


@dataclass(frozen=True)
class Column:
    """A column of a table of rows.

    Attributes:
        key: what the column is sorted by: an attribute data-KEY of the rows.
        title: its heading.
        hint: what it says.
        best: which order shows the best first; "text" for a column of words.
    """

    key: str
    title: str
    hint: str
    best: Literal["ascending", "descending", "text"]


COLUMNS = (
    Column(
        "rank", "Rank", "one more than the number of methods that are shown to be better; below it how far ties reach",
        "ascending",
    ),
    Column(
        "method", "Method", "with its parameters, the paper whose idea it is and who submitted it; # is the address "
        "of the row", "text",
    ),
    Column(
        "word", "Verdict", "against the plain loop: cures, helps, trades, hurts or no difference shown; and "
        "marks, what else a reader must know", "ascending",
    ),
    Column(
        "ratio", "FID over the loop", "as a multiple of the plain loop's with the same seed, geometric mean over the "
        "generations: below 1 is better", "ascending",
    ),
    Column(
        "f1", "F1 over the loop", "harmonic mean of precision and recall, averaged over the generations: the "
        "difference from the plain loop's with the same seed; above 0 is better", "descending",
    ),
    Column("fid", "FID", "in the last generation, with the range of the seeds: lower is better", "ascending"),
    Column(
        "precision", "Precision", "quality in the last generation, the share of what real images reach, and the "
        "change since generation 1", "descending",
    ),
    Column("recall", "Recall", "diversity in the last generation, likewise", "descending"),
    Column(
        "authpct", "AuthPct", "percent of images in the last generation that are no copy of a training image; far "
        "below that of real images the model copies", "descending",
    ),
    Column(
        "coverage", "Coverage", "share of real images with a generated one close by, in the last generation",
        "descending",
    ),
    Column("uses", "Uses", "what the method was allowed to know beside the loop's own images", "text"),
    Column(
        "cost", "Cost", "images trained and network evaluations as multiples of the plain loop's, and how many real "
        "images a generation touched", "ascending",
    ),
    Column(
        "seeds", "Seeds", "each leads to its cell; how far the row can be trusted, when it was run, where its records "
        "say so, and with which commit of the benchmark", "descending",
    ),
)  # fmt: skip
WORDS = ("cures", "helps", "trades", "no difference shown", "hurts")  # the best first


def row_values(row: Row, curves: dict[str, Curve], state: str) -> dict[str, Any]:
    """Return what a row is sorted, filtered and found by; an empty text for what it does not have.

    Args:
        row: its numbers.
        curves: of it, by metric.
        state: whether it is ranked, the plain loop, a control or not ranked.
    """
    cell, compared = row.entry.cell, row.comparison
    numbers: dict[str, float | None] = {
        "rank": row.rank,
        "word": WORDS.index(row.word) if row.word else None,
        "authpct": row.authpct,
        "coverage": row.coverage,
        "seeds": len(row.entry.results),
    }
    if compared:
        numbers |= {"ratio": compared.log_fid_area.mean, "f1": compared.f1_area.mean}
        numbers["cost"] = (compared.training or 0) + (compared.evaluations or 0)
    numbers |= {key: curves[key][-1].mean for key in ("fid", "precision", "recall") if key in curves}
    found = {column.key: numbers.get(column.key) for column in COLUMNS if column.best != "text"}
    return {key: "" if number is None else rounded(number) for key, number in found.items()} | {
        "method": cell.method.name,
        "uses": "; ".join(known(row)),
        "verdict": row.word or "",
        "marks": "; ".join(mark.kind for mark in row.marks),
        "loop": cell.loop.kind.replace("_", " "),
        "generator": row.track.generator,
        "trust": row.trust.level,
        "state": state,
        "find": " ".join(_words(row)).lower(),
    }


def known(row: Row) -> tuple[str, ...]:
    """Return what a method was allowed to know, in words."""
    if row.uses is None:
        return (NOT_SAID,)
    return tuple(KNOWN[use] for use in row.uses) or (NOTHING_KNOWN,)


def rounded(value: float) -> float:
    """Return a number with as many digits as a curve can show and rows are sorted by; large and small ones alike."""
    return value if isinstance(value, int) or not math.isfinite(value) else float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _words(row: Row) -> list[str]:
    """Return the words that a row is found by: in "self-reported" everybody would be found."""
    cell = row.entry.cell
    words = [cell.method.name, cell.method.name.replace("_", " "), describe_params(cell), row.track.label]
    words += [row.track.generator, cell.loop.pool, row.word or "", *(mark.kind for mark in row.marks), *known(row)]
    words += [direction.name for direction in row.mad if direction.is_shown] + ["MAD"] * row.is_mad
    words += ["the plain loop"] * row.is_plain + ["control"] * row.entry.is_control
    return words + [row.trust.level] * (row.trust.level != Trust().level)
