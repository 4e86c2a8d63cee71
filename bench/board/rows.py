"""Rows of a table: flat dictionaries that all have the same keys, as CSV, as JSON and for pandas."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bench.errors import BadInput

if TYPE_CHECKING:
    import pandas


class Rows(list[dict[str, Any]]):
    """A table: a list of rows, each a dictionary by the names of the columns; None where there is no value.

    In a notebook it is shown as pandas shows a table, where that is installed.
    """

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the table as a DataFrame.

        Raises:
            BadInput: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise BadInput("to_pandas() needs pandas: pip install 'autophagy-bench[pandas]'") from error
        return pandas.DataFrame(list(self))

    def to_csv(self) -> str:
        """Return the table as CSV, the names of the columns in its first line."""
        return csv_text(self)

    def to_json(self) -> str:
        """Return the table as a JSON list of objects."""
        return json_text(self)

    def _repr_html_(self) -> str | None:
        """Return what a notebook shows."""
        try:
            return str(self.to_pandas().to_html())
        except BadInput:
            return None


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV, the names of the columns in its first line."""
    buffer = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(buffer, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
    return buffer.getvalue()


def json_text(content: Any) -> str:
    """Return JSON that every reader takes: without NaN and infinity."""
    return json.dumps(content, indent=1, allow_nan=False) + "\n"
