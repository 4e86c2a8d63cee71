"""Validate what files say, and turn a failed validation into the one line that the user reads."""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


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
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "value_error":
            text = f"{key}: {message}" if key else message
        case "missing":
            text = f"{key} is missing"
        case "extra_forbidden":
            text = f"{key} is not a known key"
        case _:
            text = f"{key} = {first['input']!r}: {message[0].lower()}{message[1:]}"
    others = len(error.errors()) - 1
    return f"{text} (and {others} more)" if others else text
