"""What the door of the benchmark gives: taken down in interface.json, and described in docs/interface.md.

`make interface` writes both anew from the code. A name or a signature that is not as it was taken down fails a test;
to take it down again is the moment to say so in CHANGELOG.md, in a line of the interface's version ("- Interface 2:
..."). A version whose line stands under a release is closed: the next change needs a new INTERFACE_VERSION.
"""

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bench
from bench.public import FOR_FILES

ROOT = Path(__file__).parents[1]
TAKEN_DOWN = Path(__file__).with_name("interface.json")
PAGE = ROOT / "docs" / "interface.md"
CHANGELOG = ROOT / "CHANGELOG.md"
MARK = "<!-- from here on written by `make interface` -->\n"
SHOWN_DUNDERS = ("__init__", "__len__", "__getitem__")
ROOMS = {
    "methods": "For methods",
    "generators": "For generators",
    "": "For both",
    "scripts": "For scripts and notebooks",
}
SECTION = re.compile(r"^(Attributes|Args|Returns|Yields|Raises|Example):\n", re.M)


@dataclass(frozen=True)
class Member:
    """What a class has: a field, a property or a method; or a function.

    Attributes:
        name: of the member.
        form: its signature, as a reader writes it.
        text: its docstring; None for a field, which has none.
    """

    name: str
    form: str
    text: str | None


@dataclass(frozen=True)
class Described:
    """What a name of the door stands for.

    Attributes:
        form: what it is, in a line.
        text: its docstring.
        members: of a class.
    """

    form: str
    text: str
    members: tuple[Member, ...] = ()

    @property
    def signature(self) -> list[str]:
        """All that cannot change without a line in the changelog."""
        return [self.form, *(member.form for member in self.members)]


def describe(name: str) -> Described:
    """Return what a name of the door stands for, from its source."""
    thing = getattr(bench, name)
    if inspect.isclass(thing):
        bases = [base.__name__ for base in thing.__bases__ if base is not object and base.__name__ != "Generic"]
        form = f"class {name}({', '.join(bases)})" if bases else f"class {name}"
        return Described(form, inspect.cleandoc(thing.__doc__ or ""), tuple(_members(thing)))
    if inspect.isfunction(thing):
        function = _parsed(thing)
        assert isinstance(function, ast.FunctionDef)
        return Described(f"def {_form(function)}", inspect.cleandoc(thing.__doc__ or ""))
    return Described(f"{name} = {str(thing).removeprefix('typing.')}".replace("'", '"'), "")


def _members(definition: type) -> Iterator[Member]:
    """Yield what a class has, each name once; what it has from another class of the door is listed there."""
    seen = set()
    for each in definition.__mro__:
        if not each.__module__.startswith("bench.") or (each is not definition and each.__name__ in bench.__all__):
            continue
        source = _parsed(each)
        assert isinstance(source, ast.ClassDef)
        for node in source.body:
            member = _member(node)
            if member is not None and member.name not in seen:
                seen.add(member.name)
                yield member


def _member(node: ast.stmt) -> Member | None:
    match node:
        case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_"):
            return Member(name, ast.unparse(node), None)
        case ast.FunctionDef(name=name) if not name.startswith("_") or name in SHOWN_DUNDERS:
            marks = [ast.unparse(each) for each in node.decorator_list]
            text = inspect.cleandoc(ast.get_docstring(node) or "")
            if {"property", "cached_property"} & set(marks):
                return Member(name, f"{name}: {ast.unparse(node.returns) if node.returns else 'Any'}", text)
            kind = "".join(f"{mark} " for mark in marks if mark in ("classmethod", "staticmethod", "abstractmethod"))
            return Member(name, f"{kind}{_form(node)}", text)
    return None


def _form(function: ast.FunctionDef) -> str:
    arguments = re.sub(r"^(self|cls)(, )?(/, )?", "", ast.unparse(function.args))
    returned = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return f"{function.name}({arguments}){returned}".replace("'", '"')


def _parsed(thing: Any) -> ast.stmt:
    return ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]


def room(name: str) -> str:
    """Return the part of the page that a name belongs to."""
    if name in bench.FOR_SCRIPTS:
        return "scripts"
    found = FOR_FILES[name].split(".")[1]
    return found if found in ROOMS else ""


def page() -> str:
    """Return the part of docs/interface.md that is made from docstrings."""
    parts = []
    for key, title in ROOMS.items():
        if names := [name for name in bench.__all__ if room(name) == key]:
            parts += [f"## {title}\n", *(_entry(name) for name in sorted(names, key=str.lower))]
    return "\n".join(parts)


def _entry(name: str) -> str:
    described = describe(name)
    text, sections = split(described.text)
    documented = sections.pop("Attributes", {})
    lines = [f"### {name}\n", "```python", described.form, "```\n"]
    lines += [f"{text}\n"] * bool(text)
    forms = {member.name: member for member in described.members}
    for key, what in documented.items():
        form = forms[key].form if key in forms and not forms[key].text else key
        lines.append(f"- `{form}`: {what}")
    lines += _listed(sections)
    for member in described.members:
        if member.name not in documented or member.text:
            own, parts = split(member.text or "")
            lines.append(f"- `{member.form}`" + (f": {' '.join(own.split())}" if own else ""))
            lines += [f"    {line}" for line in _listed(parts)]
    return "\n".join(lines).rstrip() + "\n"


def _listed(sections: dict[str, dict[str, str]]) -> list[str]:
    return [
        f"- *{title.lower()}* {what}" if not key else f"- *{title.lower()}* `{key}`: {what}"
        for title, entries in sections.items()
        for key, what in entries.items()
    ]


def split(text: str) -> tuple[str, dict[str, dict[str, str]]]:
    """Split a docstring into its text, in one line for each paragraph, and its sections: name to description."""
    head, *rest = SECTION.split(text)
    sections = {title: _entries(body) for title, body in zip(rest[::2], rest[1::2], strict=True)}
    paragraphs = head.rstrip().split("\n\n")
    flowing = [each if each.startswith("    ") else " ".join(each.split()) for each in paragraphs]
    return "\n\n".join(flowing), sections


def _entries(body: str) -> dict[str, str]:
    found = {}
    for entry in re.split(r"\n(?=\S)", inspect.cleandoc(body).strip()):
        named = re.fullmatch(r"(?s)([\w*]+): (.*)", entry)
        key, what = named.groups() if named else ("", entry)
        found[key] = " ".join([*found.get(key, "").split(), *what.split()])  # a text without a name has several lines
    return found


def taken_down() -> dict[str, Any]:
    """Return what was taken down: of each name its signature and the version since which it is so."""
    content: dict[str, Any] = json.loads(TAKEN_DOWN.read_text(encoding="utf-8"))
    return content


def take_down(before: dict[str, Any], now: dict[str, list[str]], version: int) -> dict[str, Any]:
    """Return what is to be taken down, where `before` was.

    Args:
        before: names with `is` and `since`; of a name that is gone, `is` is empty.
        now: the signatures of all names.
        version: of the interface.
    """
    found = {}
    for name in sorted({*before, *now}):
        there = before.get(name, {"is": None})
        signature = now.get(name, [])
        found[name] = there if there["is"] == signature else {"since": version, "is": signature}
    return found


def changelog_lines(changelog: str, version: int) -> tuple[str, bool]:
    """Return what a changelog says of a version of the interface, and whether a release has it."""
    said, released = "", False
    for part in re.split(r"(?m)^(?=## )", changelog):
        lines = re.findall(rf"(?ms)^- Interface {version}: .*?(?=^- |^#|\Z)", part)
        said += "".join(lines)
        released |= bool(lines) and not part.startswith("## [Unreleased]")
    return said, released


def problem(names: dict[str, Any], version: int, changelog: str) -> str | None:
    """Return what the changelog does not say of a version of the interface, None where nothing is missing."""
    said, _ = changelog_lines(changelog, version)
    if not said:
        return (
            f'CHANGELOG.md has no line "- Interface {version}: ...": say there what `bench` gives or what has changed'
        )
    changed = [name for name, entry in names.items() if entry["since"] == version > 1]
    if missing := [name for name in changed if f"`{name}`" not in said]:
        return f'CHANGELOG.md: "- Interface {version}: ..." does not say what has changed of {", ".join(missing)}'
    return None


def main() -> None:
    """Write interface.json and the page anew."""
    before = taken_down() if TAKEN_DOWN.exists() else {}
    now = {name: describe(name).signature for name in bench.__all__}
    names = take_down(before, now, bench.INTERFACE_VERSION)
    _, released = changelog_lines(CHANGELOG.read_text(encoding="utf-8"), bench.INTERFACE_VERSION)
    if names != before and released:
        sys.exit(
            f"interface {bench.INTERFACE_VERSION} is released and has changed: raise INTERFACE_VERSION in "
            "bench/public.py, and say in CHANGELOG.md what has changed"
        )
    TAKEN_DOWN.write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")
    written, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(f"{written}{MARK}\n{page()}", encoding="utf-8")
    if missing := problem(names, bench.INTERFACE_VERSION, CHANGELOG.read_text(encoding="utf-8")):
        print(missing)


if __name__ == "__main__":
    main()
