"""How large, and of which characters, the values may be that come in from outside.

Every bound is far above what an honest run gives, and small enough that no sum, square or file name made from the
values can fail: whoever reads a record need not ask again.
"""

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from bench.files.hashing import canonical_text
from bench.files.validation import shown

METHOD_NAME = "[a-z][a-z0-9_]*"
MOST_NAME_CHARACTERS = 100
MOST_PARAMETER_CHARACTERS = 2_000
MOST_NESTED = 3
MOST_GENERATIONS = 1_000  # of three feature spaces a record of 2 MB, under MOST_RECORD_BYTES
MOST_RECORD_BYTES = 4_000_000
MOST_METHOD_BYTES = 100_000  # of its file
MOST_TASK_BYTES = 1_000_000  # of a TOML file; also of a question's
MOST_WEIGHTS_BYTES = 2_000_000_000  # the largest that is published has 346 MB
MOST_IMAGE_BYTES = 100_000_000  # of one file, in an archive when it is unpacked
MOST_IMAGE_PIXELS = 1 << 26  # of one image: 8,192 x 8,192
MOST_SIDE = 1 << 13  # of a task's images
MOST_DIMENSIONS = 100_000  # of a task's points
MOST_IMAGES = 10_000_000  # of a task, and files in an archive
MOST_STRIP_BYTES = 10_000_000
MOST_STRIP_SIDE = 50_000  # in pixels; a strip of MOST_GENERATIONS rows is 42,000 high
MOST_STRIP_PIXELS = 1 << 26  # what a browser has to unpack: 268 MB


def is_method_name(text: str) -> bool:
    """Return whether a method, and so its file, may have this name."""
    return re.fullmatch(METHOD_NAME, text) is not None and len(text) <= MOST_NAME_CHARACTERS


def printable(text: str) -> str:
    """Return a text without control characters, line breaks or marks that turn the direction of writing.

    Raises:
        ValueError: it has some.
    """
    if not text.isprintable():
        raise ValueError(f"{shown(text)} has characters that cannot be shown: use printable ones")
    return text


def plain_parameters(values: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a method, if they are names with plain values.

    Raises:
        ValueError: a name that no attribute can have, a value that is no JSON, too deep, too large or not finite, or
            more than MOST_PARAMETER_CHARACTERS of all together.
    """
    for name, value in values.items():
        if not name.isidentifier():
            raise ValueError(f"{shown(name)} is no name of a parameter: use one that a Python attribute may have")
        _check_plain(name, value, MOST_NESTED)
    if (length := len(canonical_text(values))) > MOST_PARAMETER_CHARACTERS:
        raise ValueError(f"{length:,} characters as JSON: the most is {MOST_PARAMETER_CHARACTERS:,}")
    return values


def _check_plain(name: str, value: Any, deep: int) -> None:
    match value:
        case None | bool():
            return
        case str():
            printable(value)
        case int() if abs(value) >= 1 << 63:
            raise ValueError(f"{shown(name)} is {shown(value)}: choose a whole number below 2**63")
        case float() if not math.isfinite(value):
            raise ValueError(f"{shown(name)} is {value}: must be a finite number")
        case int() | float():
            return
        case list() | dict() if deep:
            for part in (*value, *value.values()) if isinstance(value, dict) else value:
                _check_plain(name, part, deep - 1)
        case list() | dict():
            raise ValueError(f"{shown(name)} has values inside of values: the most is {MOST_NESTED} levels")
        case _:
            raise ValueError(f"{shown(name)} is a {type(value).__name__}: use a value that JSON has")


Name = Annotated[str, Field(pattern="^[a-z0-9_][a-z0-9_-]*$", max_length=MOST_NAME_CHARACTERS)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
MethodName = Annotated[str, Field(pattern=f"^{METHOD_NAME}$", max_length=MOST_NAME_CHARACTERS)]
Text = Annotated[str, Field(max_length=200), AfterValidator(printable)]
Parameters = Annotated[dict[str, Any], AfterValidator(plain_parameters)]
# Whole numbers up to here are exact in every reader of JSON, those that keep them in a float included.
Count = Annotated[int, Field(ge=0, le=1 << 53)]
PositiveCount = Annotated[int, Field(ge=1, le=1 << 53)]
Seed = Annotated[int, Field(ge=0, lt=1 << 63)]
Duration = Annotated[float, Field(ge=0, le=1e12)]
Distance = Annotated[float, Field(ge=0, le=1e12)]
# The kernel is a cube of products of features, FID a sum of squares: KID can be the cube of what FID can.
KernelValue = Annotated[float, Field(ge=-1e36, le=1e36)]
KernelError = Annotated[float, Field(ge=0, le=1e36)]
Ratio = Annotated[float, Field(ge=0, le=1e12)]
Share = Annotated[float, Field(ge=0, le=1)]
