"""The methods that the documentation shows: they are what they say, and pass the check."""

import re
from pathlib import Path

import pytest
from builders import QUIET

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


def test_links_in_the_documents_lead_somewhere():
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
        assert [link for link in links if not (document.parent / link).exists()] == [], document


def test_baselines_named_in_the_documents_exist():
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    named = re.findall(r"(?<!tests/)baselines/([a-z_]+)\.py", text)
    assert set(named) - {"restore_moments"} <= {path.stem for path in (ROOT / "baselines").glob("*.py")}
