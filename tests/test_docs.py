"""The methods that the documentation shows: they are what they say, and pass the check."""

import json
import re
from pathlib import Path

import pytest
from builders import QUIET

from bench.cli.main import main
from bench.conformance.check import check_file

ROOT = Path(__file__).parents[1]


def python_blocks(document: str) -> list[str]:
    """Return the Python code in a document."""
    return re.findall(r"(?ms)^```python\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("document", "name"), [("README.md", "my_method"), ("docs/submitting.md", "restore_moments")])
def test_the_method_that_a_document_shows_passes_the_check(tmp_path: Path, document: str, name: str):
    [code] = python_blocks(document)
    path = tmp_path / f"{name}.py"
    path.write_text(code)
    verdict = check_file(str(path), QUIET, choose=lambda cells: cells[:1])
    assert verdict.passed, verdict.to_text()


ABILITIES = {code.split("class ")[1].split("(")[0]: code for code in python_blocks("docs/abilities.md")}


@pytest.mark.parametrize(
    "name", [name if name == "MyFlag" else pytest.param(name, marks=pytest.mark.slow) for name in ABILITIES]
)
def test_what_can_be_said_to_a_generator_passes_the_check_word_for_word(tmp_path: Path, name: str):
    path = tmp_path / f"{name.lower()}.py"
    path.write_text(ABILITIES[name])
    verdict = check_file(str(path), QUIET, choose=lambda cells: cells[:1])
    assert verdict.passed, verdict.to_text()


def test_the_results_that_the_guide_submits_are_of_the_method_that_it_shows(tmp_path: Path, capsys):
    """A cell is known by the hash of its method's file: a change of the example changes the names of its results."""
    text = (ROOT / "docs" / "submitting.md").read_text(encoding="utf-8")
    [code] = python_blocks("docs/submitting.md")
    path = tmp_path / "restore_moments.py"
    path.write_text(code)
    options = ["--task", "digits", "--loop", "fully_synthetic", "--seeds", "0,1,2", "--dry-run", "--json"]
    assert main(["run", *options, "--method", f"{path},{path}:strength=0.5"]) == 0
    ids = {cell["cell_id"][:8] for cell in json.loads(capsys.readouterr().out)}
    assert set(re.findall(r"restore_moments-smoke-seed\d-([0-9a-f]{8})\.json", text)) == ids


DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]


def anchors(document: Path) -> set[str]:
    """Return what a link into a document may name: its headings, as GitHub writes them."""
    text = re.sub(r"(?ms)^```.*?^```", "", document.read_text(encoding="utf-8"))
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_in_the_documents_lead_somewhere(document: Path):
    text = re.sub(r"(?ms)^```.*?^```", "", document.read_text(encoding="utf-8"))
    broken = []
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_readme_is_short_and_leads_to_the_index_which_leads_to_every_page():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
    assert "](docs/README.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\]\((\w+\.md)\)", index)) == pages


def test_pictures_beside_the_documents_are_shown_in_one():
    text = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    pictures = [path.name for path in (ROOT / "docs").iterdir() if path.suffix in (".png", ".svg")]
    assert [name for name in pictures if not re.search(rf"\]\((docs/)?{re.escape(name)}\)", text)] == []


def test_baselines_named_in_the_documents_exist():
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    named = re.findall(r"(?<!tests/)baselines/([a-z_]+)\.py", text)
    assert set(named) - {"restore_moments"} <= {path.stem for path in (ROOT / "baselines").glob("*.py")}
