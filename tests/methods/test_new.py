"""A method's file to start from: it passes the check, and replaces no file."""

import pytest
from builders import QUIET

from bench.conformance.check import check_file
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.new import write_new_method


def test_the_written_file_is_a_method_of_its_name_that_passes_the_check(tmp_path):
    path = write_new_method("sharp_edges", tmp_path)
    method = load_method(f"{path}:keep=0.8")
    assert method.identity.option == "sharp_edges:keep=0.8"
    assert method.definition.__name__ == "SharpEdges"
    assert "y_method" not in path.read_text()
    # With real images in the pool, without them, and with a pool that does not say which are real.
    verdict = check_file(str(path), QUIET, choose=lambda cells: [cells[0], cells[1], cells[-1]])
    assert [finding for finding in verdict.findings if finding.state == "FAILED"] == []


def test_a_file_that_is_there_is_not_replaced(tmp_path):
    write_new_method("mine", tmp_path)
    with pytest.raises(BadInput, match=r"mine\.py: there is such a file already"):
        write_new_method("mine", tmp_path)


@pytest.mark.parametrize("name", ["Mine", "my-method", "2fast", "a b", "../mine", "", "mine.py", "a" * 101])
def test_a_name_that_no_method_can_have_is_refused(tmp_path, name):
    with pytest.raises(BadInput, match="lower case, digits and _"):
        write_new_method(name, tmp_path)
    assert not list(tmp_path.iterdir())
