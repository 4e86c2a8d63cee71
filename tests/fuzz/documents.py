"""Task files, records, reproductions and what else a leaderboard holds, changed in their structure."""

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from board.hostile import full_record, sign
from board.made_up import make_finding, make_record, png
from hypothesis import strategies as st

from bench import paths
from bench.cells.agreement import compare
from bench.cells.record import read_record
from bench.cells.reproduction import Reproduction
from bench.cells.task import task_names
from bench.files.hashing import canonical_sha256

from .images import SPOILS, hostile_image, spoil
from .mutation import encoded, json_file, mutated, toml_file
from .sandbox import Said, Sandbox


@cache
def task_content(name: str) -> dict[str, Any]:
    return tomllib.loads((paths.TASKS / f"{name}.toml").read_text(encoding="utf-8"))


TASK_NAMES = [name for name in task_names() if name != "gaussian"] + ["gaussian"] * 2 + ["digits"] * 4


@dataclass(frozen=True)
class GivenTask:
    """A task's file, and the verb that reads it."""

    content: bytes
    verb: tuple[str, ...]


VERBS = [
    ("run", "--task", "task.toml", "--generator", "all"),
    ("run", "--task", "task.toml", "--tier", "paper", "--loop", "fresh_data"),
    ("threshold", "--task", "task.toml", "--n-real", "10", "--n-synthetic", "10"),
    ("data", "task.toml"),
    ("data", "task.toml", "--json"),
]


@st.composite
def tasks(draw: st.DrawFn) -> GivenTask:
    content = task_content(draw(st.sampled_from(TASK_NAMES)))
    if draw(st.integers(0, 3)):
        # The tiers are most of a file: what comes before them is changed as often.
        head = draw(mutated({key: value for key, value in content.items() if key != "tiers"}))
        content = (head if isinstance(head, dict) else {}) | {"tiers": content["tiers"]}
    else:
        content = draw(mutated(content))
    return GivenTask(draw(encoded(toml_file(content))), draw(st.sampled_from(VERBS)))


def read_task(sandbox: Sandbox, given: GivenTask) -> Said:
    sandbox.clear()
    (sandbox.work / "task.toml").write_bytes(given.content)
    weights = sandbox.work / "features"
    weights.mkdir()
    (weights / "digits.safetensors").symlink_to(paths.TASKS / "features" / "digits.safetensors")
    return sandbox.run(*given.verb, writes=["threshold"], may_connect=given.verb[0] == "data")


@cache
def shipped() -> Path:
    return min((paths.LEADERBOARD / "results").glob("digits-ddpm-fully_synthetic-none-smoke-seed0-*.json"))


@cache
def records() -> list[dict[str, Any]]:
    """Records as JSON: one that is shipped, a small one, one with every field, one of schema 1."""
    schema_1 = Path(__file__).parents[1] / "cells" / "data_records" / "schema_1.json"
    of_files = [json.loads(path.read_text(encoding="utf-8")) for path in (shipped(), schema_1)]
    return [of_files[0], json.loads(make_record(seed=1).to_json()), sign(full_record()), of_files[1]]


@cache
def reproduction() -> dict[str, Any]:
    record = read_record(shipped())
    finding = make_finding(record)
    made = Reproduction.of(record, "somebody", "rerun", finding, compare(record, finding))
    return json.loads(made.to_json())


def signed(content: Any) -> Any:
    """The hashes that fit what a file says, where it says anything that has a hash."""
    try:
        if isinstance(content, dict) and "cell" in content:
            return sign(content)
        return content | {"sha256": canonical_sha256({k: v for k, v in content.items() if k != "sha256"})}
    except (ValueError, TypeError, KeyError, RecursionError):
        return content


WARNING: dict[str, Any] = {
    "reason": "the images were chosen by hand", "date": "2026-01-02", "by": "somebody",
    "method": {"name": "none", "sha256": "a" * 64},
}  # fmt: skip
MAINTAINERS: dict[str, Any] = {"names": ["somebody", "else"]}


@dataclass(frozen=True)
class GivenResults:
    """A leaderboard: the contents of its files, or what stands in their places."""

    files: dict[str, bytes | str]
    verb: str


@st.composite
def one_record(draw: st.DrawFn) -> bytes:
    content = draw(mutated(draw(st.sampled_from(records()))))
    return draw(encoded(json_file(signed(content) if draw(st.integers(0, 5)) else content)))


def questions() -> Path:
    return paths.LEADERBOARD / "questions" / "12_curating_real_data.toml"


@st.composite
def leaderboards(draw: st.DrawFn) -> GivenResults:
    """A folder of results, of which one file or two are not what they were."""
    valid = [json_file(content).encode() for content in records()[:2]]
    found: dict[str, bytes | str] = {f"results/{i}.json": content for i, content in enumerate(valid)}
    found["results/0.png"] = png()
    found |= {"questions/a.toml": questions().read_bytes(), "methods/mine.py": b'"""Mine."""\n'}
    for kind in draw(
        st.lists(
            st.sampled_from(["record"] * 4 + ["strip", "other", "other", "spoilt", "method"]), min_size=1, max_size=2
        )
    ):
        match kind:
            case "record":
                found[draw(st.sampled_from(["results/0.json", "results/2.json", "results/a/b.json"]))] = draw(
                    one_record()
                )
            case "strip":
                found["results/0.png"] = draw(hostile_image)
            case "other":
                name, content = draw(st.sampled_from(others()))
                changed = draw(mutated(content))
                if name.endswith(".json"):
                    found[name] = draw(encoded(json_file(signed(changed))))
                elif isinstance(changed, dict):
                    text = toml_file(changed)
                    found[name] = draw(encoded(text.replace('"2026-01-02"', "2026-01-02")))
            case "spoilt":
                name = draw(
                    st.sampled_from(
                        [*found, "results/x.json", "results/1.png", "reproductions/a.json", "methods", "warnings"]
                    )
                )
                found[name] = draw(st.sampled_from(list(SPOILS)))
            case "method":
                found["methods/mine.py"] = draw(st.sampled_from(TRACES))
    return GivenResults(found, draw(st.sampled_from(["board"] * 3 + ["verify", "verify samples"])))


def others() -> list[tuple[str, dict[str, Any]]]:
    made = reproduction()
    name = f"{made['cell_id'][:16]}-{made['by']}-{made['mode']}.json"
    question = tomllib.loads(questions().read_text(encoding="utf-8"))
    return [
        (f"reproductions/{name}", made), ("warnings/a.toml", WARNING), ("maintainers.toml", MAINTAINERS),
        ("questions/a.toml", question),
    ]  # fmt: skip


# Methods that leave a trace when they are run, each in its own way.
TRACES = [
    b"open('../trace', 'w')\n",
    b"# coding: utf-16\nopen('../trace', 'w')\n",
    b"\xef\xbb\xbfimport os\nos.mkdir('../trace')\n",
    b"'''" + b"x" * 200_000 + b"'''\nopen('../trace', 'w')\n",
    b"\0",
    b"(" * 90 + b"open('../trace', 'w')" + b")" * 90,
    b"-" * 90_000 + b"1",
    b"x" + b".x" * 40_000,
]


def read_leaderboard(sandbox: Sandbox, given: GivenResults) -> Said:
    sandbox.clear()
    for name, content in given.files.items():
        path = sandbox.work / "board" / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                spoil(path, content, sandbox)
        except OSError:  # its folder is none any more
            continue
    match given.verb:
        case "board":
            return sandbox.run("board", "--results", "board/results", "--out", "site", writes=["site"])
        case "verify samples":
            arguments = ["--samples", "board", "--by", "somebody", "--reproductions", "new"]
            return sandbox.run("verify", "board/results/0.json", *arguments, writes=["new"])
    arguments = ["--method", "board/methods/mine.py"] if "methods/mine.py" in given.files else []
    return sandbox.run("verify", "board/results/0.json", *arguments, "--runs", "runs", writes=["runs"])
