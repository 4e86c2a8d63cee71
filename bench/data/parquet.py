"""Images in parquet files, as data sets lie on the Hugging Face Hub: a column of encoded images, and one of labels.

    train-00000-of-00002.parquet, train-00001-of-00002.parquet, test-00000-of-00001.parquet

Rows are read one batch after the other: no file need fit into memory. pyarrow, which reads them, is an extra.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from bench.data.files import ImageFiles
from bench.data.parts import part_of
from bench.errors import BadInput, first_line
from bench.files.limits import MOST_IMAGE_BYTES, MOST_IMAGES
from bench.files.untrusted import check_file
from bench.files.validation import in_one_line, shown

ROWS_AT_ONCE = 100
SHARD = re.compile(r"(?P<split>.*?)-(?P<number>\d{5})-of-(?P<count>\d{5})(-[0-9a-f]+)?")
INSTALL = "pip install 'autophagy-bench[parquet]'"
PLAIN_FOLDERS = ("data", "default", "plain_text")  # of no meaning on the hub


@dataclass(frozen=True)
class Shard:
    """One file of a split.

    Attributes:
        path: of the file.
        split: what it is a part of, "train" for example; with its configuration before it where it lies in one.
        number: its place among the split's files; 0 where its name does not say.
        count: how many files its name says that the split has; None where it does not say.
    """

    path: Path
    split: str
    number: int = 0
    count: int | None = None


def shard_of(name: str, path: Path) -> Shard:
    """Return what a file is a part of, by its name, relative to the folder of the whole set and with slashes."""
    *folders, file = name.split("/")
    stem = file.rpartition(".")[0]
    folders = [folder for folder in folders if folder not in PLAIN_FOLDERS]
    if match := SHARD.fullmatch(stem):
        return Shard(path, "/".join([*folders, match["split"]]), int(match["number"]), int(match["count"]))
    if stem.isdigit() and folders:
        return Shard(path, "/".join(folders), int(stem))
    return Shard(path, "/".join([*folders, stem]))


class ParquetFiles(ImageFiles):
    """The images of parquet files; each has the name SPLIT/ROW, or ROW where all are of one split."""

    def __init__(
        self, path: Path, files: Sequence[Path], origin: str | None = None, *, numbered: bool = False
    ) -> None:
        """List the rows.

        Args:
            path: of the file or folder, for messages.
            files: below it, or `path` itself.
            origin: where they come from, where that is not `path`.
            numbered: take classes by their numbers also where the files have names of them.

        Raises:
            BadInput: pyarrow is not installed, a file is damaged or missing among those of its split, or has no one
                column of images.
        """
        self.path, self.origin, self.others = path, origin, []
        names = {file: file.name if file == path else file.relative_to(path).as_posix() for file in files}
        shards = [shard_of(names[file], file) for file in files]
        splits: dict[str, list[Shard]] = defaultdict(list)
        for shard in sorted(shards, key=lambda each: (each.split, each.number, str(each.path))):
            splits[shard.split].append(shard)
        self._tables: dict[str, tuple[_Table, int]] = {}
        self.names = []
        self.splits: dict[str, int] = {}
        for split, of_split in splits.items():
            self._check_complete(split, of_split, is_alone=files == [path])
            row = 0
            for shard in of_split:
                table = _Table(shard.path, numbered=numbered)
                for i in range(table.n):
                    name = f"{row + i:08}" if len(splits) == 1 else f"{split}/{row + i:08}"
                    self.names.append(name)
                    self._tables[name] = table, i
                row += table.n
            self.splits[split] = row
        if len(self.names) > MOST_IMAGES:
            raise BadInput(f"{path}: {len(self.names):,} images: the most is {MOST_IMAGES:,}")

    def _check_complete(self, split: str, shards: Sequence[Shard], *, is_alone: bool) -> None:
        counts = {shard.count for shard in shards} - {None}
        if not counts or is_alone:
            return
        [count, *others] = sorted(each for each in counts if each is not None)
        if others or len(shards) != count or [shard.number for shard in shards] != list(range(count)):
            raise BadInput(
                f"{self.path}: {len(shards)} of {count} files of {split} ({shards[0].path.name} ...): one is missing, "
                "or there twice: give all of them"
            )

    @cached_property
    def labels(self) -> Mapping[str, int | str] | None:  # type: ignore[override]
        """The class of each row, by its name; None where there is no one column of labels."""
        tables = list(dict.fromkeys(table for table, _ in self._tables.values()))
        if any(table.label_column is None for table in tables):
            return None
        values = {table: table.labels() for table in tables}
        return {name: values[table][row] for name, (table, row) in self._tables.items()}

    def read(self, name: str) -> bytes:
        """Return the bytes of one of the images."""
        table, row = self._tables[name]
        content = table.image(row)
        if content is None:
            raise BadInput(f"{self.path}/{name}: no image in this row, it may be a link to one: give the image itself")
        if len(content) > MOST_IMAGE_BYTES:
            raise BadInput(f"{self.path}/{name}: {len(content):,} bytes: the most is {MOST_IMAGE_BYTES:,}")
        return content


class _Table:
    """One parquet file, whose rows are best asked for in their order."""

    def __init__(self, path: Path, *, numbered: bool = False) -> None:
        check_file(path)
        self.path = path
        self._file = _opened(path)
        schema = self._file.schema_arrow
        self.n: int = self._file.metadata.num_rows
        features = _hub_features(schema.metadata or {})
        self._image_column = self._one_image_column(schema, features)
        self.label_column = _label_column(schema, features)
        self._class_names = None if numbered else features.get(self.label_column or "", {}).get("names")
        self._next = 0
        self._rows: Iterator[bytes | None] = iter(())

    def _one_image_column(self, schema: Any, features: Mapping[str, Mapping[str, Any]]) -> str:
        import pyarrow

        def is_encoded(kind: Any) -> bool:
            if pyarrow.types.is_struct(kind):
                return any(field.name == "bytes" for field in kind)
            return bool(pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind))

        encoded = [field.name for field in schema if is_encoded(field.type)]
        said = [name for name in encoded if features.get(name, {}).get("_type") == "Image"]
        found = said or encoded
        if len(found) != 1:
            raise BadInput(
                f"{self.path}: {len(found)} columns of encoded images ({', '.join(map(shown, schema.names[:10]))}): "
                "needed is one, of bytes or as the datasets library writes images"
            )
        return str(found[0])

    def labels(self) -> list[int | str]:
        """Return the class of each row: a name where the file has them, a number otherwise."""
        try:
            values = self._file.read(columns=[self.label_column]).column(0).to_pylist()
        except Exception as error:
            raise BadInput(f"{self.path}: not a readable parquet file: {_said(error)}") from error
        found: list[int | str] = []
        for row, value in enumerate(values):
            if isinstance(value, int) and self._class_names is not None:
                if not 0 <= value < len(self._class_names):
                    raise BadInput(f"{self.path}: row {row} has the label {value} of {len(self._class_names)} classes")
                found.append(str(self._class_names[value]))
            elif isinstance(value, int | str) and not isinstance(value, bool):
                found.append(value)
            else:
                raise BadInput(f"{self.path}: row {row} has the label {shown(value)}: use numbers or names")
        return found

    def image(self, row: int) -> bytes | None:
        """Return the bytes of the image of a row, None where there are none."""
        try:
            if row < self._next or self._next == 0:
                self._rows, self._next = self._stream(), 0
            skipped, self._next = row - self._next, row + 1
            return next(islice(self._rows, skipped, None))
        except Exception as error:
            raise BadInput(f"{self.path}: not a readable parquet file: {_said(error)}") from error

    def _stream(self) -> Iterator[bytes | None]:
        for batch in self._file.iter_batches(batch_size=ROWS_AT_ONCE, columns=[self._image_column]):
            for value in batch.column(0):
                found = value.as_py()
                yield found.get("bytes") if isinstance(found, dict) else found


def is_installed() -> bool:
    """Return whether parquet files can be read."""
    return find_spec("pyarrow") is not None


def _opened(path: Path) -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise BadInput(f"{path}: a parquet file is read with pyarrow, which is not installed: {INSTALL}") from error
    try:
        return parquet.ParquetFile(path)
    except Exception as error:  # whatever its library says of damaged bytes
        raise BadInput(f"{path}: not a readable parquet file: {_said(error)}") from error


def _said(error: Exception) -> str:
    return in_one_line(first_line(error)) or type(error).__name__


def _hub_features(metadata: Mapping[bytes, bytes]) -> dict[str, dict[str, Any]]:
    """Return what the datasets library has written of each column; nothing where it has written none."""
    try:
        found = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (LookupError, ValueError, TypeError, RecursionError):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, dict)} if isinstance(found, dict) else {}


def _label_column(schema: Any, features: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the one column of classes; None where there is none, or more than one that could be meant."""
    said = [name for name in schema.names if features.get(name, {}).get("_type") == "ClassLabel"]
    if said:
        return str(said[0]) if len(said) == 1 else None
    called = [name for name in schema.names if name.casefold() in ("label", "labels", "class", "target")]
    return str(called[0]) if len(called) == 1 else None


def chosen_split(where: object, splits: Sequence[str], wanted: str | None) -> list[str]:
    """Return which splits are read: the one that is asked for, the only one, or one for training and one held out.

    Raises:
        BadInput: there is no such split, or it cannot be told which are meant.
    """
    if wanted is not None:
        if wanted not in splits:
            raise BadInput(f"{where}: no split {shown(wanted)}: there are {', '.join(splits)}")
        return [wanted]
    parts = Counter(part_of(split.rpartition("/")[2]) for split in splits)
    if len(splits) == 1 or (len(splits) == 2 and parts["training"] == parts["held out"] == 1):
        return list(splits)
    raise BadInput(f"{where}: the splits {', '.join(splits)}: add the one that is meant, as in {where}:{splits[0]}")
