"""Find out what a set of images is that the user gives: a folder, a zip archive, or parquet files."""

import zipfile
from pathlib import Path

from bench.data.files import PARQUET, ArchiveFiles, FolderFiles, ImageFiles, check_exists, what_it_is
from bench.data.parquet import ParquetFiles
from bench.errors import BadInput
from bench.files.untrusted import check_file


def open_images(path: Path) -> ImageFiles:
    """List the images of a folder, a zip archive, a parquet file, or a folder of parquet files.

    Raises:
        BadInput: nothing there, something else, or something in it that is a link or that no archive of images has.
    """
    check_exists(path)
    if path.is_dir():
        files = FolderFiles(path)
        tables = [name for name in files.others if name.lower().endswith(PARQUET)]
        return ParquetFiles(path, [path / name for name in tables]) if tables and not files.names else files
    check_file(path)
    if path.suffix.lower() == PARQUET:
        return ParquetFiles(path, [path])
    if not zipfile.is_zipfile(path):
        raise BadInput(f"{path}: {what_it_is(path) or 'neither a folder nor a readable zip archive'}")
    return ArchiveFiles(path)
