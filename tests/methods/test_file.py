"""Method files: how one is loaded, and its parameters."""

import os
import py_compile
from pathlib import Path

import pytest
import torch

from bench import paths
from bench.cli.main import main
from bench.errors import BadInput
from bench.files.hashing import file_sha256
from bench.methods.file import load_method
from bench.methods.method import Method
from bench.paths import baseline_names

ONE_CLASS = "from bench import Method\n\nclass Mine(Method):\n    '''What it does.'''\n"


def refusal(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        load_method(str(path))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def written(tmp_path: Path, text: str, name: str = "mine.py") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", baseline_names())
def test_a_shipped_baseline_loads_and_says_what_it_does_needs_and_costs(name: str):
    method = load_method(name)
    assert method.identity.name == name
    assert isinstance(method.build(), Method)
    text = (paths.BASELINES / f"{name}.py").read_text()
    if name != "none":
        assert [word for word in ("Needs:", "Costs:", "Loops:") if word not in text] == []


CONTROLS = {"none", "frozen", "real_only", "random_subset", "oracle_filter", "detector", "biased_pool"}


def test_controls_are_marked_and_methods_are_not():
    assert {name for name in baseline_names() if load_method(name).identity.control} == CONTROLS


def test_the_shipped_baselines_are_found():
    assert {"none", "accumulate_subsample", "biased_pool", "real_only"} <= set(baseline_names())


def test_a_file_is_loaded_by_its_path_with_its_name_and_hash(tmp_path: Path):
    path = written(tmp_path, ONE_CLASS)
    method = load_method(str(path))
    assert method.identity.name == "mine"
    assert method.identity.sha256 == file_sha256(path)


def test_a_class_that_is_only_imported_does_not_count(tmp_path: Path):
    path = written(
        tmp_path,
        "from bench import Loop, Method\n\nclass A(Method): ...\n",
    )
    assert load_method(str(path)).definition.__name__ == "A"


def test_a_dataclass_of_its_own_does_not_hinder_a_method(tmp_path: Path):
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n" + ONE_CLASS
    text += "\n@dataclass\nclass Threshold:\n    value: float = 1.0\n"
    assert load_method(str(written(tmp_path, text))).definition.__name__ == "Mine"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Method.curate = None", "bench.methods.method.Method.curate"),
        ("Method.kept = 3", "bench.methods.method.Method.kept"),
        ("torch.randn = torch.zeros", "torch.randn"),
    ],
)
def test_a_file_that_changes_the_benchmark_when_it_is_imported_is_refused(tmp_path: Path, line: str, name: str):
    before = {**vars(Method)}
    path = written(tmp_path, f"import torch\n{ONE_CLASS}\n{line}\n")
    assert refusal(path) == f"{path}: changes {name} when it is imported: a file may not change the benchmark"
    assert dict(vars(Method)) == before
    assert torch.randn is not torch.zeros


def test_importing_a_file_leaves_the_random_states_and_settings_of_torch(tmp_path: Path):
    before = torch.get_rng_state()
    load_method(
        str(written(tmp_path, f"import torch\ntorch.manual_seed(3)\ntorch.set_grad_enabled(False)\n{ONE_CLASS}"))
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()


def test_a_file_is_executed_anew_as_it_was_loaded(tmp_path: Path):
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n" + ONE_CLASS
    path = written(tmp_path, text + "    kept = []\n\n@dataclass\nclass Threshold:\n    value: float = 1.0\n")
    method = load_method(str(path))
    method.definition.kept.append(1)  # type: ignore[attr-defined]
    path.write_text("another file by now")
    again = method.anew()
    assert again.identity == method.identity
    assert again.build().kept == []  # type: ignore[attr-defined]
    assert method.anew().definition is not again.definition


@pytest.mark.parametrize("name", ["magic", "nowhere/mine.py"])
def test_a_missing_method_is_refused_with_those_that_there_are(name: str):
    with pytest.raises(
        BadInput,
        match=rf"^no method '{name}': .*choose one of accumulate_subsample, .* `autophagy new-method NAME` writes",
    ):
        load_method(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Mine(:\n", "SyntaxError"),
        ("import no_such_package\n", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("from math import snid\n", "ImportError"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("raise SystemExit(0)\n", "SystemExit"),
        ("raise ValueError('first line\\nsecond line')\n", "ValueError: first line"),
        ("x = 1\n", "exactly one class derived from bench.Method, found 0"),
        ("from bench import Method\n", "found 0"),
        (ONE_CLASS + "\nclass Other(Method): ...\n", "found 2"),
    ],
    ids=["syntax", "import", "name", "error", "exit", "two lines", "no class", "only imported", "two classes"],
)
def test_a_file_that_is_no_method_is_refused_in_one_line(tmp_path: Path, text: str, said: str):
    assert said in refusal(written(tmp_path, text))


@pytest.mark.parametrize("name", ["Mine.py", "my-method.py", "2fast.py", "a b.py", "a" * 101 + ".py"])
def test_a_file_name_that_is_no_method_name_is_refused(tmp_path: Path, name: str):
    message = refusal(written(tmp_path, ONE_CLASS, name))
    assert f"found '{Path(name).stem[:90]}" in message


def test_parameters_too_long_for_a_record_are_refused_when_the_method_is_loaded(tmp_path: Path):
    path = written(tmp_path, ONE_CLASS + "    text: str = 'x'\n")
    assert load_method(f"{path}:text={'y' * 1000}").identity.params == {"text": "y" * 1000}
    with pytest.raises(BadInput, match="params: 2,011 characters as JSON: the most is 2,000"):
        load_method(f"{path}:text={'y' * 2000}")


WITH_PARAMETERS = """
from typing import Annotated, ClassVar, Literal
from pydantic import Field
from bench import Method

class Mine(Method):
    '''What it does.'''

    keep: Annotated[float, Field(gt=0, le=1)] = 0.5
    neighbours: int = 5
    rule: Literal["greedy", "threshold"] = "greedy"
    real_first: bool = True
    _seen: int = 0
    limit: ClassVar[int] = 3
"""
DEFAULTS = {"keep": 0.5, "neighbours": 5, "rule": "greedy", "real_first": True}


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ("", {}),
        (":keep=1", {"keep": 1.0}),
        (":neighbours=7:rule=threshold", {"neighbours": 7, "rule": "threshold"}),
        (":real_first=false", {"real_first": False}),
    ],
)
def test_parameters_are_those_that_the_class_declares_with_the_values_that_are_given(
    tmp_path: Path, given: str, changed: dict
):
    loaded = load_method(f"{written(tmp_path, WITH_PARAMETERS)}{given}")
    assert loaded.identity.params == DEFAULTS | changed
    assert {name: getattr(loaded.build(), name) for name in DEFAULTS} == DEFAULTS | changed


def test_an_identity_says_how_it_is_given_on_the_command_line(tmp_path: Path):
    path = written(tmp_path, WITH_PARAMETERS)
    option = load_method(f"{path}:keep=0.25:real_first=false").identity.option
    assert option == "mine:keep=0.25:neighbours=5:rule=greedy:real_first=false"
    assert load_method(str(path) + option.removeprefix("mine")).identity.params["keep"] == 0.25
    assert load_method("none").identity.option == "none"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (":keep=2", ["keep", "less than or equal to 1"]),
        (":neighbours=many", ["neighbours", "many", "integer"]),
        (":rule=best", ["rule", "greedy", "threshold"]),
        (":depth=2", ["'depth'", "choose one of keep, neighbours, rule, real_first"]),
        (":limit=2", ["'limit'", "choose one of keep"]),
        (":keep", ["name=value"]),
        (":keep=1:keep=0.5", ["each name once"]),
    ],
)
def test_a_wrong_parameter_is_refused_with_what_is_allowed(tmp_path: Path, given: str, said: list[str]):
    path = written(tmp_path, WITH_PARAMETERS)
    with pytest.raises(BadInput) as caught:
        load_method(f"{path}{given}")
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert [words for words in said if words not in message] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("keep: float", "parameter 'keep' of class Mine has no default"),
        ("keep: Annotated[float, Field(gt=0)] = -1.0", "keep"),
    ],
)
def test_a_parameter_that_is_declared_wrongly_is_refused(tmp_path: Path, line: str, said: str):
    text = WITH_PARAMETERS.replace("keep: Annotated[float, Field(gt=0, le=1)] = 0.5", line)
    assert said in refusal(written(tmp_path, text))


def test_the_code_that_runs_is_that_of_the_file_and_not_a_compiled_copy_beside_it(tmp_path: Path):
    """Python never looks whether such a copy is of the file: its hash and its check would say nothing."""
    trace = tmp_path / "trace"
    path = written(tmp_path, f"import pathlib\npathlib.Path({str(trace)!r}).touch()\n{ONE_CLASS}")
    py_compile.compile(str(path), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    assert (tmp_path / "__pycache__").is_dir()
    written(tmp_path, ONE_CLASS)
    load_method(str(path))
    assert not trace.exists()


def test_nothing_is_written_beside_the_file(tmp_path: Path):
    path = written(tmp_path, ONE_CLASS)
    load_method(str(path))
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_too_large_to_be_a_method_is_refused(tmp_path: Path):
    path = written(tmp_path, ONE_CLASS + "#" * 100_000)
    assert "the most is 100,000" in refusal(path)


def test_a_pipe_is_no_method(tmp_path: Path):
    os.mkfifo(tmp_path / "mine.py")
    assert "no method" in refusal(tmp_path / "mine.py")


def test_a_class_that_cannot_be_called_is_refused(tmp_path: Path):
    method = load_method(str(written(tmp_path, ONE_CLASS + "\n    def __init__(self):\n        1 / 0\n")))
    with pytest.raises(BadInput, match=r"mine\.py: Mine\(\) raises ZeroDivisionError: division by zero"):
        method.build()


def test_a_check_of_settings_that_fails_is_said_in_one_line(tmp_path: Path, capsys):
    path = written(tmp_path, ONE_CLASS + "\n    def check(self, setting):\n        return setting.nothing\n")
    assert main(["run", "--task", "gaussian", "--generator", "gaussian", "--method", str(path)]) == 2
    assert "method mine: its check raises AttributeError: " in capsys.readouterr().err
