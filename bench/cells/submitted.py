"""Who has submitted results: a file for each submission, in submissions/ of a leaderboard. Schema 1.

What is in it is somebody's text: it is read as text alone, and a link leads to a web page or is refused.
"""

import datetime
import json
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bench.errors import BadInput, first_line
from bench.files.hashing import canonical_sha256
from bench.files.limits import MOST_RECORD_BYTES, Sha256, printable
from bench.files.untrusted import read_untrusted_json
from bench.files.validation import one_line, shown, validate_strictly

MOST_NAME = 80
MOST_LINK = 200
MOST_CELLS = 10_000
PLAIN_URL = re.compile(r"[A-Za-z0-9._~:/?#@!$&()*+,;=%-]+")  # of the characters of a URL without quotes and brackets


def checked_name(name: str) -> str:
    """Return the name of a person or a group, if it can be shown as it is.

    Raises:
        ValueError: it is empty, too long, or has characters that no name has.
    """
    printable(name)
    if not name.strip() or name != name.strip() or len(name) > MOST_NAME:
        raise ValueError(f"{shown(name)}: use 1 to {MOST_NAME} characters, none of them a space at the ends")
    if found := next((character for character in '<>"&\\' if character in name), None):
        raise ValueError(f"{shown(name)} has {found}: use plain text")
    return name


def checked_link(link: str) -> str:
    """Return a link, if it leads to a web page.

    Raises:
        ValueError: it has another scheme, no host, a user's name before it, or characters that no link needs.
    """
    allowed = f"give https://... or http://..., with a host, of at most {MOST_LINK} characters"
    if len(link) > MOST_LINK or not PLAIN_URL.fullmatch(link):
        raise ValueError(f"{shown(link)}: {allowed}")
    try:
        parts = urlsplit(link)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{shown(link)}: {allowed}") from error
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise ValueError(f"{shown(link)}: {allowed}")
    return link


PersonName = Annotated[str, AfterValidator(checked_name)]
Link = Annotated[str, AfterValidator(checked_link)]


class Submitted(BaseModel):
    """One submission.

    Attributes:
        by: who has submitted: a person, or a group.
        link: to a web page of theirs, if they want one.
        date: when, in UTC.
        cells: the ids of the cells whose results it has brought.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    by: PersonName
    link: Link | None = None
    date: datetime.date
    cells: tuple[Sha256, ...] = Field(min_length=1, max_length=MOST_CELLS, fail_fast=True)

    @property
    def file_name(self) -> str:
        """What its file is called: after its content, so that no two submissions can want the same name."""
        return f"{canonical_sha256(self.model_dump(mode='json'))[:16]}.json"

    def to_json(self) -> str:
        """Return the file's text."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def check_submitter(by: str, link: str | None) -> None:
    """Raise `BadInput` where a name or a link of the command line is not allowed."""
    for option, value, check in (("--by", by, checked_name), ("--link", link, checked_link)):
        try:
            if value is not None:
                check(value)
        except ValueError as error:
            raise BadInput(f"{option} {first_line(error)}") from error


def read_submitted(path: Path) -> Submitted:
    """Read and validate the file of a submission.

    Raises:
        BadInput: it cannot be read, breaks the schema, or has another name than its content gives it.
    """
    try:
        found = validate_strictly(Submitted, read_untrusted_json(path, MOST_RECORD_BYTES))
    except ValidationError as error:
        raise BadInput(f"{path}: not a valid submission: {one_line(error)}") from error
    if path.name != found.file_name:
        raise BadInput(f"{path}: the file's name must be {found.file_name}: it was edited after it was written")
    return found


def read_submitters(leaderboard: Path) -> dict[str, Submitted]:
    """Return who has submitted each cell of a leaderboard, by the cells' ids; of several the earliest.

    Raises:
        BadInput: a file of submissions/ is not valid.
    """
    found = [read_submitted(path) for path in sorted((leaderboard / "submissions").glob("[!.]*.json"))]
    by_cell: dict[str, Submitted] = {}
    for submitted in sorted(found, key=lambda each: (each.date, each.file_name)):
        for cell in submitted.cells:
            by_cell.setdefault(cell, submitted)
    return by_cell
