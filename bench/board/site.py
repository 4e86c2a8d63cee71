"""Build the static site from records: pages, downloads, pictures and assets, which open from the file system."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.board.answers import decide_all
from bench.board.board import build_board
from bench.board.downloads import downloads
from bench.board.method_files import find_generator_files, find_method_files
from bench.board.pages import SITE, Pages
from bench.board.questions import Plan, load_questions
from bench.board.results import Result, find_results
from bench.board.site_settings import read_site_settings
from bench.board.trust import read_trust
from bench.board.views import views
from bench.cells.submitted import read_submitters
from bench.cells.task_files import KnownTasks
from bench.errors import BadInput
from bench.files.atomic import make_folder
from bench.paths import LEADERBOARD

# A folder of results beside one of these is that of a leaderboard.
OF_LEADERBOARD = ("questions", "methods", "generators", "reproductions", "warnings", "submissions")
# Files of an earlier build that a later one may not have; what else lies in these folders is left alone.
MADE = {
    "cells": r"[0-9a-f]{16}\.html",
    "records": r"[0-9a-f]{16}\.json",
    "strips": r"[0-9a-f]{16}\.png",
    "samples": r"[0-9a-f]{16}\.png",
    "methods": r"[a-z0-9_-]+-[0-9a-f]{8}\.html",
    "generators": r"[a-z0-9_-]+-[0-9a-f]{8}\.html",
    "compare": r"[a-z0-9_-]+-[0-9a-f]{8}\.html",
    "rows": r"[a-z0-9_-]+-[0-9a-f]{8}-[0-9a-f]+\.js",
    "curves": r"[a-z0-9_-]+-[0-9a-f]{8}-[0-9]+\.js",
}


def build_site(results: Path, out: Path, plan: Plan) -> int:
    """Build the site; the same records and pictures give the same bytes.

    Args:
        results: a runs folder, or a folder of result files. Where it is the results/ of a leaderboard, that
            leaderboard's methods, reproductions, warnings, tasks and questions are used, elsewhere the package's.
        out: the folder to write the site to; made if it is not there.
        plan: gives the cells that a question names, see `load_questions`.

    Returns:
        The number of records of the site. No records is no error: the page then says how to make one.

    Raises:
        BadInput: there are no records and `out` has a page already, which would go; `results` is not a folder, a
            file that is read is not valid, or `out` cannot be written.
    """
    found = find_results(results)
    if not (results / "cells").is_dir() and out.resolve().is_relative_to(results.resolve()):
        raise BadInput(f"--out {out}: lies in {results}, whose files are all read as results: choose another folder")
    if not found and (out / "index.html").exists():
        raise BadInput(f"{results}: no records in it, and the page in {out} stays as it is: give another folder")
    leaderboard = results.parent if any((results.parent / name).is_dir() for name in OF_LEADERBOARD) else LEADERBOARD
    questions = next(place / "questions" for place in (leaderboard, LEADERBOARD) if (place / "questions").is_dir())
    own = [result for result in found if result.own_space]
    trust = read_trust(leaderboard, [result.record for result in own])
    tasks = KnownTasks(results.parent / "tasks")
    tables = views(build_board(found, trust, tasks=tasks))
    answers = decide_all(load_questions(questions, plan), [result.record for result in own])
    pages = Pages(
        tables, answers, find_method_files(leaderboard), find_generator_files(leaderboard), trust,
        read_submitters(leaderboard), tasks, read_site_settings(leaderboard),
    )  # fmt: skip
    files = dict(_texts(pages, downloads(tables, [answer.to_json() for answer in answers])))
    try:
        _write(out, files, own)
    except OSError as error:
        raise BadInput(f"{error.filename or out}: cannot be written: {error.strerror or error}") from error
    return len(own)


def _texts(pages: Pages, files: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    yield from pages.render()
    for name, text in files:
        yield f"downloads/{name}", text


def _write(out: Path, texts: Mapping[str, str], results: list[Result]) -> None:
    """Write what pages show before the pages, and the front page last, so that no page lacks what it shows."""
    wanted: dict[str, set[str]] = {folder: set() for folder in MADE}
    for folder in ("assets", "vendor", *MADE, "downloads"):
        make_folder(out / folder)
    for folder in ("assets", "vendor"):
        for source in sorted((SITE / folder).iterdir()):
            _write_changed(out / folder / source.name, source.read_bytes())
    for result in results:
        copies = {"records": (f"{result.short_id}.json", result.path)}
        for shown_in, picture in (("strips", result.strip), ("samples", result.sheet)):
            if picture:
                copies[shown_in] = (f"{result.short_id}.png", picture.path)
        for folder, (name, source) in copies.items():
            _write_changed(out / folder / name, source.read_bytes())
            wanted[folder].add(name)
    for address in sorted(texts, key=lambda address: address == "index.html"):
        path = out / address
        if path.parent.name in wanted:
            wanted[path.parent.name].add(path.name)
        _write_changed(path, texts[address].encode())
    for folder, names in wanted.items():
        for path in (out / folder).iterdir():
            if re.fullmatch(MADE[folder], path.name) and path.name not in names:
                path.unlink()


def _write_changed(path: Path, content: bytes) -> None:
    """Write a file in one step, unless it has this content: of an earlier build's files most have not changed."""
    if path.is_file() and path.read_bytes() == content:
        return
    finished = path.with_name(f"{path.name}.part")
    finished.write_bytes(content)
    finished.replace(path)
