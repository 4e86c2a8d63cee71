"""Valid things with something wrong in them: trees of JSON and TOML, text, and bytes."""

import copy
import json
import math
from typing import Any

from hypothesis import strategies as st

Place = tuple[str | int, ...]

# Values that have broken programs before.
JUNK: list[Any] = [
    None, True, False, 0, -1, 1, 2, 2**31, 2**53 + 1, 2**63, 10**30, 10**400, -(10**400), 0.5, -0.0, 1e-320, 1e300,
    math.nan, math.inf, -math.inf, "", "0", "1", "a", "A", " ", "../x", "/etc/passwd", "\0", "\n", "\x1b[31m",
    "\u202e",
    "\ud800", "x" * 300, "x" * 10_000, "last:3", "last:0", "all", "none", "a" * 64, "fresh_data", "ddpm", "digits",
    "identity", "1e9", "nan", [], {}, [[]], {"a": 1}, [0] * 50, [None] * 3, {"": {"": {"": {}}}},
]  # fmt: skip

NUMBERS: dict[type, list[Any]] = {
    int: [0, 1, 2, 3, 7, 1000, 10**6, 10**9, 2**31, 2**53, 2**63 - 1, 2**64, 10**30, -1],
    float: [0.0, 1e-300, 1e-9, 0.5, 0.999999, 1.0, 1.5, 1e6, 1e12, 1e36, 1e300, -1.0, math.nan, math.inf],
}

values = (
    st.sampled_from(JUNK)
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
)


def places(tree: Any, here: Place = ()) -> list[Place]:
    """Return the way to every value of a tree, but the tree itself."""
    found: list[Place] = []
    if isinstance(tree, dict | list):
        for key, part in tree.items() if isinstance(tree, dict) else enumerate(tree):
            found += [(*here, key), *places(part, (*here, key))]
    return found


def at(tree: Any, place: Place) -> Any:
    for key in place:
        tree = tree[key]
    return tree


@st.composite
def mutated(draw: st.DrawFn, tree: Any, most: int = 3) -> Any:
    """A copy of a tree with a few changes of its structure or its values."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, most))):
        known = places(tree)
        if not known:
            break
        place = draw(st.sampled_from(known))
        parent, key = at(tree, place[:-1]), place[-1]
        match draw(
            st.sampled_from(["value", "number", "number", "drop", "twice", "move", "rename", "retype", "nest", "swap"])
        ):
            case "value":
                parent[key] = draw(values)
            case "number":
                # Of the right kind, and so read further than other values.
                numbers = [path for path in known if type(at(tree, path)) in (int, float)]
                if numbers:
                    *way, last = draw(st.sampled_from(numbers))
                    at(tree, tuple(way))[last] = draw(st.sampled_from(NUMBERS[type(at(tree, (*way, last)))]))
            case "drop":
                del parent[key]
            case "twice":
                copied = copy.deepcopy(parent[key])
                if isinstance(parent, list):
                    parent.insert(key, copied)
                else:
                    parent[f"{key}x"] = copied
            case "move":
                parent[key] = copy.deepcopy(at(tree, draw(st.sampled_from(known))))
            case "rename" if isinstance(parent, dict):
                parent[draw(st.text(max_size=8) | st.sampled_from([*map(str, known[0]), "", "\n", "x" * 1000]))] = (
                    parent.pop(key)
                )
            case "retype":
                parent[key] = draw(st.sampled_from([str(parent[key]), [parent[key]], {"value": parent[key]}]))
            case "nest":
                deep: Any = parent[key]
                for _ in range(draw(st.sampled_from([2, 50, 200]))):
                    deep = [deep]
                parent[key] = deep
            case "swap":
                other = draw(st.sampled_from(known))
                if place[: len(other)] != other and other[: len(place)] != place:
                    there = at(tree, other[:-1])
                    parent[key], there[other[-1]] = there[other[-1]], parent[key]
    return tree


@st.composite
def mutated_bytes(draw: st.DrawFn, content: bytes, most: int = 3) -> bytes:
    """A copy of a file's content with a few bytes changed, cut out, put in, doubled, or at other places."""
    for _ in range(draw(st.integers(0, most))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from([0, 1, 2, 4, 8, 100, 10_000])))
        match draw(st.sampled_from(["flip", "cut", "put", "double", "end", "number"])):
            case "flip" if start < len(content):
                content = (
                    content[:start] + bytes([content[start] ^ (1 << draw(st.integers(0, 7)))]) + content[start + 1 :]
                )
            case "cut":
                content = content[:start] + content[end:]
            case "put":
                content = content[:start] + draw(st.binary(max_size=8) | st.sampled_from(PIECES)) + content[start:]
            case "double":
                content = content[:end] + content[start:end] + content[end:]
            case "end":
                content = content[:start]
            case "number":
                number = draw(st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0"]))
                content = content[:start] + number + content[start + 4 :]
    return content


PIECES = [
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b'"', b"{", b"}", b"[", b"]", b",", b"\\", b"\\ud800", b"#", b"=",
    b"9" * 5000, b"[" * 5000, b"{" * 5000, b"\n", b"\r", b"\x1a", b"PK\x05\x06", b"nan", b"e999", b"\xed\xa0\x80",
]  # fmt: skip


@st.composite
def encoded(draw: st.DrawFn, text: str) -> bytes:
    """A text as a file: mostly UTF-8, sometimes not."""
    coding = draw(st.sampled_from(["utf-8"] * 40 + ["utf-8-sig", "utf-16", "utf-32", "latin-1", "cp037"]))
    errors = "surrogatepass" if coding.startswith("utf") else "replace"
    content = text.encode(coding, errors)
    return draw(mutated_bytes(content)) if draw(st.integers(0, 12)) == 0 else content


def as_toml(value: Any) -> str:
    """Write a value as TOML, tables in one line; what TOML has not is written as JSON."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_quoted(str(key))} = {as_toml(part)}" for key, part in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(as_toml, value)) + "]"
        case bool() | None:
            return json.dumps(value)
        case float():
            return "nan" if math.isnan(value) else str(value)
        case str():
            return _quoted(value)
        case _:
            return _digits(value) if isinstance(value, int) else json.dumps(str(value))


def toml_file(content: dict[str, Any]) -> str:
    """Write a whole file."""
    return "".join(f"{_quoted(str(key))} = {as_toml(value)}\n" for key, value in content.items())


def json_file(content: Any) -> str:
    """Write JSON, with whatever JSON has not."""
    try:
        return json.dumps(content)
    except ValueError:  # a number of more digits than Python writes
        return "{}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _digits(number: int) -> str:
    return hex(number) if number > 10**4000 else str(number)
