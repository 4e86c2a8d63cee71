"""Records of earlier schemas, brought to the present one step by step.

A file keeps the schema that it was written in, and its hash; only what was read from it is upgraded. A new version of
the schema adds one step here, and a file of the version before it to tests/cells/data_records.
"""

from collections.abc import Callable
from typing import Any

from bench.files.validation import shown

PRESENT = 3


def _to_2(content: dict[str, Any]) -> dict[str, Any]:
    """Schema 2 says which task file the cell was run with; schema 1 did not, and nothing else in it tells."""
    return content | {"schema_version": 2, "task_sha256": None}


def _to_3(content: dict[str, Any]) -> dict[str, Any]:
    """Schema 3 has generators from files, with parameters and a hash; those of schema 2 are all the benchmark's own.

    These are written as their name alone, as before, so that the ids of their cells stay what they are. It also says
    with what probe labels were read, where a feature space has no classifier; before, nothing was said there.
    """
    cell = content.get("cell")
    if isinstance(cell, dict) and isinstance(cell.get("generator"), dict):
        raise ValueError("cell.generator is from a file: schema 2 has none, must be a name")
    return content | {"schema_version": 3}


UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _to_2, 2: _to_3}


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a record of any schema as the present schema has it.

    Raises:
        ValueError: a schema that is not known here.
    """
    version = content.get("schema_version")
    if type(version) is not int or version not in (*UPGRADES, PRESENT):
        read = ", ".join(map(str, UPGRADES))
        raise ValueError(f"schema_version is {shown(version)}: this version of autophagy reads {read} and {PRESENT}")
    while (version := content["schema_version"]) != PRESENT:
        content = UPGRADES[version](content)
    return content
