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


def test_a_list_needs_nothing_that_is_slow_to_import():
    assert not set(SLOW) & set(modules_after("list"))


def test_a_plan_needs_no_network_and_nothing_that_runs_cells():
    loaded = modules_after("run", "--loop", "fully_synthetic", "--dry-run")
    assert not {"diffusers", "scipy", "sklearn", "torchmetrics", "torchvision"} & set(loaded)


def test_without_a_word_it_says_what_to_do_first_and_what_it_says_can_be_done(capsys):
    assert main([]) == 0
    commands = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  autophagy ")]
    assert [words[1] for words in commands[:2]] == ["run", "board"]
    assert {words[1] for words in commands} - {"--help"} <= VERBS.keys()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["runn"], "no command 'runn': did you mean run? choose one of list, run, "),
        (["newmethod"], "no command 'newmethod': did you mean new-method?"),
        (["run", "--sed", "0"], "no option --sed: did you mean --seeds? (see autophagy run --help)"),
        (["run", "--wrokers=2"], "no option --wrokers: did you mean --workers?"),
        (["run", "--qqq"], "no option --qqq (see autophagy run --help)"),
        (["run", "--executor", "rey"], "no --executor 'rey': did you mean ray? choose one of local, ray"),
        (["list", "metods"], "no such word 'metods': did you mean methods? choose one of tasks, methods"),
    ],
)
def test_a_wrong_word_is_named_with_the_one_that_was_meant(words, said, capsys):
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"autophagy: error: {said}")


def test_the_help_of_run_fits_two_screens_and_begins_with_what_is_used_most(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 48
    options = [line.split()[0] for line in lines if line.startswith("  -")]
    assert options[:6] == ["--task", "--loop", "--method", "--generator", "--seeds", "--tier"]
    assert options[-2:] == ["-h,", "--json"]


def test_an_option_before_the_verb_is_refused(capsys):
    assert main(["--json", "list"]) == 2
    assert "unrecognized arguments: --json" in capsys.readouterr().err


def test_the_words_are_those_of_the_process_where_none_are_given(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["autophagy", "list", "loops", "--json"])
    assert main() == 0
    assert "fresh_data" in json.loads(capsys.readouterr().out)["loops"]
