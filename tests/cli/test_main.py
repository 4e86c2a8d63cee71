"""`autophagy` finds the verb that was typed, and imports no more than it needs."""

import json
import subprocess
import sys

import pytest

from bench.cli.main import VERBS, main, parser_of

SLOW = ("torch", "diffusers", "scipy", "sklearn", "numpy")


def modules_after(*words):
    """The modules that are loaded after a command, which may end the program."""
    command = f"main({list(map(str, words))!r})"
    program = f"import sys; from bench.cli.main import main\ntry: {command}\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"]], ids=" ".join)
def test_help_needs_nothing_that_is_slow_to_import(words):
    assert not set(SLOW) & set(modules_after(*words))


def test_the_help_of_all_needs_no_verb():
    assert not {f"bench.cli.{verb}" for verb in VERBS} & set(modules_after("--help"))
    assert "pydantic" not in modules_after("--help")


def test_status_needs_nothing_that_is_slow_to_import(tmp_path):
    (tmp_path / "cells" / "one").mkdir(parents=True)
    (tmp_path / "cells" / "one" / "cell.json").write_text("{}")
    assert not set(SLOW) & set(modules_after("status", "--runs", tmp_path))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_file_with_its_arguments(verb):
    [subparsers] = [action for action in parser_of([verb])._actions if action.choices]
    assert len(subparsers.choices[verb]._actions) > 1  # -h is always there
    assert subparsers.choices[verb].get_default("execute").__module__ == f"bench.cli.{verb.replace('-', '_')}"


def test_a_word_that_is_no_verb_is_named(capsys):
    assert main(["runn"]) == 2
    assert "invalid choice: 'runn'" in capsys.readouterr().err


def test_an_option_before_the_verb_is_refused(capsys):
    assert main(["--json", "list"]) == 2
    assert "unrecognized arguments: --json" in capsys.readouterr().err


def test_the_words_are_those_of_the_process_where_none_are_given(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["autophagy", "list", "loops", "--json"])
    assert main() == 0
    assert "fresh_data" in json.loads(capsys.readouterr().out)["loops"]
