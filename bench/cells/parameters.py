"""Parameters of methods and generators: annotated attributes of their classes, given as text on the command line."""

from collections.abc import Mapping
from typing import Any, ClassVar, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

from bench.errors import BadInput, choose
from bench.files.validation import one_line


def declared_parameters(definition: type, common: Mapping[str, FieldInfo] | None = None) -> type[BaseModel]:
    """Return the model of the parameters that a class declares.

    A parameter is an attribute with a type and a default; bounds and a description come with `Annotated`:

        keep: Annotated[float, Field(gt=0, le=1, description="share of the pool that is kept")] = 0.5

    Attributes that start with an underscore, those of `ClassVar` and those of the benchmark's own classes are none.

    Args:
        definition: the class.
        common: parameters that it has without declaring them, unless it gives them another default.

    Raises:
        BadInput: a parameter without a default, or of a type that cannot be given as text.
    """
    fields: dict[str, Any] = {}
    classes = [each for each in definition.__mro__ if each.__module__.partition(".")[0] != "bench"]
    own = {name for each in classes for name in vars(each).get("__annotations__", ())}
    for name, annotation in get_type_hints(definition, include_extras=True).items():
        if name not in own or name.startswith("_") or annotation is ClassVar or get_origin(annotation) is ClassVar:
            continue
        if not hasattr(definition, name):
            raise BadInput(
                f"parameter '{name}' of class {definition.__name__} has no default: write {name}: TYPE = VALUE"
            )
        fields[name] = (annotation, getattr(definition, name))
    fields |= {name: (field.annotation, field) for name, field in (common or {}).items() if name not in fields}
    config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)
    return create_model("Parameters", __config__=config, **fields)


def parse_parameters(text: str, model: type[BaseModel]) -> dict[str, Any]:
    """Return the values of all parameters, from "name=value:name=value" and the defaults of the others.

    Raises:
        BadInput: a name that is not declared, or a value of another type or out of its bounds.
    """
    given: dict[str, str] = {}
    for part in text.split(":") if text else ():
        name, equals, value = part.partition("=")
        if not equals or name in given:
            raise BadInput(f"parameters {text!r}: write name=value, each name once, with colons between them")
        given[name] = value
    if unknown := [name for name in given if name not in model.model_fields]:
        there = choose(model.model_fields, unknown[0]) if model.model_fields else "there are none"
        raise BadInput(f"parameter '{unknown[0]}': {there}")
    try:
        return model.model_validate_strings(given).model_dump(mode="json")
    except ValidationError as error:
        raise BadInput(f"parameter {one_line(error)}") from error


def describe_parameters(values: dict[str, Any]) -> str:
    """Return values as they are given on the command line: "name=value:name=value"."""
    return ":".join(
        f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in values.items()
    )
