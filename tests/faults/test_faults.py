"""Short fault campaigns, of a few faults of each kind; the long one is run by hand, see docs/faults.md."""

import json
from pathlib import Path
from typing import Any

import pytest
from forked import Command

from faults import campaign as module

pytestmark = pytest.mark.faults

QUICK = {
    "kill -9 at a random instant": ("kills", 1),
    "kill -9 at a step of a write": ("write-kills", 2),
    "SIGTERM at a random instant": ("terminations", 1),
    "a full disk": ("full-disks", 1),
    "a runs folder that is moved": ("moves", 1),
}
LONGER = {
    "a damaged file": ("damages", 3),
    "a disk that becomes read-only": ("read-only-disks", 1),
    "too little memory": ("memory-limits", 1),
    "a clock that jumps": ("clock-jumps", 1),
    "two runners at the same time": ("pairs", 1),
}


def campaign(faults: dict[str, tuple[str, int]], folder: Path) -> dict[str, dict[str, Any]]:
    """Run a campaign in a process of its own, because it forks, and return its parts by their kinds."""
    options = [f"--{option}={count}" for option, count in faults.values()]
    _, out, _ = Command(["--only", "--json", *options], folder / "campaign", _main).end(1800)
    return {part["kind"]: part for part in json.loads(out)["parts"]}


def _main(_: list[str]) -> int:
    return module.main()


def check(part: dict[str, Any], faults: int) -> None:
    if part["skipped"]:
        pytest.skip(part["skipped"])
    assert part["problems"] == []
    # A command that is done before its fault has had none: there may be fewer.
    assert part["faults"] <= faults
    assert (part["recovered"], part["differ"]) == (part["faults"], 0)


@pytest.fixture(scope="module")
def quick_campaign(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return campaign(QUICK, tmp_path_factory.mktemp("quick"))


@pytest.fixture(scope="module")
def longer_campaign(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return campaign(LONGER, tmp_path_factory.mktemp("longer"))


@pytest.mark.parametrize("kind", QUICK)
def test_records_after_a_fault_are_those_of_undisturbed_runs(quick_campaign: dict[str, dict[str, Any]], kind: str):
    check(quick_campaign[kind], QUICK[kind][1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", LONGER)
def test_records_after_faults_of_further_kinds_are_those_of_undisturbed_runs(
    longer_campaign: dict[str, dict[str, Any]], kind: str
):
    check(longer_campaign[kind], LONGER[kind][1])


@pytest.mark.slow
def test_a_cell_whose_ray_node_is_lost_ends_on_another(tmp_path: Path):
    [part] = campaign({"a Ray node lost in mid-cell": ("node-losses", 1)}, tmp_path).values()
    check(part, 1)
