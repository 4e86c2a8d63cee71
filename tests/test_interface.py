"""The door's names and signatures: taken down, described, and changed only with a line in the changelog."""

import re
from pathlib import Path

import interface
import pytest
from builders import QUIET

import bench
from bench.cli.main import main
from bench.conformance.check import check_file

RENEW = "names or signatures of the door are not as they were taken down: `make interface`, and a line in CHANGELOG.md"


def test_names_and_signatures_are_those_that_were_taken_down():
    now = {name: interface.describe(name).signature for name in bench.__all__}
    assert {name: entry["is"] for name, entry in interface.taken_down().items() if entry["is"]} == now, RENEW


def test_the_page_says_what_the_docstrings_say():
    _, mark, rest = interface.PAGE.read_text(encoding="utf-8").partition(interface.MARK)
    assert mark
    assert rest.strip() == interface.page().strip(), "docs/interface.md is not what docstrings say: `make interface`"


def test_the_changelog_says_what_changed_with_this_version_of_the_interface():
    changelog = interface.CHANGELOG.read_text(encoding="utf-8")
    assert interface.problem(interface.taken_down(), bench.INTERFACE_VERSION, changelog) is None


@pytest.mark.parametrize("name", bench.__all__)
def test_every_name_and_what_it_has_is_described(name: str):
    described = interface.describe(name)
    page = interface.PAGE.read_text(encoding="utf-8")
    assert f"\n### {name}\n" in page
    if described.form.startswith(("class", "def")):
        assert described.text
    assert {member.name for member in described.members if member.text == ""} <= {"__len__"}


# What the rules say, on tables of a test's own.

BEFORE = {"a": {"since": 1, "is": ["def a()"]}, "b": {"since": 1, "is": ["def b()"]}}


def test_what_is_as_it_was_keeps_the_version_since_which_it_is_so():
    assert interface.take_down(BEFORE, {"a": ["def a()"], "b": ["def b()"]}, 2) == BEFORE


def test_what_is_new_has_changed_or_is_gone_is_of_the_present_version():
    found = interface.take_down(BEFORE, {"a": ["def a(x)"], "c": ["def c()"]}, 2)
    assert found == {name: {"since": 2, "is": s} for name, s in {"a": ["def a(x)"], "b": [], "c": ["def c()"]}.items()}
    assert interface.take_down(found, {"a": ["def a(x)"], "c": ["def c()"]}, 3) == found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", 'no line "- Interface 2: ...'),
        ("- Interface 1: `a`, `b`\n", 'no line "- Interface 2: ...'),
        ("- Interface 2: `a`\n", "does not say what has changed of b"),
        ("- Interface 2: a and b\n", "does not say what has changed of a, b"),
        ("- Interface 2: `a` takes x,\n  `b` is gone\n", None),
        ("- Interface 2: `a` takes x\n- Other\n- Interface 2: `b` is gone\n", None),
    ],
)
def test_a_line_of_the_version_must_name_what_has_changed(line: str, said: str | None):
    names = interface.take_down(BEFORE, {"a": ["def a(x)"]}, 2)
    problem = interface.problem(names, 2, f"## [Unreleased]\n\n### Changed\n{line}## [0.1.0]\n")
    assert (problem is None) == (said is None)
    assert (said or "") in (problem or "")


def test_the_first_version_needs_a_line_and_no_list_of_names():
    assert interface.problem(BEFORE, 1, "## [Unreleased]\n- Interface 1: the door\n") is None


def test_a_version_whose_line_stands_under_a_release_is_released():
    line = "- Interface 1: the door\n"
    assert interface.changelog_lines(f"## [Unreleased]\n{line}## [0.1.0]\n", 1) == (line, False)
    assert interface.changelog_lines(f"## [Unreleased]\n## [0.1.0]\n{line}", 1)[1]
    assert interface.changelog_lines("## [Unreleased]\n- Interface 10: more\n", 1) == ("", False)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command writes: an empty table, a page with its head, and a changelog."""
    (tmp_path / "page.md").write_text("# Head\n")
    (tmp_path / "changelog.md").write_text("## [Unreleased]\n- Interface 1: the door\n")
    for name, file in (("TAKEN_DOWN", "table.json"), ("PAGE", "page.md"), ("CHANGELOG", "changelog.md")):
        monkeypatch.setattr(interface, name, tmp_path / file)
    return tmp_path


def test_the_command_writes_table_and_page_and_leaves_the_head(files: Path, capsys: pytest.CaptureFixture[str]):
    interface.main()
    assert interface.taken_down()["derive_seed"]["is"] == ["def derive_seed(*coordinates: str | int | float) -> int"]
    text = (files / "page.md").read_text()
    assert text.startswith(f"# Head\n{interface.MARK}")
    assert "### derive_seed\n" in text
    assert capsys.readouterr().out == ""
    interface.main()
    assert (files / "page.md").read_text() == text


def test_a_change_of_a_released_version_is_refused_until_the_version_is_raised(files: Path, monkeypatch):
    interface.main()
    (files / "changelog.md").write_text("## [Unreleased]\n## [0.1.0]\n- Interface 1: the door\n")
    interface.main()  # nothing has changed
    monkeypatch.setattr(bench, "__all__", ["Pool"])
    with pytest.raises(SystemExit, match="interface 1 is released and has changed: raise INTERFACE_VERSION"):
        interface.main()


# The method that the page shows.


def own_network(tmp_path: Path) -> Path:
    """Write the lines of the section as a user would."""
    _, _, rest = interface.PAGE.read_text(encoding="utf-8").partition("## A network of your own\n")
    [code] = re.findall(r"(?ms)^```python\n(.*?)^```", rest.partition("\n## ")[0])
    path = tmp_path / "critic.py"
    path.write_text(code)
    return path


def test_a_network_of_ones_own_passes_the_check_at_the_first_attempt(tmp_path: Path):
    verdict = check_file(str(own_network(tmp_path)), QUIET, choose=lambda cells: cells[:1])
    assert verdict.passed, verdict.to_text()


@pytest.mark.slow
def test_a_network_of_ones_own_passes_the_whole_check(tmp_path: Path):
    assert main(["check", str(own_network(tmp_path))]) == 0
