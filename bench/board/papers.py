"""The papers that the description of a method names: whose idea it is, and where that can be read.

A link is made of an identifier alone (arXiv, DOI, OpenReview, a repository on GitHub), never taken over as it stands.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SOURCES = {
    r"arXiv[\s:]+(?P<id>\d{4}\.\d{4,5})": ("arXiv {}", "https://arxiv.org/abs/{}"),
    r"\b(?:doi|DOI)(?:\.org/|[\s:]+)(?P<id>10\.\d{4,9}/[A-Za-z0-9._/()-]*[A-Za-z0-9])": (
        "doi {}",
        "https://doi.org/{}",
    ),
    r"openreview(?:\.net/forum\?id=|\s+)(?P<id>[A-Za-z0-9_-]{8,12})": (
        "OpenReview {}",
        "https://openreview.net/forum?id={}",
    ),
    r"github\.com/(?P<id>[A-Za-z0-9-]+/[A-Za-z0-9._-]*[A-Za-z0-9])": ("code on GitHub", "https://github.com/{}"),
}
_NAME = r"[A-Z][^\W\d_]+(?:-[A-Z][^\W\d_]+)*"
_AUTHORS = re.compile(rf"({_NAME}(?:(?:, | & | and ){_NAME})*(?: et al\.)?),? ((?:19|20)\d\d)")


@dataclass(frozen=True)
class Paper:
    """A paper, or the code that stands for one.

    Attributes:
        label: what it is known by: "arXiv 2307.01850"; of code, whose name may be long, that it is code.
        link: where it is.
        authors: with the year, as the text names them before it: "Alemohammad et al. 2023"; empty where it does not.
    """

    label: str
    link: str
    authors: str


def papers_in(text: str) -> tuple[Paper, ...]:
    """Return the papers of a text in its order, each once."""
    found: dict[str, Paper] = {}
    before = 0
    for start, end, label, link in sorted(_places(text)):
        named = _AUTHORS.findall(" ".join(text[before:start].split()))
        found.setdefault(link, Paper(label, link, " ".join(named[-1]) if named else ""))
        before = end
    return tuple(found.values())


def _places(text: str) -> Iterator[tuple[int, int, str, str]]:
    for pattern, (label, link) in _SOURCES.items():
        for match in re.finditer(pattern, text):
            yield match.start(), match.end(), label.format(match["id"]), link.format(match["id"])
