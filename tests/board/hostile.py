"""A record with every field filled in, as JSON, and ways to change it so that its hashes fit again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.cells.cell import Cell
from bench.files.hashing import canonical_sha256

from .made_up import add_scores, make_record

Place = tuple[str | int, ...]


def full_record() -> dict[str, Any]:
    """Return the JSON of a record in which no field is missing or None; to be signed before it is written."""
    record = add_scores(make_record(kind="synthetic_augmentation", n_real=30, n_synthetic=10), "inception", (1, 2, 3))
    content: dict[str, Any] = json.loads(record.to_json())
    del content["sha256"]
    content["cell"]["loop"]["contamination"] = 0.25
    content["cell"]["method"] |= {"name": "mine", "params": {"text": "x", "nested": {"key": ["x"]}, "keep": 0.5}}
    content["environment"] |= {"git_commit": "a" * 40, "dirty": True, "driver": "550.54"}
    content["score"]["probe"] = {"images": 100, "accuracy": 0.75}
    for result in content["generations"]:
        result["spaces_read"] = ["identity"]
    for scores in content["further_scores"]:
        scores["score"]["probe"] = {"images": 200, "accuracy": 0.5}
        for each in (scores["score"]["floor"], *scores["generations"]):
            each["label_agreement"] = 0.5
    return content


def sign(content: dict[str, Any]) -> dict[str, Any]:
    """Return the record with the hashes that fit what it says, as somebody would write it who means harm."""
    content = dict(content)
    content.pop("sha256", None)
    content["cell_id"] = canonical_sha256(content["cell"])
    return content | {"sha256": canonical_sha256(content)}


def write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Return every value that is no object and no list, with the way to it."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, (*place, key))
    else:
        yield place, value


def changed(content: Any, place: Place, value: Any) -> Any:
    """Return a copy in which one value is another, not signed yet."""
    if not place:
        return value
    copy = content.copy()
    copy[place[0]] = changed(content[place[0]], place[1:], value)
    return copy


def slug(content: dict[str, Any]) -> str:
    return Cell.model_validate(content["cell"]).slug
