"""Turn a failed validation into the one line that the user reads."""

from pydantic import ValidationError


def one_line(error: ValidationError) -> str:
    """Return "key = value: what is allowed" for the first thing that is wrong."""
    first = error.errors()[0]
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
