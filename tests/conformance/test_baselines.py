"""All baselines pass `autophagy check`, each in the cheapest of the loops that it is for."""

import pytest
from builders import QUIET

from bench.conformance.check import check_file
from bench.conformance.tiny import TinyCell
from bench.paths import baseline_names

# One after the other they take a minute. What `check` finds is tried in test_check.py, on the written template in
# methods/test_new.py.
pytestmark = pytest.mark.slow


def cheapest(cells: list[TinyCell]) -> list[TinyCell]:
    """Choose one loop of points, or else of images."""
    return ([cell for cell in cells if cell.task == "gaussian"] or cells)[:1]


@pytest.mark.parametrize("name", baseline_names())
def test_it_passes(name: str):
    verdict = check_file(name, QUIET, choose=cheapest)
    assert [finding for finding in verdict.findings if finding.state == "FAILED"] == []
