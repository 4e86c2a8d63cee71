"""Validate what files say, and turn a failed validation into the one line that the user reads."""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

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


def one_line(error: ValidationError) -> str:
    """Return "key = value: what is allowed" for one thing that is wrong, and how many more there are.

    A key that does not exist comes first: a misspelt key is also a missing one, and the misspelling is what to mend.
    """
    errors = error.errors(include_url=False, include_context=False)
    first = min(errors, key=lambda found: found["type"] != "extra_forbidden")
    key = ".".join(_shown_key(str(part)) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "value_error":
            text = f"{key}: {message}" if key else message
        case "missing":
            text = f"{key} is missing"
        case "extra_forbidden":
            text = f"{key} is not a known key"
        case "json_invalid":
            text = message
        case _:
            text = f"{key} = {shown(first['input'])}: {message[0].lower()}{message[1:]}"
    others = len(errors) - 1
    return f"{text} (and {others} more)" if others else text


def _shown_key(key: str) -> str:
    """Return a key as it is, or in quotes where it has characters that a message may not have, or is long."""
    quoted = shown(key)
    return key if quoted == f"'{key}'" else quoted
