"""The record of a reproduction: what somebody found who ran a cell again or scored its samples again. Schema 1."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.cells.agreement import Agreement, Finding, Tolerance
from bench.cells.record import Record
from bench.errors import BadInput
from bench.files.atomic import make_folder, write_text
from bench.files.hashing import canonical_sha256
from bench.files.limits import MOST_RECORD_BYTES, Sha256
from bench.files.sealed import sealed_text
from bench.files.untrusted import read_untrusted_json
from bench.files.validation import one_line, validate_strictly

Mode = Literal["rerun", "rescore"]
# Part of a file's name, and so without capitals, which some file systems do not tell from small letters.
_NAME = "^[a-z0-9][a-z0-9-]{0,38}$"
Name = Annotated[str, Field(pattern=_NAME)]


class Reproduction(BaseModel):
    """One attempt to find a record's scores again.

    Attributes:
        cell_id: of the cell.
        record_sha256: of the record that was verified, see `Record.verified_sha256`.
        by: who did it.
        mode: `rerun` where the whole cell was run, `rescore` where the samples that were kept were scored.
        kind: `identical` where all samples were the same bits, otherwise `statistical`.
        agrees: whether what was found agrees with the record, within the tolerance.
        tolerance: what was allowed.
        found: what was found.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    schema_version: Literal[1] = 1
    cell_id: Sha256
    record_sha256: Sha256
    by: Name
    mode: Mode
    kind: Literal["identical", "statistical"]
    agrees: bool
    tolerance: Tolerance
    found: Finding

    @model_validator(mode="after")
    def _complete(self) -> "Reproduction":
        generations = self.found.generations
        if [g.generation for g in generations] != list(range(1, len(generations) + 1)):
            raise ValueError("found.generations must be numbered from 1 in their order")
        for name in ("cost", "score_features_read"):
            there = {getattr(g, name) is not None for g in generations}
            if there != {self.mode == "rerun"}:
                wanted = "is missing in a generation" if self.mode == "rerun" else "is there: must be null"
                raise ValueError(f"mode is {self.mode}, and found.generations.{name} {wanted}")
        return self

    @classmethod
    def of(cls, record: Record, by: str, mode: Mode, finding: Finding, agreement: Agreement) -> "Reproduction":
        """Return the reproduction of a record."""
        return cls(
            cell_id=record.cell_id,
            record_sha256=record.verified_sha256,
            by=by,
            mode=mode,
            kind="identical" if agreement.identical else "statistical",
            agrees=agreement.agrees,
            tolerance=agreement.tolerance,
            found=finding,
        )

    @property
    def file_name(self) -> str:
        """What its file is called: one for each cell, person and mode."""
        return f"{self.cell_id[:16]}-{self.by}-{self.mode}.json"

    def to_json(self) -> str:
        """Return the file's text, with the hash that shows when it was changed afterwards."""
        return sealed_text(self.model_dump(mode="json"))


def check_name(name: str) -> None:
    """Raise `BadInput` where a name is none that a reproduction can have."""
    if not re.fullmatch(_NAME, name):
        raise BadInput(f"--by {name!r}: use up to 39 small letters, digits and -, not - first")


def keep_reproduction(reproduction: Reproduction, folder: Path) -> Path:
    """Write a reproduction to its file in the folder, and return the file."""
    make_folder(folder)
    path = folder / reproduction.file_name
    write_text(path, reproduction.to_json())
    return path


def read_reproduction(path: Path) -> Reproduction:
    """Read and validate a reproduction.

    Raises:
        BadInput: the file cannot be read, breaks the schema, was changed after it was written, or has the name of
            another.
    """
    content = read_untrusted_json(path, MOST_RECORD_BYTES)
    written_hash = content.pop("sha256", None)
    try:
        reproduction = validate_strictly(Reproduction, content)
    except ValidationError as error:
        raise BadInput(f"{path}: not a valid reproduction: {one_line(error)}") from error
    if written_hash != canonical_sha256(content):
        raise BadInput(f"{path}: its sha256 does not fit its content: the file was edited after it was written")
    if path.name != reproduction.file_name:
        raise BadInput(f"{path}: the file's name must be {reproduction.file_name}")
    return reproduction
