"""Validate what files say, and turn a failed validation into the one line that the user reads."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)
MOST_SHOWN = 100


def shown(value: object) -> str:
    """Return a value as it may stand in a message: in one line, without control characters, cut where it is long."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def in_one_line(text: object) -> str:
    """Return text that may come from a stranger in one line, in which nothing but letters reaches the terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(text))


def validate_strictly(model: type[Model], content: dict[str, Any]) -> Model:
    """Return the model of a JSON or TOML table, with numbers that are numbers and not texts that look like some.

    Raises:
        ValidationError: the content breaks a rule of the model.
    """
    # Strict validation of Python values would refuse a list where a tuple is declared; of JSON text it does not.
    return model.model_validate_json(json.dumps(content, default=str), strict=True)


class Problems(ValueError):
    """What a validator finds wrong with the parts of a value, all of it.

    Attributes:
        lines: "key: what is allowed" each, the key from the value on.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = list(lines)
        super().__init__("; ".join(self.lines))


def raise_problems(lines: Iterable[str]) -> None:
    """Raise `Problems` where there are any."""
    if found := list(lines):
        raise Problems(found)


def one_line(error: ValidationError) -> str:
    """Return "key = value: what is allowed" for one thing that is wrong, and how many more there are."""
    return first_of(problems(error), 1)


def first_of(lines: Sequence[str], n: int) -> str:
    """Return the first n lines in one, and how many more there are."""
    text, others = "; ".join(lines[:n]), len(lines) - n
    return f"{text} (and {others} more)" if others > 0 else text


def problems(error: ValidationError) -> list[str]:
    """Return "key = value: what is allowed" for each thing that is wrong.

    A key that does not exist comes first: a misspelt key is also a missing one, and the misspelling is what to mend.
    """
    errors = sorted(error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
    return [line for found in errors for line in _lines(found)]


def _lines(error: ErrorDetails) -> list[str]:
    key = ".".join(_shown_key(str(part)) for part in error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    match error["type"]:
        case "value_error" if isinstance(found := error.get("ctx", {}).get("error"), Problems):
            return [f"{key}.{line}" if key else line for line in found.lines]
        case "value_error":
            return [f"{key}: {message}" if key else message]
        case "missing":
            return [f"{key} is missing"]
        case "extra_forbidden":
            return [f"{key} is not a known key"]
        case "json_invalid":
            return [message]
        case _:
            return [f"{key} = {shown(error['input'])}: {message[0].lower()}{message[1:]}"]


def _shown_key(key: str) -> str:
    """Return a key as it is, or in quotes where it has characters that a message may not have, or is long."""
    quoted = shown(key)
    return key if quoted == f"'{key}'" else quoted
