"""The door: what `import bench` gives, and what it costs."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import bench
from bench.public import FOR_FILES, FOR_SCRIPTS

ROOT = Path(__file__).parents[1]
TABLES = FOR_FILES | FOR_SCRIPTS


@pytest.mark.parametrize("name", TABLES)
def test_a_name_is_that_of_the_module_where_it_lives(name: str):
    assert getattr(bench, name) is getattr(importlib.import_module(TABLES[name]), name)


def test_type_checkers_are_told_the_names_and_places_of_the_tables():
    [told] = [node for node in ast.parse(Path(bench.__file__).read_text()).body if isinstance(node, ast.If)][:1]
    imports = {alias.asname: node.module for node in told.body for alias in node.names}
    assert imports == TABLES
    assert all(alias.name == alias.asname for node in told.body for alias in node.names)


def test_a_name_is_for_files_or_for_scripts_and_no_module_is_hidden_by_one():
    assert not FOR_FILES.keys() & FOR_SCRIPTS.keys()
    modules = {path.stem for path in (ROOT / "bench").iterdir()}
    assert not TABLES.keys() & modules


def test_all_and_dir_give_the_names_and_the_versions():
    assert sorted(bench.__all__) == sorted(TABLES)
    assert set(dir(bench)) == {*TABLES, "INTERFACE_VERSION", "__version__"}


def test_a_name_that_there_is_not_is_an_attribute_error_that_says_where_the_names_are():
    with pytest.raises(AttributeError, match=r"no attribute 'Mehtod': docs/interface\.md has all names"):
        bench.Mehtod  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Mehtod'"):
        exec("from bench import Mehtod")


def test_import_bench_imports_neither_torch_nor_what_lies_behind_the_door():
    program = (
        "import sys, bench; print(sorted(name for name in sys.modules if name.split('.')[0] in ('torch', 'bench')))"
    )
    said = subprocess.check_output([sys.executable, "-c", program], text=True).strip()
    # How long threads wait must be said before torch is loaded.
    assert said == "['bench', 'bench.process', 'bench.process.waiting', 'bench.public']"


def test_import_bench_takes_less_than_a_tenth_of_a_second():
    program = "import time; start = time.process_time(); import bench; print(time.process_time() - start)"
    seconds = [float(subprocess.check_output([sys.executable, "-c", program])) for _ in range(3)]
    assert min(seconds) < 0.1


@pytest.mark.parametrize(
    "path",
    [*ROOT.glob("baselines/*.py"), *(ROOT / f"bench/{room}/template.py" for room in ("methods", "generators"))],
    ids=lambda path: path.stem,
)
def test_methods_of_ours_import_from_the_door_alone_so_that_no_move_behind_it_changes_their_hashes(path: Path):
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    imported = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    assert {name for name in imported if name and name.split(".")[0] == "bench"} == {"bench"}


def test_documents_show_imports_from_the_door_alone():
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*"), *ROOT.glob("leaderboard/*.[!p]*")]
    found = [path.name for path in documents if b"from bench." in path.read_bytes()]
    assert found == []
