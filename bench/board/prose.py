"""Texts of files as HTML: paragraphs, lists, code in backticks and the signs of mathematics, all else escaped."""

import re

from markupsafe import Markup, escape

_SIGNS = (
    (re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)x(?![\w(])"), r"\1×"),
    (re.compile(r"(?<=\w) x (?=\w)"), " × "),
    (re.compile(r"(?<=\w)\^2(?!\w)"), "²"),
    (re.compile(r"(?<=\d) \* (?=\d)"), " × "),
)
_ITEM = re.compile(r"[-*] ")


def inline(text: str) -> Markup:
    """Return a text on one line: what stands in backticks as code, the rest with signs of mathematics, all escaped."""
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:  # a backtick that nothing closes is one
        parts[-2:] = ["`".join(parts[-2:])]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else _with_signs(part) for place, part in enumerate(parts)
    )


def prose(text: str) -> Markup:
    """Return a text with blank lines between its paragraphs, and lines that begin with "- " as lists."""
    return Markup("\n").join(_block(lines) for part in text.split("\n\n") for lines in _blocks(part.splitlines()))


def breakable(text: str) -> Markup:
    """Return a name that may be broken after its underscores, and nowhere else inside a word."""
    return escape(text).replace("_", Markup("_<wbr>"))


def _with_signs(text: str) -> Markup:
    for pattern, sign in _SIGNS:
        text = pattern.sub(sign, text)
    return escape(text)


def _blocks(lines: list[str]) -> list[list[str]]:
    """Return the lines of a paragraph, and of the lists in it, apart."""
    found: list[list[str]] = []
    for line in filter(str.strip, lines):
        is_item, goes_on = bool(_ITEM.match(line)), line.startswith("  ")
        in_list = bool(found) and bool(_ITEM.match(found[-1][0]))
        if found and (is_item or goes_on if in_list else not is_item):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def _block(lines: list[str]) -> Markup:
    if not _ITEM.match(lines[0]):
        return Markup("<p>{}</p>").format(inline("\n".join(lines)))
    items: list[str] = []
    for line in lines:
        if _ITEM.match(line):
            items.append(line[2:])
        else:
            items[-1] += "\n" + line
    return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(inline(item)) for item in items))
