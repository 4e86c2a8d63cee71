"""The page of devices: what was found, in tables, and what was not run."""

import re

import pytest
from gpu_day.page import NONE_YET, PAGE, goals, kept_reports, page, section
from gpu_day.parts import all_parts
from gpu_day.report import Part

from bench.errors import BadInput
from benchmarks.reports import made_up


def rows(text: str, title: str) -> list[list[str]]:
    """Return the cells of the table below a title, without its heads."""
    block = text.split(f"**{title}**\n\n")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in block.splitlines()[2:]]


def test_the_page_in_the_repository_is_that_of_the_reports_in_it():
    assert PAGE.read_text(encoding="utf-8") == page(kept_reports())


def test_where_no_device_was_measured_it_says_so_in_one_line_and_how_to_be_the_first():
    text = page([])
    assert NONE_YET in text.splitlines()
    assert "`python benchmarks/gpu.py` on a machine with a GPU" in NONE_YET


def test_there_is_a_section_for_each_device_and_date_the_latest_first():
    text = page([made_up(), made_up(name="NVIDIA Later", date="2026-03-01"), made_up(date="2026-02-01")])
    assert re.findall(r"(?m)^### (.*)$", text) == [
        "NVIDIA Later, 2026-03-01",
        "NVIDIA Made Up, 2026-02-01",
        "NVIDIA Made Up, 2026-01-31",
    ]
    assert "80 GiB, 16 CPU cores, driver 580.1, torch 2.11.0, CUDA 13.0, Python 3.12.3, commit aaaaaaaaaaaa." in text
    assert "No device" not in text


def test_figures_stand_in_their_tables():
    text = page([made_up()])
    [training] = [row for row in rows(text, "Training") if row[0] == "mnist-ddpm"]
    assert training == ["mnist-ddpm", "compiled, bfloat16", "50,000", "200.0", "10.0%", "8.0", "4.0 s"]
    assert ["precision, recall, density, coverage", "50,000 x 50,000 x 2,048", "2.50 s", ""] in rows(text, "Scoring")
    [budget] = [row for row in rows(text, "Budgets of the standard tier that this device buys") if row[0] == "cifar10"]
    assert budget == [
        "cifar10", "ddpm", "1,700,000", "5,800,000", "580 times", "290 + 10 + 6 s", "360 s a generation",
    ]  # fmt: skip


def test_each_goal_is_reached_missed_or_not_run():
    verdicts = [row[1:] for row in list(goals(made_up()))[1:]]
    assert verdicts == [
        ("26.0%", "reached", ""),
        ("not run", "", ""),
        ("2.50 s", "reached", ""),
        ("20 s", "**missed**", "float32 in batches of 256: larger ones, a compiled network"),
        ("not run", "", ""),
    ]


def test_where_a_generation_is_too_slow_the_stage_that_takes_longest_is_named():
    report = made_up()
    columns = {"ours, further": {"training": 30.0, "scoring": 10.0, "total": 40.0}, "usual way": {"total": 80.0}}
    found = {
        "further": 2.0,
        "first": 1.5,
        "seconds": columns | {"ours, first": {"total": 60.0}},
        "steps": 9,
        "images": 9,
    }
    cell = {"finished_generations": 2, "generations": 2, "total_seconds": 3000.0,
            "seconds": [{"fit": 400.0, "sample": 1000.0, "score": 100.0}] * 2}  # fmt: skip
    parts = dict(report.parts) | {
        "e.generation": Part(found=found, whole=True), "f.ddpm-fully_synthetic": Part(found=cell, whole=True),
    }  # fmt: skip
    missed = [row[1:] for row in goals(report.model_copy(update={"parts": parts}))]
    assert ("2.0", "**missed**", "training: 75% of the time") in missed
    assert ("50.0 min", "**missed**", "sample: 67% of the time") in missed


def test_a_profile_says_what_to_try_next():
    assert (
        "Profile of cifar10-ddpm: the device works 47% of a step, 812 launches a step, `a_kernel` 50%; `b|kernel` "
        "17%: launches take the rest: CUDA graphs or larger batches." in page([made_up()])
    )


def test_what_was_not_run_has_failed_or_is_not_there_is_named():
    report = made_up()
    text = page([report])
    [line] = [line for line in text.splitlines() if line.startswith("Not run: ")]
    assert line.removeprefix("Not run: ").rstrip(".").split(", ") == [p for p in all_parts() if p not in report.parts]
    assert "- e.training: OutOfMemoryError: CUDA out of memory" in text
    assert "- d.features.clean-fid: not installed: no clean-fid" in text


def test_a_rehearsal_is_shown_as_one_and_reaches_no_goal_and_buys_no_budget():
    text = section(made_up(rehearsal=True))
    assert "**a rehearsal with tiny sizes: no figure here means anything**" in text
    assert "Training" in text
    assert "**Goals**" not in text
    assert "Budgets" not in text


def test_a_rehearsal_is_not_accepted():
    with pytest.raises(BadInput, match="a rehearsal on NVIDIA Made Up measures nothing"):
        page([made_up(rehearsal=True)])
