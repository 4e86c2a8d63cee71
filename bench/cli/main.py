"""The command line: `autophagy VERB`. It reads arguments and prints results; the work is done elsewhere.

Results go to stdout, progress and messages to stderr. Exit status: 0 done, 1 a run or a check failed, 2 bad input,
130 interrupted by Ctrl-C, 143 by SIGTERM: the same command goes on.
"""

import argparse
import io
import os
import signal
import sys
from collections.abc import Collection, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

from bench.errors import MEMORY_ADVICE, MOST_QUOTED, BadInput, choose, first_line, is_out_of_memory, nearest
from bench.process import launched, streams
from bench.public import __version__

# What each verb does. How it is done is in the file of its name, and only that of the verb that is typed is imported.
VERBS = {
    "list": "what there is to choose from",
    "run": "run self-consuming loops",
    "status": "what is done, running, resumable and failed in a runs folder",
    "clean": "make room in a runs folder, and keep what results need",
    "check": "whether a method's or a generator's file keeps the rules, and what is wrong with it",
    "new-method": "write a method's file to start from",
    "new-generator": "write a generator's file to start from",
    "new-task": "write a task file for images of your own",
    "train-features": "train a feature network of a task's own",
    "score": "score images against real images",
    "rescore": "score a finished cell in another feature space",
    "submit": "put finished cells into the leaderboard folder, for a pull request",
    "verify": "run a result's cell again, and say whether its scores are found",
    "threshold": "how many synthetic images do good in the fresh-data loop",
    "compare": "what the results page says of runs and results, beside any method",
    "board": "build the static results page",
    "data": "fetch or convert a task's real data, and check it",
}
PIPE_CLOSED = 141  # what a shell says of a program that SIGPIPE has ended


FIRST_STEPS = """\
autophagy: generative models that are trained on their own output, and what keeps them healthy

Start here:
  autophagy run --task digits --loop all --generations 5    three loops on handwritten digits, minutes on a CPU
  autophagy board --results runs                            a page of what came of it: site/index.html

Then:
  autophagy new-method my_idea       a method to start from; autophagy check my_idea.py tries it
  autophagy score REAL FAKE --features efficientnet-lite0    the scorer alone, for two folders of images
  autophagy list                     tasks, methods, generators, loops, feature spaces
  autophagy --help                   all commands; autophagy VERB --help explains one
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    streams.fill_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be text
    try:
        words = sys.argv[1:] if arguments is None else arguments
        if "_ARGCOMPLETE" in os.environ:
            from bench.cli.completion import complete

            complete(parser_of(os.environ.get("COMP_LINE", "").split()[1:2]))
        if not words:
            print(FIRST_STEPS, end="")
            streams.flush_stdout()
            return 0
        try:
            parsed = parser_of([word for word in words if not word.startswith("-")][:1]).parse_args(words)
        except SystemExit:  # of --help and --version
            streams.flush_stdout()
            raise
        if launched.count() > 1 and parsed.verb != "run":
            raise BadInput("several processes were launched: only autophagy run can be launched so")
        status: int = parsed.execute(parsed)
        streams.flush_stdout()
        return status
    except BadInput as error:
        return _refused(error)
    except Exception as error:
        if is_out_of_memory(error):
            print(
                f"autophagy: error: {MEMORY_ADVICE}; the same command goes on ({first_line(error)})",
                file=streams.stderr(),
            )
            return 1
        if isinstance(error, BrokenPipeError):
            return PIPE_CLOSED  # whoever reads the results has gone, and wants no more of them
        if isinstance(error, OSError):
            # A name that no file can have, a folder that cannot be looked into: what was given leads there.
            return _refused(f"{_cut(error.filename)}: {error.strerror}" if error.filename else error)
        raise
    except KeyboardInterrupt as interrupt:
        # Of this package's own: which signal it was.
        by = getattr(interrupt, "by", signal.SIGINT)
        if launched.rank() == 0:
            print(
                f"autophagy: stopped by {by.name}. What is finished is kept: the same command goes on from there.",
                file=streams.stderr(),
            )
        return 128 + by


def _refused(reason: object) -> int:
    from bench.files.validation import in_one_line

    print(f"autophagy: error: {in_one_line(' '.join(str(reason).split()))}", file=streams.stderr())
    return 2


def _cut(name: object) -> str:
    text = str(name)
    return text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}..."


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, as everywhere else, and what was probably meant."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=partial(argparse.HelpFormatter, max_help_position=27), **settings)

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message} (see {self.prog} --help)")

    def parse_known_args(self, args: Any = None, namespace: Any = None, **how: Any) -> Any:
        """Refuse an option that there is not where its verb is known: the names of its options are those to offer."""
        namespace, unknown = super().parse_known_args(args, namespace, **how)
        if self._subparsers is None and (
            options := [word.partition("=")[0] for word in unknown if word.startswith("--")]
        ):
            meant = nearest(self._option_string_actions, options[0])
            self.error(f"no option {options[0]}" + (f": did you mean {meant}?" if meant else ""))
        return namespace, unknown

    def format_help(self) -> str:
        """Return the help; what every verb has, such as -h, stands last."""
        if len(used := [group for group in self._action_groups if group._group_actions]) > 1:
            rest = next((group for group in used if group.title == "options"), None)
            self._action_groups.sort(key=lambda group: group is rest)
        return super().format_help()

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            what = "command" if action.dest == "verb" else "/".join(action.option_strings) or "such word"
            self.error(f"no {what} '{value}': {choose(map(str, action.choices), str(value))}")


def parser_of(verbs: Collection[str]) -> argparse.ArgumentParser:
    """Return what reads a command line; of the verbs, only those that are named get their arguments."""
    parser = _Parser(
        prog="autophagy",
        description="A benchmark of generative models that are trained on their own output.",
        epilog="`autophagy` alone says what to do first.",
    )
    parser.add_argument("--version", action="version", version=f"autophagy-bench {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, summary in VERBS.items():
        subparser = subparsers.add_parser(verb, help=summary)
        if verb in verbs:
            module = import_module(f"bench.cli.{verb.replace('-', '_')}")
            module.add_arguments(subparser)
            subparser.set_defaults(execute=module.execute)
    return parser


if __name__ == "__main__":
    sys.exit(main())
