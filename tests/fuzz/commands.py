"""Command lines: every verb with its options and values, right and wrong ones."""

import argparse
from functools import cache
from typing import Any

from hypothesis import strategies as st

from bench.cli.main import VERBS, parser_of

from .images import N, image, put_folder
from .sandbox import Said, Sandbox

# No zero bytes: no command line can have them. Lone surrogates are how Python reads bytes that are no UTF-8.
PATHS = [
    "good", "out", "nothing", "good/0.png", "a\nb", "-", "--", "", " ", ".", "./good/../good", "x" * 300, "x" * 5000,
    "\udcff", "\x1b[31mred", "\u202eevil", "/dev/null", "/dev/null/x", "/proc/self/mem", "~", "$HOME", "*.py",
    "pipe", "task.toml",
    "mine.py", "images.npy", "runs", "link", "good.zip/x", "CON", "con:",
]  # fmt: skip
NUMBERS = [
    "0", "1", "2", "3", "-1", "00", "1e3", "1e999", "-1e999", "nan", "inf", "1_0", " 1 ", "\u0663", "0x10", "1.0",
    "0.5", ".5", "1.",
    "1,2", "1,,2", ",", "1,1", "1,", "1;2", "9" * 30, "9" * 5000, "0." + "9" * 5000, "-0.0", "True", "",
    "9223372036854775807",
    "9223372036854775808", "1/2", "1/0", "2/1", "0/1", "-1/-1", "1/", "1/" + "9" * 30,
]  # fmt: skip
NAMES = [
    "digits", "gaussian", "mnist", "cifar10", "ffhq64", "ddpm", "stylegan", "none", "real_only", "biased_pool",
    "teacher", "all",
    "all,all", "fully_synthetic", "synthetic_augmentation", "fresh_data", "smoke", "laptop", "standard", "paper",
    "scratch", "finetune",
    "previous", "accumulated", "last:2", "last:0", "last:99999999999", "auto", "cpu", "cuda:0", "cuda:-1", "meta",
    "identity",
    "inception", "dinov2", "efficientnet-lite0", "entropy_selection:keep=0.5", "entropy_selection:keep=nan",
    "none:x=1",
    "entropy_selection:keep=0.5:keep=0.5", "entropy_selection:", ":", "a=b", "../digits", "tasks/digits.toml",
    "my_method",
    "a" * 101, "methods", "tasks", "features", "generators", "loops", "somebody", "Some Body", "a-" * 19 + "a",
]  # fmt: skip
words = (
    st.sampled_from(PATHS)
    | st.sampled_from(NUMBERS)
    | st.sampled_from(NAMES)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
)
lists = st.lists(words, max_size=3).map(",".join)


@cache
def verbs() -> dict[str, argparse.ArgumentParser]:
    [subparsers] = [each for each in parser_of(VERBS)._actions if isinstance(each, argparse._SubParsersAction)]
    return dict(subparsers.choices)


def likely(action: argparse.Action) -> st.SearchStrategy[str]:
    """Values of the kind that an option takes."""
    if action.choices:
        # A cluster would be started.
        return st.sampled_from([str(choice) for choice in action.choices if choice != "ray"])
    match str(action.metavar):
        case "N" | "NUMBERS" | "SHARE" | "I/N":
            return st.sampled_from(NUMBERS) | st.integers(-1, 600).map(str)
        case "NAME" | "NAMES" | "TASK":
            return st.sampled_from(NAMES)
    return st.sampled_from(PATHS)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """A verb with options: each with a value of its kind, most times, that is most times allowed."""
    if draw(st.integers(0, 20)) == 0:
        return draw(st.lists(words, max_size=4))
    verb = draw(st.sampled_from(sorted(verbs())))
    actions = [each for each in verbs()[verb]._actions if not isinstance(each, argparse._HelpAction)]
    line = [verb]
    positional = [each for each in actions if not each.option_strings]
    optional = [each for each in actions if each.option_strings and each.dest != "dry_run"]
    # Without --results the whole leaderboard would be built.
    required = [each for each in optional if each.required or (verb, each.dest) == ("board", "results")]
    for action in [*required, *draw(st.lists(st.sampled_from(optional), max_size=4))] if optional else []:
        line.append(action.option_strings[0])
        if action.nargs != 0 and draw(st.integers(0, 30)):
            line.append(draw(one_value(action)))
    for action in positional:
        if draw(st.integers(0, 20)):
            line.append(draw(one_value(action)))
    if draw(st.integers(0, 20)) == 0:
        line.insert(
            draw(st.integers(0, len(line))), draw(words | st.sampled_from(["--help", "--json", "--version", "-h"]))
        )
    return line


def one_value(action: argparse.Action) -> st.SearchStrategy[str]:
    return likely(action) | likely(action) | likely(action) | words | lists


def run_command_line(sandbox: Sandbox, line: list[str]) -> Said:
    """Run it where there is something to find."""
    sandbox.clear()
    put_folder(sandbox.work / "good", [(f"{i}.png", image(seed=i)) for i in range(N)], sandbox)
    put_folder(sandbox.work / "pipes", [("pipe", "pipe")], sandbox)
    (sandbox.work / "pipes" / "pipe").rename(sandbox.work / "pipe")
    (sandbox.work / "link").symlink_to("link")
    (sandbox.work / "mine.py").write_text("from bench import Method\n\n\nclass Mine(Method):\n    '''Mine.'''\n")
    may_connect = any(word in " ".join(line) for word in ("data", "score", "rescore", "inception", "dinov2"))
    known: Any = {"writes": ["."], "may_connect": may_connect, "line": 40_000}
    return sandbox.run(*line, **known)
