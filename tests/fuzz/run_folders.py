"""Run folders that somebody else gives: files changed with hashes that fit, or something else in their places."""

import contextlib
import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from safetensors.torch import load, save

from bench.cli.main import main
from bench.files.hashing import bytes_sha256, canonical_sha256
from bench.runs import environment

from .images import SPOILS, hostile_image, spoil
from .mutation import encoded, json_file, mutated, mutated_bytes
from .sandbox import Said, Sandbox, _captured

CELL = ["--task", "gaussian", "--generator", "gaussian", "--loop", "fully_synthetic", "--generations", "2"]


@cache
def finished() -> dict[str, bytes]:
    """The files of a runs folder with one finished cell, by their names in the cell's folder."""
    with tempfile.TemporaryDirectory() as folder:
        before = environment._git
        environment._git = lambda *_: None  # the checkout that is tested may be dirty
        try:
            with _captured():
                assert main(["run", *CELL, "--runs", folder, "--device", "cpu"]) == 0
        finally:
            environment._git = before
        [cell] = Path(folder, "cells").iterdir()
        files = [path for path in cell.rglob("*") if path.is_file() and path.name != ".claim"]
        return {str(path.relative_to(cell)): path.read_bytes() for path in files} | {"slug": cell.name.encode()}


@dataclass(frozen=True)
class GivenRun:
    """The files of a cell's folder, what stands in the places of some, and the verb that reads them."""

    changed: tuple[tuple[str, bytes | str], ...]
    sealed: bool
    verb: str


VERBS = ["submit", "submit", "rescore", "verify", "board", "status", "status"]


@st.composite
def run_folders(draw: st.DrawFn) -> GivenRun:
    known = {name: content for name, content in finished().items() if name != "slug"}
    found: list[tuple[str, bytes | str]] = []
    for _ in range(draw(st.integers(1, 2))):
        name = draw(
            st.sampled_from(sorted(known)) | st.sampled_from(["failure.json", "progress.json", ".claim", "strip.png"])
        )
        if draw(st.integers(0, 5)) == 0:
            found.append((name, draw(st.sampled_from(list(SPOILS)))))
        elif name.endswith(".json") and name in known:
            found.append((name, draw(encoded(json_file(draw(mutated(json.loads(known[name]))))))))
        elif name.endswith(".safetensors"):
            found.append((name, draw(mutated_bytes(known[name]) | tensors(known[name]))))
        elif name.endswith(".png"):
            found.append((name, draw(hostile_image)))
        else:
            claims = [
                b"",
                b"1\nhost\n",
                b"0\n\n",
                b"-1\nx\n",
                b"9" * 400 + b"\nx\n",
                b"{}",
                b'{"error": "\\u001b[31m"}',
                b"\xff",
            ]
            found.append((name, draw(st.sampled_from(claims) | st.binary(max_size=30))))
    verb = draw(st.sampled_from(VERBS))
    if verb == "rescore":
        # Whoever has claimed the folder is waited for, and may be on another machine.
        found = [(name, content) for name, content in found if name != ".claim"]
    return GivenRun(tuple(found), draw(st.booleans()), verb)


def tensors(content: bytes) -> st.SearchStrategy[bytes]:
    """A file of tensors with others in it."""
    kinds = [
        torch.zeros(0),
        torch.zeros(()),
        torch.zeros((3, 2), dtype=torch.int8),
        torch.zeros((2, 100)),
        torch.zeros(2, 1, 8, 8),
    ]
    kinds += [torch.full((400, 100), float("nan")), torch.zeros((2000, 100), dtype=torch.bfloat16)]
    names = st.sampled_from([*load(content), "labels", "x", ""])
    return st.dictionaries(names, st.sampled_from(kinds), max_size=3).map(
        lambda found: save({name: tensor.clone() for name, tensor in found.items()})
    )


def put_run(cell: Path, given: GivenRun, sandbox: Sandbox) -> None:
    for name, content in finished().items():
        if name != "slug":
            (cell / name).parent.mkdir(parents=True, exist_ok=True)
            (cell / name).write_bytes(content)
    for name, content in given.changed:
        if isinstance(content, bytes):
            with contextlib.suppress(OSError):  # a folder stands there already
                (cell / name).unlink(missing_ok=True)  # or a pipe, or a link that leads out
                (cell / name).write_bytes(content)
        else:
            spoil(cell / name, content, sandbox)
    if given.sealed:
        for path in (*sorted(cell.glob("generation-*/generation.json")), cell / "cell.json", cell / "record.json"):
            with contextlib.suppress(OSError, ValueError, TypeError, RecursionError, AttributeError):
                seal(path)


def seal(path: Path) -> None:
    """Make the hashes fit what is there, as somebody does who means harm."""
    if not path.is_file() or path.is_symlink():
        return
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    content.pop("sha256", None)
    for name in content.get("files", {}):
        if (path.parent / name).is_file() and (path.parent / name).stat().st_size < 10_000_000:
            content["files"][name] = bytes_sha256((path.parent / name).read_bytes())
    path.write_text(json.dumps(content | {"sha256": canonical_sha256(content)}))


def read_run(sandbox: Sandbox, given: GivenRun) -> Said:
    """Give a cell's folder to a command."""
    sandbox.clear()
    cell = sandbox.work / "runs" / "cells" / finished()["slug"].decode()
    put_run(cell, given, sandbox)
    (sandbox.work / "leaderboard").mkdir()
    place = cell.relative_to(sandbox.work)
    match given.verb:
        case "submit":
            return sandbox.run("submit", "runs", "--leaderboard", "leaderboard", writes=["leaderboard"])
        case "rescore":
            return sandbox.run("rescore", place, "--features", "identity", writes=["runs"])
        case "verify":
            arguments = ["--samples", place, "--by", "somebody", "--reproductions", "new"]
            return sandbox.run("verify", place / "record.json", *arguments, writes=["new"])
        case "board":
            return sandbox.run("board", "--results", "runs", "--out", "site", writes=["site"])
    return sandbox.run("status", "--runs", "runs", "--all")
