"""Methods' files: sources with something wrong in them, where they are run and where they must not be."""

from dataclasses import dataclass
from functools import cache

from hypothesis import strategies as st

from bench import paths
from bench.files.limits import MOST_METHOD_BYTES

from .images import SPOILS, spoil
from .mutation import encoded
from .sandbox import Broken, Said, Sandbox

PLAIN = """from bench import Method


class Mine(Method):
    '''Mine.'''
"""
# Each leaves a trace when it is run, and what comes before it must not make a difference.
TRACE = "open('trace', 'w').close()\n"
STARTS = [
    "", "\ufeff", "# -*- coding: utf-16 -*-\n", "# coding: rot13\n", "# coding: unicode_escape\n",
    "# coding: nothing\n",
    "#!/usr/bin/env python\n", "\f", "'''" + "x" * MOST_METHOD_BYTES + "'''\n", "from __future__ import annotations\n",
    "from __future__ import braces\n", "\t", "    ", "\\\n", "raise SystemExit(0)\n", "raise KeyError\n", "1/0\n",
    "import sys\n",
    "if True:\n" * 120, "-" * 60_000 + "1\n", "x" + ".x" * 40_000 + "\n", "(" * 300 + ")" * 300 + "\n",
    "x = " + "[" * 150 + "]" * 150 + "\n", "lambda: " * 5000 + "0\n", "'a'" * 20_000 + "\n", f"x = 0x{'f' * 50_000}\n",
    "x = 9" + "9" * 5000 + "\n", "f'{" + "{" * 150 + "}'\n", "match 1:\n case " + "(" * 150 + ")\n", "é = 1\n",
    "\u202e = 1\n",
    "import math as Method\n", "async def f(): await x\n", "await x\n", "return\n", "yield\n", "class Mine: pass\n",
]  # fmt: skip


@cache
def sources() -> list[str]:
    return [PLAIN, *(path.read_text(encoding="utf-8") for path in sorted(paths.BASELINES.glob("*.py")))]


@dataclass(frozen=True)
class GivenMethod:
    """A method's file, or what stands in its place, and the verb that is given it."""

    content: bytes | str
    verb: str
    parameters: str


@st.composite
def methods(draw: st.DrawFn) -> GivenMethod:
    lines = (TRACE + draw(st.sampled_from(sources()))).splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 2))):
        i = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "twice", "indent", "swap", "none"])):
            case "drop":
                del lines[i]
            case "twice":
                lines.insert(i, lines[i])
            case "indent":
                lines[i] = "  " + lines[i]
            case "swap":
                lines[i], lines[-1] = lines[-1], lines[i]
    content: bytes | str = draw(encoded(draw(st.sampled_from(STARTS) | st.just("")) + "".join(lines)))
    verb = draw(st.sampled_from(["run", "check", "board", "submit"]))
    if draw(st.integers(0, 20)) == 0:
        # Who names a link means what it leads to.
        named = verb in ("run", "check")
        content = draw(st.sampled_from([each for each in SPOILS if not (named and each.startswith("link to a"))]))
    return GivenMethod(
        content,
        verb,
        draw(
            st.sampled_from(["", "", ":", ":keep=0.5", ":keep=nan", ":x", ":x=1:x=2", ":\n=1", ":keep=" + "9" * 5000])
        ),
    )


def read_method(sandbox: Sandbox, given: GivenMethod) -> Said:
    """Run it where that is asked for, and leave it alone where it is not."""
    sandbox.clear()
    path = sandbox.work / "leaderboard" / "methods" / "mine.py"
    path.parent.mkdir(parents=True)
    for folder in ("results", "questions"):
        (sandbox.work / "leaderboard" / folder).mkdir()
    if isinstance(given.content, str):
        spoil(path, given.content, sandbox)
    else:
        path.write_bytes(given.content)
    file = path.relative_to(sandbox.work)
    match given.verb:
        case "run" | "check":
            # Whoever runs a file runs a program, with all that it may do.
            words = ["--method"] if given.verb == "run" else []
            return sandbox.run(given.verb, *words, f"{file}{given.parameters}", writes=["."], line=40_000)
        case "board":
            said = sandbox.run("board", "--results", "leaderboard/results", "--out", "site", writes=["site"])
        case _:
            said = sandbox.run("submit", "leaderboard", "--method", file)
    if (sandbox.work / "trace").exists():
        raise Broken(f"{given.verb} has run a method")
    return said
