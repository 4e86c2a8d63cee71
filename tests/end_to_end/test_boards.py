"""leaderboard/boards.sh: its command lines are right ones, and its cells are those that the questions ask for."""

import argparse
import json
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from planned import BOARDS, TABLES, command_lines, planned_cells

from bench.board.questions import SeriesKey, load_questions, series_key
from bench.cli import threshold
from bench.executors.grid import plan_cells
from bench.paths import LEADERBOARD, baseline_names
from bench.threshold.sweep import plan_sweep

PAIRS = 3  # seeds of a number


@pytest.fixture(scope="module")
def planned() -> Mapping[SeriesKey, set[int]]:
    """Return the seeds of all cells of all tables that differ in nothing else."""
    seeds: dict[SeriesKey, set[int]] = defaultdict(set)
    for table in TABLES:
        for each in planned_cells(table):
            seeds[series_key(each.cell)].add(each.cell.seed)
    return seeds


def test_every_number_of_a_question_has_its_cells_in_the_plan(planned):
    n = 0
    for question in load_questions(LEADERBOARD / "questions", plan_cells):
        for item in question.evidence:
            common = set.intersection(*(planned[series_key(side.cell)] for side in item.sides))
            assert len(common) >= PAIRS, (question.key, item.spec.label)
            n += 1
    assert n > 100


def test_digits_has_ten_seeds_wherever_a_question_rests_on_it(planned):
    for question in load_questions(LEADERBOARD / "questions", plan_cells):
        for item in question.evidence:
            for side in item.sides:
                if (side.cell.task, side.cell.generator.name) == ("digits", "ddpm"):
                    assert planned[series_key(side.cell)] >= set(range(10)), (question.key, item.spec.label)


def test_every_baseline_is_in_the_plan(planned):
    methods = {key[5] for key, seeds in planned.items() if seeds}
    assert methods >= set(baseline_names())


def plain_loop_of(task: str) -> dict[str, dict[int, list[float]]]:
    """Return FID by generation in the fully synthetic loop, by seed: of `none` and all methods, not of controls."""
    found: dict[str, dict[int, list[float]]] = defaultdict(dict)
    for path in (LEADERBOARD / "results").glob(f"{task}-ddpm-fully_synthetic-*.json"):
        content = json.loads(path.read_text())
        cell, method = content["cell"], content["cell"]["method"]
        loop = {name: cell["loop"][name] for name in ("pool", "sampling_bias", "protocol")}
        plain = loop == {"pool": "previous", "sampling_bias": 1, "protocol": "scratch"}
        if plain and (method["name"] == "none" or not method["control"]):
            fids = [each["scores"]["fid"] for each in content["generations"]]
            found[f"{method['name']} {method['params']}"][cell["seed"]] = fids
    return found


def test_the_six_methods_of_fashion_mnist_are_those_with_the_lowest_fid_on_the_two_others():
    mean: dict[str, list[float]] = defaultdict(list)
    for task in ("digits", "mnist"):
        of_task = plain_loop_of(task)
        plain = of_task.pop("none {}")
        for method, by_seed in of_task.items():
            common = sorted(by_seed.keys() & plain.keys())
            ratios = np.log([by_seed[seed] for seed in common]) - np.log([plain[seed] for seed in common])
            mean[method].append(ratios.mean())
    both = sorted((sum(values), method) for method, values in mean.items() if len(values) == 2)
    assert len(both) > 15
    cells = [each.cell for each in planned_cells("fashion_mnist") if each.cell.generator.name == "ddpm"]
    methods = {f"{cell.method.name} {cell.method.params}" for cell in cells if not cell.method.control}
    assert methods == {method for _, method in both[:6]}


def test_the_sweep_is_a_right_one():
    (words,) = command_lines("threshold")
    parser = argparse.ArgumentParser()
    threshold.add_arguments(parser)
    given = parser.parse_args(words[1:])
    assert (words[0], given.seeds, given.results) == ("threshold", "0,1,2,3,4", Path("leaderboard/threshold/digits"))
    loops = {each.cell.id for each in plan_sweep(threshold.named_sweep(given)) if each.cell.loop.kind == "fresh_data"}
    assert len(loops) == 2 * 4 * 2 * 5  # of two n_real, four n_synthetic, two biases and five seeds


@pytest.mark.parametrize(("seeds", "expected"), [("3", {"3"}), ("1,3-5", {"1", "3", "4", "5"}), ("60", set())])
def test_seeds_are_those_of_the_plan_that_are_asked_for(seeds: str, expected: set[str]):
    found = {seed for words in command_lines("digits", seeds) for seed in words[words.index("--seeds") + 1].split(",")}
    assert found == expected


def test_a_table_that_is_not_there_is_refused(tmp_path: Path):
    done = subprocess.run([BOARDS, "autophagy", "ffhq64"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "boards.sh: no table 'ffhq64': choose one of " + ", ".join((*TABLES, "threshold")) + "\n"


@pytest.mark.parametrize("words", [[], ["autophagy"], ["autophagy", "digits", "0", "1"]])
def test_too_few_or_too_many_words_are_refused(words: list[str]):
    done = subprocess.run([BOARDS, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "boards.sh: give the path of autophagy, a table, and seeds or nothing\n"


@pytest.mark.parametrize("seeds", ["x", "1,", "0-", "-1", "1 2"])
def test_seeds_that_are_none_are_refused(seeds: str):
    done = subprocess.run([BOARDS, "autophagy", "digits", seeds], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"boards.sh: SEEDS '{seeds}': give whole numbers from 0")
    assert done.stderr.count("\n") == 1
