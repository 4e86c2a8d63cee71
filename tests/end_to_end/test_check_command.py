import json

import pytest

from bench.cli.main import main

FILE = """\
from bench import Method

class Mine(Method):
    '''What it does.'''

    loops = ("fresh_data",)
    generators = ("gaussian",)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_method_that_passes_is_told_line_by_line_and_nothing_is_written(folder, capsys):
    (folder / "mine.py").write_text(FILE)
    assert main(["check", "mine.py"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert all(line.startswith(("ok ", "note ")) for line in lines[:-1])
    assert lines[-1].startswith("mine passes all checks")
    assert "check gaussian gaussian fresh_data" in captured.err
    assert {path.name for path in folder.iterdir()} <= {"mine.py", "__pycache__"}


def test_a_method_that_fails_has_status_1_and_its_verdict_as_json(folder, capsys):
    (folder / "mine.py").write_text(FILE + "\n    def curate(self, pool, ctx):\n        return pool.data\n")
    assert main(["check", "mine.py", "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert content["method"] == "mine"
    assert not content["passed"]
    [failed] = [finding for finding in content["findings"] if finding["state"] == "FAILED"]
    assert failed["check"] == "hooks"
    assert "curate of method 'mine' returned ImageSet, not a Pool (mine.py:9)" in failed["message"]

    assert main(["check", "mine.py"]) == 1
    assert "mine fails: hooks" in capsys.readouterr().out.splitlines()[-1]


SLOW = FILE + "\n    def curate(self, pool, ctx):\n        while True:\n            pass\n"


def test_how_long_a_hook_may_take_can_be_given(folder, capsys):
    (folder / "mine.py").write_text(SLOW)
    assert main(["check", "mine.py", "--hook-seconds", "0.3"]) == 1
    assert "curate of generation 2 did not return within 0.3 s (mine.py:1" in capsys.readouterr().out


@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan"])
def test_a_time_that_no_hook_can_take_is_refused(folder, capsys, value):
    (folder / "mine.py").write_text(FILE)
    assert main(["check", "mine.py", f"--hook-seconds={value}"]) == 2
    assert f"--hook-seconds {value}: choose a number above 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("nowhere.py", None, "no method 'nowhere.py'"),
        ("mine.py", "import bench.scoring.scorer\n", "mine.py:1: imports bench.scoring.scorer"),
        ("mine.py", "class Mine(:\n", "SyntaxError"),
        ("mine.py:keep=1", FILE, "parameter 'keep'"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_one_line_and_status_2(folder, capsys, name, text, said):
    if text is not None:
        (folder / "mine.py").write_text(text)
    assert main(["check", name]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("autophagy: error: ")
    assert said in line


def test_new_method_writes_a_file_and_names_the_next_command(folder, capsys):
    assert main(["new-method", "sharp_edges"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "autophagy check sharp_edges.py"
    assert (folder / "sharp_edges.py").is_file()
    assert main(["new-method", "sharp_edges"]) == 2
    assert "sharp_edges.py: there is such a file already" in capsys.readouterr().err
