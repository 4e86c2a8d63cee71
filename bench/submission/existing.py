"""Compare a result with the one of the same cell that the leaderboard has already."""

from collections.abc import Iterator
from typing import Any

from bench.cells.record import Record

FIELDS_OF_LATER = {"retrained", "drawn", "used"}


def difference(there: Record, here: Record) -> str | None:
    """Return where two records of a cell differ in what is a function of the cell, in the scores first.

    Further scores count where both records have them.
    """
    others = {view.score.features: view for view in here.in_each_space()}
    for old in there.in_each_space():
        if (new := others.get(old.score.features)) is None:
            continue
        for before, after in zip(old.generations, new.generations, strict=True):
            later = FIELDS_OF_LATER if before.drawn is None else set()  # which the record there cannot have
            if (
                found := _first_difference(
                    before.model_dump(mode="json", exclude=later), after.model_dump(mode="json")
                )
            ) is not None:
                return f"generation {before.generation}, {found}"
        for part in ("data", "score"):
            parts = (getattr(record, part).model_dump(mode="json") for record in (old, new))
            if (found := _first_difference(*parts)) is not None:
                return f"{part}.{found}"
    return None


def what_is_left_out(there: Record, here: Record) -> list[str]:
    """Return what of a record whose scores the leaderboard has is not taken over."""
    if there == here:
        return []
    known = {further.score.features for further in there.further_scores}
    spaces = [further.score.features for further in here.further_scores if further.score.features not in known]
    if spaces:
        return [f"stays as it was, without the scores in {', '.join(spaces)}: results are never changed"]
    return ["stays as it was: the scores are the same, what differs is seconds, memory or the environment"]


def _first_difference(there: dict[str, Any], here: dict[str, Any]) -> str | None:
    found = dict(_values(here))
    for key, value in _values(there):
        if found.get(key) != value:
            return f"{key}: {value} there, {found.get(key)} here"
    return None


def _values(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a record's part with their dotted keys, without what is not a function of the cell."""
    for key, value in content.items():
        if isinstance(value, dict) and key != "seconds":
            yield from _values(value, f"{prefix}{key}.")
        elif key not in ("seconds", "peak_memory_bytes"):
            yield f"{prefix}{key}", value
