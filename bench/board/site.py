"""Build the static site: one page with its assets, which opens from the file system."""

import re
import shutil
from pathlib import Path

from bench.board.page import SITE, render
from bench.board.results import Result, find_results
from bench.board.sections import group
from bench.errors import BadInput


def build_site(results: Path, out: Path) -> int:
    """Build the results page; the same records and strips give the same bytes.

    Args:
        results: a runs folder, or a folder of result files.
        out: the folder to write index.html, assets/ and strips/ to; made if it is not there.

    Returns:
        The number of records on the page. No records is no error: the page then says how to make one.

    Raises:
        BadInput: `results` is not a folder, a file in it is not a valid record, or `out` cannot be written.
    """
    found = find_results(results)
    html = render(group(found))
    try:
        _write(out, html, found)
    except OSError as error:
        raise BadInput(f"{error.filename or out}: cannot be written: {error.strerror or error}") from error
    return sum(result.own_space for result in found)


def _write(out: Path, html: str, results: list[Result]) -> None:
    """Write the assets and strips first and the page last, so that a page never lacks what it shows."""
    for folder in ("assets", "vendor"):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for source in sorted((SITE / folder).iterdir()):
            shutil.copyfile(source, out / folder / source.name)

    strips = out / "strips"
    strips.mkdir(exist_ok=True)
    wanted = {f"{result.short_id}.png": result.strip.path for result in results if result.strip}
    for name, source in sorted(wanted.items()):
        shutil.copyfile(source, strips / name)
    for path in strips.iterdir():
        # A strip of an earlier build, whose cell is gone; a file that this module did not name is left alone.
        if re.fullmatch(r"[0-9a-f]{16}\.png", path.name) and path.name not in wanted:
            path.unlink()

    page = out / "index.html"
    finished = page.with_suffix(".html.part")
    finished.write_text(html, encoding="utf-8", newline="\n")
    finished.replace(page)
