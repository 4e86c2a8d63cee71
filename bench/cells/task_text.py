"""Task files as text: written anew, or with a feature space of their own put in; comments and order stay."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from bench.cells.task_sections import FeaturesSection

_HEADER = re.compile(r"\s*\[([A-Za-z0-9_.\- ]+)\]\s*(#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


def toml_value(value: object) -> str:
    """Return a text, number, truth value, or a list or table of such, as TOML in one line."""
    match value:
        case list() | tuple():
            return f"[{', '.join(map(toml_value, value))}]"
        case dict():
            return f"{{ {', '.join(f'{key} = {toml_value(each)}' for key, each in value.items())} }}"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            return json.dumps(value)


def toml_lines(table: Mapping[str, object]) -> Iterator[str]:
    """Yield a line for each key of a table."""
    yield from (f"{key} = {toml_value(value)}" for key, value in table.items())


def with_own_features(text: str, features: FeaturesSection) -> str:
    """Return the text of a task file in which the task has this feature space, and no tier names one.

    Args:
        text: of a file that is read without error.
        features: the section that it is to have.

    Raises:
        ValueError: the text is written in a way that is not known here.
    """
    values = features.model_dump(mode="json")
    values["accuracy"] = round(values["accuracy"], 4)
    wanted = _content_with(tomllib.loads(text), values)
    found = "\n".join(_edited(text.splitlines(), values)) + "\n"
    if tomllib.loads(found) != wanted:
        raise ValueError("its sections are not written as [features] and [tiers.NAME]")
    return found


def _content_with(content: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    tiers = {
        name: {key: value for key, value in tier.items() if key != "features"}
        for name, tier in content["tiers"].items()
    }
    return content | {"features": values, "tiers": tiers}


def _edited(lines: list[str], values: dict[str, Any]) -> Iterator[str]:
    headers = [header[1].strip() if (header := _HEADER.fullmatch(line)) else None for line in lines]
    has_section = "features" in headers
    first = next((i for i, name in enumerate(headers) if name and name.split(".")[0] in ("score", "tiers")), None)
    # What is written above a section belongs to it.
    while first and (not lines[first - 1].strip() or lines[first - 1].lstrip().startswith("#")):
        first -= 1
        if not lines[first].strip():
            break
    left = dict(values)
    section = ""
    for i, line in enumerate(lines):
        if i == first and not has_section:
            yield from ("", "[features]", *toml_lines(values))
        if headers[i] is not None:
            if section == "features":
                yield from toml_lines(left)
            section = headers[i] or ""
        key = found[1] if (found := _KEY.match(line)) else None
        if section == "features" and key in values:
            yield from toml_lines({key: left.pop(key)})
        elif not (key == "features" and re.fullmatch(r"tiers\.[a-z]+", section)):
            yield line
    if section == "features":
        yield from toml_lines(left)
