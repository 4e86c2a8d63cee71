"""Which parts a GPU day has, and in which order."""

from importlib import import_module

import pytest
from gpu_day.parts import STAGES, all_parts, chosen_stages, jobs
from gpu_day.worker import FILES

from bench.cells.task import task_names
from bench.errors import BadInput


def test_each_part_belongs_to_one_job_and_each_job_to_a_stage():
    parts = all_parts()
    assert len(set(parts)) == len(parts)
    assert {part[0] for part in parts} == set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_can_be_chosen_alone(stage: str):
    chosen = [part for job in jobs([stage]) for part in job.parts]
    assert chosen
    assert {part[0] for part in chosen} == {stage}


def test_letters_that_are_no_stages_are_refused():
    assert chosen_stages("b, a") == ["b", "a"]
    with pytest.raises(BadInput, match=r"--stages a,x: 'x' is no stage: choose from a, b, c, d, e, f, g"):
        chosen_stages("a,x")


def test_each_part_has_a_file_that_measures_it():
    for part in all_parts():
        beginning = max((begin for begin in FILES if part.startswith(begin)), key=len)
        assert callable(import_module(f"gpu_day.{FILES[beginning]}").measure)


def test_the_networks_are_those_of_the_standard_tier_of_the_tasks():
    networks = {part.split(".")[1] for part in all_parts() if part.startswith("b.")}
    tasks = {name.rpartition("-")[0] for name in networks}
    assert tasks == set(task_names()) - {"digits", "gaussian", "fashion_mnist"}
