"""The questions of the board: what their files may say, what is computed, and what is decided when."""

import datetime
import html
import itertools
import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench import paths
from bench.board.answer import Answer, ItemAnswer
from bench.board.answers import by_series, combined, decide, decide_all
from bench.board.pages import Pages
from bench.board.questions import Question, Side, load_questions
from bench.board.site_settings import SiteSettings
from bench.cells import earlier_files
from bench.cells.cell import Cell
from bench.cells.earlier_files import EarlierFile
from bench.cells.record import Record, Scores, read_record
from bench.cells.task_files import KnownTasks
from bench.cli.main import main
from bench.errors import BadInput
from bench.executors.grid import plan_cells
from bench.methods.file import load_method

from .made_up import make_record, make_scores

SHIPPED = paths.LEADERBOARD / "questions"
RESULTS = paths.LEADERBOARD / "results"
Curves = Mapping[int, Sequence[float]]  # the metric's value in each generation, by seed

QUESTION = """
title = "a claim"
background = "somebody"
decided = "somehow"
combine = "all"
since = { date = 2026-01-02, commit = "0123abc" }
"""
EVIDENCE = """
[[evidence]]
label = "a number"
cells = { task = "digits", tier = "smoke", generator = "ddpm", loop = "fully_synthetic" }
against = { method = "real_only" }
statistic = "last"
metric = "recall"
below = 0
"""


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Question]:
    """Return a question whose file has this text."""

    def write(text: str = QUESTION + EVIDENCE, name: str = "claim.toml") -> Question:
        folder = tmp_path / "questions"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        (question,) = load_questions(folder, plan_cells)
        return question

    return write


def evidence(statistic: str, metric: str, expected: str, *, against: bool = False, more: str = "") -> str:
    """Return a question's text with one item."""
    text = QUESTION + EVIDENCE.replace('"last"', f'"{statistic}"').replace('"recall"', f'"{metric}"')
    text = text.replace("below = 0", expected) + more
    return text if against else text.replace('against = { method = "real_only" }\n', "")


def make_cell_record(side: Side, seed: int, scores: Sequence[Scores]) -> Record:
    """Return a record of these cells under the conditions of their task."""
    task = side.task
    made = make_record(fids=(1.0,) * len(scores))
    score = {"features": task.space_name(side.cell.tier), "n": task.tiers[side.cell.tier].n_score, "k": task.score.k}
    if task.features is not None:
        score["features_sha256"] = task.features.sha256
    changed = Cell.model_validate(side.cell.model_dump() | {"seed": seed})
    generations = tuple(g.model_copy(update={"scores": s}) for g, s in zip(made.generations, scores, strict=True))
    return made.model_copy(
        update={
            "cell": changed,
            "cell_id": changed.id,
            "score": made.score.model_copy(update=score),
            "generations": generations,
        }
    )


def records_of(side: Side, metric: str, curves: Curves) -> list[Record]:
    """Return a record for each seed with these values of a metric."""
    return [
        make_cell_record(side, seed, [make_scores(**{"fid": 5.0, metric: value}) for value in values])
        for seed, values in curves.items()
    ]


def answer_of(question: Question, *curves: Curves) -> ItemAnswer:
    """Return the answer to the first item, where the cells and those of the other side have these values."""
    return decide(question, by_series(both_sides(question, *curves))).items[0]


def both_sides(question: Question, *curves: Curves) -> list[Record]:
    """Return records of both sides of the first item."""
    item = question.evidence[0]
    pairs = zip(item.sides, curves, strict=True)
    return [record for side, values in pairs for record in records_of(side, item.spec.metric, values)]


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean and 95% interval of the mean by Student's t, from the textbook's formula."""
    array = np.asarray(values, dtype=np.float64)
    half = stats.t.ppf(0.975, len(array) - 1) * array.std(ddof=1) / np.sqrt(len(array))
    return array.mean(), array.mean() - half, array.mean() + half


def assert_estimate(item: ItemAnswer, expected: Sequence[float]) -> None:
    assert item.estimate is not None
    found = (item.estimate.mean, item.estimate.low, item.estimate.high)
    assert found == pytest.approx(tuple(expected), rel=1e-9, abs=1e-12)


# Values of five generations, chosen so that every statistic can be worked out in the head.
CURVES = {0: (0.9, 0.8, 0.7, 0.5, 0.3), 1: (0.8, 0.8, 0.6, 0.6, 0.2), 2: (0.7, 0.6, 0.6, 0.4, 0.4), 3: (0.8,) * 5}
OTHERS = {0: (0.9, 0.9, 0.8, 0.8, 0.8), 1: (0.8, 0.8, 0.8, 0.7, 0.9), 2: (0.7, 0.6, 0.7, 0.8, 0.7), 5: (0.1,) * 5}


@pytest.mark.parametrize(
    ("statistic", "by_hand"),
    [
        ("last", (0.3, 0.2, 0.4, 0.8)),
        ("change", (-0.6, -0.6, -0.3, 0.0)),
        ("trend", (-0.15, -0.14, -0.08, 0.0)),
        ("late trend", (-0.2, -0.2, -0.1, 0.0)),
        ("area", (2.6 / 4, 2.5 / 4, 2.15 / 4, 0.8)),
    ],
)
def test_statistic_of_the_cells_alone(ask, statistic: str, by_hand: Sequence[float]) -> None:
    item = answer_of(ask(evidence(statistic, "recall", "below = 0")), CURVES)
    assert_estimate(item, interval(by_hand))
    assert item.estimate.seeds == 4


@pytest.mark.parametrize(
    ("statistic", "by_hand"),
    [
        ("last", (-0.5, -0.7, -0.3)),
        ("change", (-0.5, -0.7, -0.3)),
        ("trend", (-0.15 + 0.03, -0.14 - 0.01, -0.08 - 0.02)),
        ("late trend", (-0.2 - 0.0, -0.2 - 0.05, -0.1 - 0.0)),
        ("area", ((2.6 - 3.35) / 4, (2.5 - 3.15) / 4, (2.15 - 2.8) / 4)),
    ],
)
def test_difference_is_paired_over_the_seeds_that_both_have(ask, statistic: str, by_hand: Sequence[float]) -> None:
    item = answer_of(ask(evidence(statistic, "recall", "below = 0", against=True)), CURVES, OTHERS)
    assert_estimate(item, interval(by_hand))
    assert item.seeds == (0, 1, 2)


CONTROLS = """
control = { method = "random_subset" }
against_control = { method = "random_subset:keep=0.25" }
"""


def test_controls_make_the_number_a_difference_of_two_gains(ask) -> None:
    text = evidence("last", "recall", "above = 0", against=True, more=CONTROLS)
    ends = ((0.5, 0.6, 0.7), (0.4, 0.4, 0.3), (0.3, 0.3, 0.3), (0.1, 0.2, 0.1))
    question = ask(text)
    item = answer_of(question, *({seed: (end,) * 5 for seed, end in enumerate(side)} for side in ends))
    # .5 - .3 - (.4 - .1), .6 - .3 - (.4 - .2), .7 - .3 - (.3 - .1)
    assert_estimate(item, interval((-0.1, 0.1, 0.2)))
    assert item.verdict == "undecided"
    assert item.measured == (
        "recall of generation 5, difference from the control, and how that differs from the same of the others"
    )
    sides = {item.cells, item.against_cells, item.control_cells, item.against_control_cells}
    assert [len(ids) for ids in sides] == [3, 3, 3, 3]
    page = dict(Pages([], [decide(question, {})], {}, {}, {}, {}, KnownTasks(), SiteSettings()).render())
    of = "digits (quick setting), ddpm, fully synthetic"
    assert (
        f"{of}, none; its control {of}, random_subset:keep=0.5; compared with {of}, real_only; "
        f"its control {of}, random_subset:keep=0.25</small>"
    ) in page["questions.html"]


def test_controls_under_a_logarithm_make_a_ratio_of_ratios(ask) -> None:
    text = evidence("last", "fid", "below = 1", against=True, more="log = true" + CONTROLS)
    ends = ((1.0, 2.0, 1.0), (2.0, 4.0, 8.0), (4.0, 8.0, 8.0), (4.0, 4.0, 16.0))
    item = answer_of(ask(text), *({seed: (end,) * 5 for seed, end in enumerate(side)} for side in ends))
    # (1/4) / (2/4), (2/8) / (4/4), (1/8) / (8/16)
    assert_estimate(item, np.exp(interval(np.log((0.5, 0.25, 0.25)))))
    assert item.measured.endswith(
        ", as a ratio to that of the control, and this ratio as a ratio to the same of the others"
    )
    assert item.verdict == "supported"


def test_a_gain_is_over_the_seeds_that_its_control_has_too(ask) -> None:
    text = evidence("last", "recall", "above = 0", against=True, more=CONTROLS)
    sides = [dict.fromkeys(seeds, (0.5,) * 5) for seeds in ((0, 1, 2, 3), (0, 1, 2), (1, 2, 3, 4), (0, 1, 2, 3))]
    item = answer_of(ask(text), *sides)
    assert item.seeds == (1, 2)
    assert [missing.text for missing in item.missing] == [
        "digits (quick setting), ddpm, fully synthetic, random_subset:keep=0.5: seed 0",
    ]


def test_the_control_of_the_others_differs_from_them_and_not_from_the_cells(ask) -> None:
    text = evidence("last", "recall", "above = 0", against=True, more=CONTROLS)
    text = text.replace(
        'against = { method = "real_only" }', 'against = { method = "real_only", sampling_bias = 0.5 }'
    )
    biases = [side.cell.loop.sampling_bias for side in ask(text).evidence[0].sides]
    assert biases == [1.0, 0.5, 1.0, 0.5]


def test_late_trend_leaves_out_the_middle_of_an_odd_number_only_where_it_is_in_the_first_half(ask) -> None:
    # Of six generations the last three, of five also the last three.
    text = evidence("late trend", "recall", "below = 0").replace(
        '"fully_synthetic"', '"fully_synthetic", generations = 6'
    )
    curve = (0.1, 0.9, 0.1, 0.5, 0.7, 0.6)
    assert_estimate(answer_of(ask(text), dict.fromkeys(range(3), curve)), (0.05, 0.05, 0.05))


def test_logarithm_of_fid_makes_ratios(ask) -> None:
    fids = {0: (2.0, 3.0, 4.0, 5.0, 8.0), 1: (2.0, 3.0, 4.0, 5.0, 16.0), 2: (4.0, 4.0, 4.0, 4.0, 4.0)}
    others = {0: (2.0, 1.0, 1.0, 1.0, 2.0), 1: (1.0, 1.0, 1.0, 1.0, 2.0), 2: (4.0, 1.0, 1.0, 1.0, 1.0)}
    item = answer_of(ask(evidence("last", "fid", "above = 1", against=True, more="log = true\n")), fids, others)
    assert_estimate(item, np.exp(interval(np.log([4.0, 8.0, 4.0]))))
    assert item.shown == "5.04× (1.86 to 13.62)"
    assert item.verdict == "supported"
    item = answer_of(ask(evidence("trend", "fid", "above = 1", more="log = true\n")), fids)
    slopes = [stats.linregress(range(5), np.log(curve)).slope for curve in fids.values()]
    assert_estimate(item, np.exp(interval(slopes)))


@pytest.mark.parametrize(
    ("last", "expected", "verdict"),
    [
        ((0.30, 0.31, 0.32), "above = 0.2", "supported"),
        ((0.30, 0.31, 0.32), "above = 0.5", "refuted"),
        ((0.30, 0.31, 0.32), "above = 0.31", "undecided"),
        ((0.30, 0.31, 0.32), "below = 0.5", "supported"),
        ((0.30, 0.31, 0.32), "below = 0.2", "refuted"),
        ((0.30, 0.31, 0.32), "below = 0.33", "undecided"),
        ((0.5, 0.5, 0.5), "above = 0.5", "undecided"),
        ((0.30, 0.31), "above = 0.01", "undecided"),
    ],
)
def test_an_item_is_decided_where_the_whole_interval_is_on_one_side(ask, last, expected: str, verdict: str) -> None:
    text = evidence("last", "recall", expected, more='margin = "because"\n')
    item = answer_of(ask(text), {seed: (0.5,) * 4 + (value,) for seed, value in enumerate(last)})
    assert item.verdict == verdict
    assert bool(item.why) == (verdict == "undecided")


@pytest.mark.parametrize(
    ("metric", "ends", "more", "why"),
    [
        # The mean half a standard deviation from the bound: 1.96 / .5 squared is 15.4, and t is wider.
        ("recall", (0.45, 0.55, 0.65), "", "the interval includes 0.5: it would take about 18 seeds"),
        ("recall", (0.4, 0.51, 0.6), "", "the interval includes 0.5: it would take more than 100 seeds"),
        (
            "fid",
            np.exp((0.5, 1.5, 2.5)),
            "log = true\n",
            "the interval includes 2.71828×: it would take about 18 seeds",
        ),
    ],
)
def test_an_undecided_item_says_how_many_seeds_it_would_take(ask, metric: str, ends, more: str, why: str) -> None:
    bound = f"above = {math.e if more else 0.5}"
    text = evidence("last", metric, bound, more=f'margin = "because"\n{more}')
    item = answer_of(ask(text), {seed: (1.0,) * 4 + (float(end),) for seed, end in enumerate(ends)})
    assert item.why == why


@pytest.mark.parametrize(
    ("combine", "verdicts", "together"),
    [
        ("all", ("supported", "supported"), "supported"),
        ("all", ("supported", "undecided"), "undecided"),
        ("all", ("supported", "undecided", "refuted"), "refuted"),
        ("any", ("refuted", "undecided", "supported"), "supported"),
        ("any", ("refuted", "undecided"), "undecided"),
        ("any", ("refuted", "refuted"), "refuted"),
    ],
)
def test_verdicts_are_combined(combine, verdicts, together: str) -> None:
    assert {combined(combine, order) for order in itertools.permutations(verdicts)} == {together}


def test_what_decides_nothing_does_not_enter_the_verdict(ask) -> None:
    beside = EVIDENCE.replace("below = 0", "above = 0\ndecides = false")
    question = ask(QUESTION + EVIDENCE + beside)
    answer = decide(question, by_series(both_sides(question, CURVES, OTHERS)))
    assert [item.verdict for item in answer.items] == ["supported", "refuted"]
    assert answer.verdict == "supported"


def test_what_cannot_be_measured_leaves_a_question_undecided(ask) -> None:
    question = ask(QUESTION + EVIDENCE + '[[not_measurable]]\nlabel = "more"\nmissing = "a method"\n')
    answer = decide(question, by_series(both_sides(question, CURVES, OTHERS)))
    assert [item.verdict for item in answer.items] == ["supported", "undecided"]
    assert answer.verdict == "undecided"
    assert [(missing.text, missing.command) for missing in answer.missing] == [("a method", None)]


def test_what_no_cell_can_decide_is_not_yet_testable(ask) -> None:
    text = QUESTION + EVIDENCE + "decides = false\n" + '[[not_measurable]]\nlabel = "more"\nmissing = "a method"\n'
    question = ask(text)
    answer = decide(question, by_series(both_sides(question, CURVES, OTHERS)))
    assert (answer.verdict, answer.scopes) == ("not yet testable", ())


ALSO = EVIDENCE.replace('"a number"', '"{task}: a number"') + 'also_on = ["mnist", "fashion_mnist"]\n'


def test_an_item_is_asked_of_further_tasks_with_the_same_bound(ask) -> None:
    items = ask(QUESTION + ALSO).evidence
    assert [item.spec.label for item in items] == [
        f"{name}: a number" for name in ("digits", "mnist", "fashion_mnist")
    ]
    assert [[side.cell.task for side in item.sides] for item in items] == [
        [name] * 2 for name in ("digits", "mnist", "fashion_mnist")
    ]
    assert {(item.spec.bound, item.spec.side, item.spec.metric) for item in items} == {(0, "below", "recall")}
    assert items[1].cells.cell.loop.n_synthetic == 2000  # of the other task's own file


def test_a_task_that_nobody_has_run_has_no_say_and_says_so(ask) -> None:
    question = ask(QUESTION + ALSO)
    answer = decide(question, by_series(both_sides(question, CURVES, OTHERS)))
    assert [(scope.task, scope.verdict, scope.seeds) for scope in answer.scopes] == [
        ("digits", "supported", 3), ("mnist", "not run yet", 0), ("fashion_mnist", "not run yet", 0),
    ]  # fmt: skip
    assert answer.verdict == "supported"
    assert [missing.command for missing in answer.missing if "--task mnist" in str(missing.command)]


def test_a_task_that_was_begun_has_a_say(ask) -> None:
    question = ask(QUESTION + ALSO)
    mnist = [record for side in question.evidence[1].sides for record in records_of(side, "recall", {0: [0.5] * 3})]
    answer = decide(question, by_series([*both_sides(question, CURVES, OTHERS), *mnist]))
    assert [scope.verdict for scope in answer.scopes] == ["supported", "undecided", "not run yet"]
    assert answer.verdict == "undecided"


def test_where_nothing_was_run_a_question_is_undecided(ask) -> None:
    answer = decide(ask(QUESTION + ALSO), {})
    assert (answer.verdict, {scope.verdict for scope in answer.scopes}) == ("undecided", {"not run yet"})


HELPING = EVIDENCE.replace("below = 0", "above = 0\ndecides = false\nhelps = true").replace(
    'against = { method = "real_only" }', 'against = { method = "random_subset" }'
)
HIGH, MIDDLE, LOW = ({seed: (0.8,) * 4 + (end + seed / 100,) for seed in range(3)} for end in (0.8, 0.5, 0.2))


@pytest.mark.parametrize(
    ("plain", "verdict"), [(LOW, "helps, does not stop it"), (HIGH, "refuted"), (MIDDLE, "refuted")]
)
def test_a_remedy_that_is_refuted_and_better_than_none_helps(ask, plain: Curves, verdict: str) -> None:
    claim = EVIDENCE.replace("below = 0", 'above = -0.05\nmargin = "as near as seeds are"')
    question = ask(QUESTION + claim + HELPING)
    deciding, helping = question.evidence
    records = records_of(deciding.cells, "recall", MIDDLE) + records_of(deciding.sides[1], "recall", HIGH)
    answer = decide(question, by_series(records + records_of(helping.sides[1], "recall", plain)))
    assert answer.verdict == verdict
    (scope,) = answer.scopes
    assert (scope.task, scope.tier, scope.seeds, scope.verdict) == ("digits", "smoke", 3, verdict)
    assert scope.effect.startswith("a number: −0.300 (")


def test_the_scopes_are_those_of_the_tasks_that_decide(ask) -> None:
    gaussian = EVIDENCE.replace("digits", "gaussian").replace("ddpm", "gaussian").replace("below", "above")
    question = ask(QUESTION + EVIDENCE + gaussian)
    _, points = question.evidence
    records = both_sides(question, LOW, HIGH)
    records += records_of(points.cells, "recall", LOW) + records_of(points.sides[1], "recall", HIGH)
    answer = decide(question, by_series(records))
    found = [(scope.task, scope.verdict) for scope in answer.scopes]
    assert (answer.verdict, found) == ("refuted", [("digits", "supported"), ("gaussian", "refuted")])
    assert answer.decided_by == answer.scopes[1].effect


def test_an_undecided_scope_says_why(ask) -> None:
    question = ask(QUESTION + EVIDENCE)
    ends = {seed: (0.5,) * 4 + (end,) for seed, end in enumerate((0.45, 0.55, 0.65))}
    (scope,) = decide(question, by_series(both_sides(question, ends, dict.fromkeys(range(3), (0.5,) * 5)))).scopes
    assert scope.effect == "a number: +0.050 (−0.198 to +0.298), the interval includes 0: it would take about 18 seeds"


def test_since_when_the_rule_stands_is_said(ask) -> None:
    question = ask()
    answer = decide(question, {})
    assert answer.to_json()["since"] == {"date": "2026-01-02", "commit": "0123abc"}
    page = dict(Pages([], [answer], {}, {}, {}, {}, KnownTasks(), SiteSettings()).render())["questions.html"]
    assert "The rule stands since 2026-01-02 (commit 0123abc)." in page


def test_missing_cells_come_with_the_commands_that_make_them(ask, planned_by) -> None:
    text = evidence("last", "recall", "below = 0", against=True)
    text = text.replace(
        '"real_only"', '"random_subset:keep=0.25", sampling_bias = 0.5, generations = 4, pool = "last:2"'
    )
    question = ask(text)
    item = decide(question, {}).items[0]
    assert (item.verdict, item.estimate, item.cells) == ("undecided", None, ())
    assert [missing.text for missing in item.missing] == [
        "digits (quick setting), ddpm, fully synthetic, none: seeds 0, 1, 2",
        "digits (quick setting), ddpm, fully synthetic, random_subset:keep=0.25, generations 4, pool last:2, "
        "sampling bias 0.5: seeds 0, 1, 2",
    ]
    for side, missing in zip(question.evidence[0].sides, item.missing, strict=True):
        assert planned_by(missing.command) == {
            Cell.model_validate(side.cell.model_dump() | {"seed": seed}).id for seed in (0, 1, 2)
        }


@pytest.fixture
def planned_by(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str | None], set[str]]:
    """Return the ids of the cells that a command line would run."""
    nothing = SimpleNamespace(images_trained=0, network_evaluations=0, seconds=0.0, disk_bytes=0, disk_peak_bytes=0)
    # What they take says nothing of which cells there are.
    monkeypatch.setattr("bench.executors.estimate.estimate_cells", lambda cells, *_, **__: [nothing] * len(cells))

    def plan(command: str | None) -> set[str]:
        assert command is not None
        program, *words = command.split()
        assert program == "autophagy"
        assert main([*words, "--dry-run", "--json"]) == 0
        return {cell["cell_id"] for cell in json.loads(capsys.readouterr().out)}

    return plan


def test_command_of_contaminated_cells_makes_them(ask, planned_by) -> None:
    for sizes in ("", ", n_real = 100, n_synthetic = 60"):
        text = evidence("last", "recall", "below = 0").replace(
            '"fully_synthetic"', f'"synthetic_augmentation", contamination = 0.25{sizes}'
        )
        side = ask(text).evidence[0].cells
        assert planned_by(side.command([0])) == {side.cell.id}


def test_only_the_seeds_that_are_lacking_are_asked_for(ask) -> None:
    question = ask(evidence("last", "recall", "below = 0", against=True))
    item = answer_of(question, dict.fromkeys((1, 4), CURVES[0]), dict.fromkeys((1, 2, 4), OTHERS[0]))
    assert item.seeds == (1, 4)
    assert [missing.text.partition(": ")[2] for missing in item.missing] == ["seed 2"]
    assert "--seeds 2" in item.missing[0].command
    assert item.why == "2 of 3 seeds are there"


def others(side: Side) -> dict[str, dict[str, Any]]:
    """Return changes of a record each of which makes it one that does not count."""
    record = make_cell_record(side, 0, [make_scores(1.0)] * 5)
    cell, score = record.cell, record.score
    method, loop = cell.method, cell.loop
    return {
        "tier": {"cell": cell.model_copy(update={"tier": "standard"})},
        "task version": {"cell": cell.model_copy(update={"task_version": cell.task_version + 1})},
        "protocol": {"cell": cell.model_copy(update={"loop": loop.model_copy(update={"protocol": "finetune"})})},
        "pool": {"cell": cell.model_copy(update={"loop": loop.model_copy(update={"pool": "accumulated"})})},
        "another file": {"cell": cell.model_copy(update={"method": method.model_copy(update={"sha256": "0" * 64})})},
        "parameters": {"cell": cell.model_copy(update={"method": method.model_copy(update={"params": {"a": 1}})})},
        "other images": {"data": record.data.model_copy(update={"pinned": False})},
        "other space": {"score": score.model_copy(update={"features": "inception"})},
        "other weights": {"score": score.model_copy(update={"features_sha256": "0" * 64})},
        "other n": {"score": score.model_copy(update={"n": 50})},
        "other k": {"score": score.model_copy(update={"k": 3})},
    }


@pytest.mark.parametrize("what", list(others(load_questions(SHIPPED, plan_cells)[0].evidence[0].cells)))
def test_records_under_other_conditions_do_not_count(ask, what: str) -> None:
    question = ask(evidence("last", "recall", "below = 0"))
    side = question.evidence[0].cells
    right = records_of(side, "recall", CURVES)
    wrong = [r.model_copy(update=others(side)[what]) for r in records_of(side, "recall", {9: (0.0,) * 5})]
    seeded = [r.model_copy(update={"cell": r.cell.model_copy(update={"seed": 9})}) for r in wrong]
    assert decide(question, by_series(right + seeded)).items[0].seeds == (0, 1, 2, 3)
    assert decide(question, by_series(seeded)).items[0].missing


def test_records_against_another_reference_than_most_are_left_out(ask) -> None:
    question = ask(evidence("last", "recall", "below = 0"))
    records = records_of(question.evidence[0].cells, "recall", CURVES)
    odd = records[0].model_copy(update={"score": records[0].score.model_copy(update={"reference_sha256": "0" * 64})})
    for order in ([odd, *records[1:]], [*records[1:], odd]):
        assert decide(question, by_series(order)).items[0].seeds == (1, 2, 3)


def test_of_several_records_of_a_cell_the_first_counts(ask) -> None:
    question = ask(evidence("last", "recall", "below = 0"))
    side = question.evidence[0].cells
    first, again = records_of(side, "recall", CURVES), records_of(side, "recall", {0: (0.0,) * 5})
    assert_estimate(decide(question, by_series(first + again)).items[0], interval((0.3, 0.2, 0.4, 0.8)))


def test_records_without_the_metric_are_not_missing_cells(ask) -> None:
    question = ask(evidence("last", "label_agreement", "below = 0"))
    side = question.evidence[0].cells
    records = [make_cell_record(side, seed, [make_scores(1.0, None)] * 5) for seed in range(3)]
    item = decide(question, by_series(records)).items[0]
    assert (item.verdict, item.missing) == ("undecided", ())
    assert "no label_agreement" in item.why


def test_a_fid_of_nothing_counts_as_that_of_real_images(ask) -> None:
    question = ask(evidence("last", "fid", "above = 1", more="log = true\n"))
    item = answer_of(question, dict.fromkeys(range(3), (0.0,) * 5))
    assert item.estimate.mean == pytest.approx(0.5)  # the floor of made-up records
    wide = answer_of(question, {0: (1.0,) * 5, 1: (1.0,) * 4 + (1e12,), 2: (1.0,) * 5})
    assert wide.verdict == "undecided"
    assert json.dumps(wide.to_json(), allow_nan=False)


def test_one_seed_gives_a_number_without_an_interval(ask) -> None:
    question = ask(evidence("last", "recall", "below = 0"))
    answer = decide(question, by_series(records_of(question.evidence[0].cells, "recall", {7: (0.5,) * 5})))
    (item,) = json.loads(json.dumps(answer.to_json(), allow_nan=False))["items"]
    assert item["estimate"] == {"mean": 0.5, "low": None, "high": None}
    assert item["verdict"] == "undecided"
    assert item["seeds"] == [7]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"recall"', '"beauty"', "evidence.0: metric is 'beauty': choose one of fid, kid, precision"),
        ('"last"', '"first"', "evidence.0.statistic = 'first': input should be 'last', 'change'"),
        ('"real_only"', '"magic"', "no method 'magic': choose one of accumulate_subsample"),
        ('"real_only"', '"/tmp/mine.py"', "no method '/tmp/mine.py': choose one of"),
        ('"ddpm"', '"/tmp/flow.py"', "no generator '/tmp/flow.py': choose one of ddpm, stylegan, gaussian"),
        ('"real_only"', '"random_subset:keep=2"', "keep = '2': input should be less than or equal to 1"),
        ('"real_only"', '"oracle_filter"', "method oracle_filter is not for fully_synthetic"),
        ('"real_only"', '"none"', "evidence.0: against: the same cells, nothing could differ"),
        ('"digits"', '"faces"', "cells.task = 'faces': choose one of cifar10, digits"),
        ('"smoke"', '"tiny"', "evidence.0.cells.tier = 'tiny'"),
        ('"ddpm"', '"gaussian"', "has no settings for the generator 'gaussian'"),
        ('"fully_synthetic"', '"circle"', "evidence.0.cells.loop = 'circle'"),
        ('"fully_synthetic"', '"fully_synthetic", n_real = 3', "n_real is 3"),
        ('"fully_synthetic"', '"fully_synthetic", sampling_bias = 2.0', "--sampling-bias 2.0: choose a number"),
        ('"fully_synthetic"', '"fully_synthetic", pools = 1', "evidence.0.cells.pools is not a known key"),
        ('method = "real_only"', 'task = "mnist"', "evidence.0.against.task is not a known key"),
        (
            "below = 0",
            'below = 0\nalso_on = ["mnist"]',
            "evidence.0: also_on is given and label is the same for all tasks",
        ),
        ('"a number"', '"{task}"\nalso_on = ["digits"]', "evidence.0: also_on names a task twice, or that of cells"),
        ('"a number"', '"{task}"\nalso_on = ["mnits"]', "cells.task = 'mnits': did you mean mnist?"),
        ("below = 0", "below = 0\nabove = 0", "evidence.0: give one of above and below"),
        ("below = 0", "", "evidence.0: give one of above and below"),
        ("below = 0", "below = 0.05", "margin is missing: below is 0.05 and not 0, say why"),
        ("below = 0", "below = 1\nlog = true", "log is true and metric 'recall': choose fid"),
        ('"recall"\nbelow = 0', '"fid"\nlog = true\nbelow = 0', "below is 0: choose a number above 0"),
        ('"recall"\nbelow = 0', '"fid"\nlog = true\nbelow = 0.9', "margin is missing: below is 0.9 and not 1"),
        ("below = 0", "below = nan", "below"),
        ("below = 0", 'below = 0\ncontrol = { method = "random_subset" }', "evidence.0: give both of control and"),
        ("below = 0", 'below = 0\nagainst_control = { method = "none" }', "evidence.0: give both of control and"),
        (
            'against = { method = "real_only" }',
            CONTROLS,
            "evidence.0: against is missing: control and against_control",
        ),
        ("below = 0", f"below = 0{CONTROLS}".replace('"random_subset"', '"none"'), "control: the same cells, nothing"),
        (
            "below = 0",
            f"below = 0{CONTROLS}".replace('"random_subset:keep=0.25"', '"real_only"'),
            "evidence.0: against_control: the same cells, nothing could differ",
        ),
        (
            "below = 0",
            f"below = 0{CONTROLS}".replace(":keep=0.25", ""),
            "evidence.0: against_control: the same cells as control, both drop out",
        ),
        ('"last"', '"late trend"\ndecides = 1', "evidence.0.decides = 1"),
        ('"all"', '"most"', "combine = 'most'"),
        ('"a claim"', '" "', "title: a text is missing"),
        ("below = 0", "below = 0\ndecides = false", "evidence is missing: at least one item must decide"),
        ("title", "titel", "titel is not a known key (and 1 more)"),
        ("below = 0", "below = 0\nhelps = true", "evidence.0: helps is true and decides too"),
        ("0123abc", "latest", "since.commit = 'latest'"),
        ("2026-01-02", "1", "since.date = 1"),
        ("since", "sense", "sense is not a known key (and 1 more)"),
        ("[[evidence]]", "[[evidence]", "not a readable TOML file"),
    ],
)
def test_a_wrong_file_is_refused_with_one_line_that_names_it(ask, old: str, new: str, line: str) -> None:
    text = QUESTION + EVIDENCE
    assert old in text
    with pytest.raises(BadInput) as refused:
        ask(text.replace(old, new, 1))
    message = str(refused.value)
    assert line in message
    assert "claim.toml: " in message
    assert "\n" not in message


def test_a_statistic_needs_its_generations(ask) -> None:
    text = evidence("late trend", "recall", "below = 0").replace(
        '"fully_synthetic"', '"fully_synthetic", generations = 2'
    )
    with pytest.raises(BadInput, match="statistic 'late trend' needs 3 generations or more, found 2"):
        ask(text)


def test_a_file_is_named_so_that_its_name_is_an_address(ask) -> None:
    with pytest.raises(BadInput, match=r"Claim 1\.toml: a question's file is named in lower case"):
        ask(name="Claim 1.toml")


def test_questions_need_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a folder of questions"):
        load_questions(tmp_path / "none", plan_cells)


# The questions that come with the package, decided on the records that do.


@pytest.fixture(scope="module")
def committed() -> list[Record]:
    return [read_record(path) for path in sorted(RESULTS.rglob("*.json"))]


@pytest.fixture(scope="module")
def answers(committed: list[Record]) -> list[Answer]:
    return decide_all(load_questions(SHIPPED, plan_cells), committed)


def test_every_claim_of_the_design_has_its_question(answers: list[Answer]) -> None:
    assert [int(answer.question.key[:2]) for answer in answers] == list(range(1, len(answers) + 1))
    assert len(answers) >= 11


def test_shipped_questions_say_what_the_field_knows(answers: list[Answer]) -> None:
    verdicts = {answer.question.key[3:]: answer.verdict for answer in answers}
    (first, *_) = answers
    assert {scope.verdict for scope in first.scopes if scope.task in ("digits", "gaussian")} == {"supported"}
    assert {verdicts[name] for name in ("overtraining", "duplicates_and_weights")} == {"refuted"}
    assert verdicts["more_samples"] == "helps, does not stop it"


def test_a_verdict_says_what_it_holds_for(answers: list[Answer]) -> None:
    for answer in answers:
        deciding = [item for item in answer.items if item.decides and item.of]
        assert {scope.task for scope in answer.scopes} == {item.of.partition(" ")[0] for item in deciding}
        for scope in answer.scopes:
            own = [item for item in deciding if (item.task, item.tier) == (scope.task, scope.tier)]
            assert scope.seeds in [len(item.seeds) for item in own if scope.effect.startswith(f"{item.label}: ")]
            assert (scope.verdict == "not run yet") == (not any(item.seeds for item in own))
    (fresh,) = [answer for answer in answers if answer.question.key.endswith("fresh_data_stops_it")]
    assert [scope.task for scope in fresh.scopes] == ["gaussian", "digits"]


def test_an_undecided_item_says_why_and_what_is_missing(answers: list[Answer]) -> None:
    for item in (item for answer in answers for item in answer.items):
        assert bool(item.why) == (item.verdict == "undecided")
        assert item.missing or item.estimate is not None


def test_answers_do_not_depend_on_the_order_of_records(answers: list[Answer], committed: list[Record]) -> None:
    assert decide_all(load_questions(SHIPPED, plan_cells), committed[::-1]) == answers


def test_answers_are_json(answers: list[Answer], committed: list[Record]) -> None:
    content = json.loads(json.dumps([answer.to_json() for answer in answers], allow_nan=False))
    ids = {record.cell_id for record in committed}
    used = [item["cells"] + item["against_cells"] for answer in content for item in answer["items"]]
    assert any(used)
    assert set().union(*used) <= ids


def test_records_of_an_earlier_file_count_where_there_are_none_of_the_present_one(ask, monkeypatch) -> None:
    old = "0" * 64
    earlier = {("none", old): EarlierFile(datetime.date(2026, 1, 2), "imports")}
    monkeypatch.setattr(earlier_files, "_of_the_package", lambda: earlier)
    question = ask(evidence("last", "recall", "above = 0"))
    (side,) = question.evidence[0].sides
    method = side.cell.method.model_copy(update={"sha256": old})
    before = replace(side, cell=side.cell.model_copy(update={"method": method}))
    first = records_of(before, "recall", dict.fromkeys(range(3), (0.5,) * 5))
    second = records_of(side, "recall", dict.fromkeys(range(2), (0.25,) * 5))
    item = decide(question, by_series(first)).items[0]
    assert (item.estimate.mean, item.seeds, item.of_earlier_files) == (0.5, (0, 1, 2), True)
    item = decide(question, by_series(first + second)).items[0]
    assert (item.estimate.mean, item.seeds, item.of_earlier_files) == (0.25, (0, 1), False)
    unknown = before.cell.model_copy(update={"method": method.model_copy(update={"sha256": "1" * 64})})
    strange = records_of(replace(side, cell=unknown), "recall", dict.fromkeys(range(3), (0.5,) * 5))
    assert decide(question, by_series(strange)).items[0].estimate is None


def test_the_numbers_are_those_of_an_independent_computation(answers: list[Answer]) -> None:
    raw = [json.loads(path.read_text()) for path in sorted(RESULTS.rglob("*.json"))]
    tasks = {path.stem: tomllib.loads(path.read_text()) for path in paths.TASKS.glob("*.toml")}
    n_compared = 0
    for answer in answers:
        for spec, item in zip(read_evidence(answer.question.key), answer.items, strict=False):
            sides = raw_sides(spec)
            curves = [raw_curves(raw, tasks, side, spec["metric"]) for side in sides]
            common = sorted(set.intersection(*(set(side) for side in curves)))
            assert item.seeds == tuple(common), item.label
            if len(common) < 3:
                assert item.verdict == "undecided"
                continue
            log = spec.get("log", False)
            values = [[raw_statistic(spec["statistic"], side[seed], log) for seed in common] for side in curves]
            expected = interval(np.array((1, -1, -1, 1)[: len(values)]) @ np.array(values))
            assert_estimate(item, np.exp(expected) if log else expected)
            bound = spec.get("above", spec.get("below"))
            _, low, high = np.exp(expected) if log else expected
            sign = 1 if "above" in spec else -1
            ends = sorted((sign * (low - bound), sign * (high - bound)))
            assert item.verdict == ("supported" if ends[0] > 0 else "refuted" if ends[1] < 0 else "undecided")
            n_compared += 1
    assert n_compared > 50


def read_evidence(key: str) -> list[dict[str, Any]]:
    items = tomllib.loads((SHIPPED / f"{key}.toml").read_text()).get("evidence", [])
    return [
        item | {"cells": item["cells"] | {"task": task}}
        for item in items
        for task in (item["cells"]["task"], *item.get("also_on", []))
    ]


def raw_sides(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the cells, those that they are compared with, and the control of each, as far as an item names them."""
    cells = spec["cells"]
    against = cells | spec.get("against", {})
    sides = [cells, against, cells | spec.get("control", {}), against | spec.get("against_control", {})]
    return sides[: 4 if "control" in spec else 2 if "against" in spec else 1]


def raw_curves(
    raw: list[dict[str, Any]], tasks: Mapping[str, dict[str, Any]], side: dict[str, Any], metric: str
) -> dict[int, list[float]]:
    """Return a metric's values by seed, of the records whose JSON says that they are of these cells.

    Of the method's present file, or else of the latest one before it that there are any of.
    """
    loop = {
        "kind": side["loop"],
        "pool": "previous",
        "sampling_bias": 1.0,
        "protocol": "scratch",
        "contamination": None,
    }
    loop |= tasks[side["task"]]["tiers"][side["tier"]]["loops"][side["loop"]]
    loop |= {name: side[name] for name in loop if name in side}
    method = load_method(side.get("method", "none")).identity.model_dump(mode="json")
    cell = {name: side[name] for name in ("task", "tier", "generator")} | {"loop": loop, "method": method}
    cell["task_version"] = tasks[side["task"]]["version"]
    changes = tomllib.loads((paths.BASELINES / "earlier_files.toml").read_text())["changes"]
    earlier = [change["files"].get(method["name"]) for change in reversed(changes)]
    for sha256 in (method["sha256"], *filter(None, earlier)):
        wanted = cell | {"method": method | {"sha256": sha256}}
        found = {
            record["cell"]["seed"]: [g["scores"][metric] for g in record["generations"]]
            for record in raw
            if {name: value for name, value in record["cell"].items() if name != "seed"} == wanted
            and record["data"]["pinned"]
        }
        if found:
            return found
    return {}


def raw_statistic(name: str, values: Sequence[float], log: bool) -> float:
    y = np.log(values) if log else np.array(values)
    t = np.arange(1, len(y) + 1)
    match name:
        case "last":
            return y[-1]
        case "change":
            return y[-1] - y[0]
        case "trend":
            return np.polyfit(t, y, 1)[0]
        case "late trend":
            return np.polyfit(t[len(t) // 2 :], y[len(t) // 2 :], 1)[0]
        case "area":
            return np.mean((y[1:] + y[:-1]) / 2)
    raise AssertionError(name)


def test_the_page_has_each_question_with_its_verdict_and_links_to_its_cells(answers: list[Answer]) -> None:
    page = dict(Pages([], answers, {}, {}, {}, {}, KnownTasks(), SiteSettings()).render())["questions.html"]
    for answer in answers:
        start = page.index(f'<section class="results" id="{answer.question.key}"')
        section = page[start : page.index("</section>", start)]
        assert f'">{answer.verdict}</span></h2>' in section
        assert section.count("<li>") >= len(answer.scopes)
        used = {cell for item in answer.items for cell in (*item.cells, *item.against_cells)}
        assert all(f'href="cells/{cell[:16]}.html"' in section for cell in used)
        assert section.count("autophagy</span>") == sum(missing.command is not None for missing in answer.missing)


def test_the_first_page_has_the_number_that_decides_each_claim(answers: list[Answer]) -> None:
    page = dict(Pages([], answers, {}, {}, {}, {}, KnownTasks(), SiteSettings()).render())["index.html"]
    for answer in answers:
        (item,) = re.findall(rf'questions.html#{answer.question.key}">(.*?)</a>', page, re.DOTALL)
        shown = [scope.effect for scope in answer.scopes if scope.verdict == answer.verdict]
        assert (re.findall("<small>(.*?)</small>", html.unescape(item)), answer.decided_by) == (shown[:1], shown[0])
