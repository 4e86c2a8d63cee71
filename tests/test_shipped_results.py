"""The records under leaderboard/results: that they keep the rules, and that the field of the baselines is sane.

What is asserted is what must hold if benchmark and baselines are right, with the interval over seeds. Submissions may
be of other machines, and of methods that do anything.
"""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import paths
from bench.board.results import SHEET, find_results
from bench.board.seed_statistics import Estimate, paired_difference
from bench.cells.earlier_files import earlier_file
from bench.cells.record import Record
from bench.files.hashing import file_sha256
from bench.paths import baseline_names
from bench.submission.contribution import ONLY_ADDED, PLAIN_FILE, Change, check_contribution

Seeds = dict[int, Record]
CONTAMINATED = "synthetic_augmentation contaminated 0.5"


@pytest.fixture(scope="module")
def digits() -> dict[tuple[str, str], Seeds]:
    """The records of digits and the baselines by loop and method, then by seed."""
    found: dict[tuple[str, str], Seeds] = defaultdict(dict)
    earlier: dict[tuple[str, str], Seeds] = defaultdict(dict)
    for result in find_results(paths.LEADERBOARD / "results"):
        cell = result.record.cell
        if (cell.task, cell.generator.name) == ("digits", "ddpm") and cell.method.name in baseline_names():
            loop = cell.loop.kind
            loop += f" contaminated {cell.loop.contamination}" * (cell.loop.contamination is not None)
            loop += f" bias {cell.loop.sampling_bias}" * (cell.loop.sampling_bias != 1)
            loop += f" {cell.loop.pool}" * (cell.loop.pool != "previous")
            loop += f" {cell.loop.protocol}" * (cell.loop.protocol != "scratch")
            if cell.loop.kind == "fresh_data":
                loop += f" {cell.loop.n_real}+{cell.loop.n_synthetic}"
            (earlier if earlier_file(cell.method) else found)[loop, cell.method.option][cell.seed] = result.record
    return earlier | found  # of what was made again with the present file, those records alone


def score(generation: int, name: str) -> Callable[[Record], float]:
    return lambda record: getattr(record.generations[generation].scores, name)


LAST_FID = score(-1, "fid")


def includes_nothing(difference: Estimate) -> bool:
    return difference.low <= 0 <= difference.high


def test_every_method_was_run_with_one_file_and_three_seeds(digits):
    for (loop, option), seeds in digits.items():
        assert set(seeds) >= {0, 1, 2}, (loop, option)
        assert len({record.cell.method.sha256 for record in seeds.values()}) == 1, (loop, option)


def test_a_file_that_is_not_the_present_one_is_known_as_an_earlier_one():
    """A baseline's file changes with intent: records are made again, or a line in earlier_files.toml says why not."""
    for result in find_results(paths.LEADERBOARD / "results"):
        method = result.record.cell.method
        if method.name in baseline_names() and earlier_file(method) is None:
            assert method.sha256 == file_sha256(paths.BASELINES / f"{method.name}.py"), result.path


def test_everything_on_the_leaderboard_could_be_submitted_as_it_is_but_for_records_of_earlier_files():
    root = paths.LEADERBOARD.parent
    files = [path for room in ONLY_ADDED for path in (paths.LEADERBOARD / room).rglob("*") if path.is_file()]
    assert len(files) > 100
    results = find_results(paths.LEADERBOARD / "results")
    earlier = {result.path for result in results if earlier_file(result.record.cell.method)}

    def problems(chosen: list[Path]) -> list[str]:
        return check_contribution([Change(path.relative_to(root), "A", PLAIN_FILE) for path in chosen], root)

    # A picture beside a record has the record's name.
    records = {path: path.with_name(path.name.removesuffix(SHEET)).with_suffix(".json") for path in files}
    assert problems([path for path, record in records.items() if record not in earlier]) == []
    # Their own rules are those of all others: the method's file is all that is wrong.
    for problem in problems(sorted(earlier)):
        assert "is the baseline as it was before" in problem


def test_all_methods_and_loops_of_a_seed_share_generation_one_on_a_machine(digits):
    hashes = defaultdict(set)
    for (loop, _), seeds in digits.items():
        for seed, record in seeds.items():
            if "bias" not in loop:
                machine = (record.environment.device, record.environment.threads, record.environment.torch)
                hashes[seed, machine].add(record.generations[0].samples_sha256)
    assert len(hashes) >= 3
    assert {len(found) for found in hashes.values()} == {1}


def test_the_plain_loop_goes_mad_and_real_data_alone_does_not(digits):
    plain, control = (digits["fully_synthetic", method] for method in ("none", "real_only"))
    degraded = paired_difference(plain, control, LAST_FID)
    assert degraded.low > 0
    for name, sign in (("fid", 1), ("recall", -1)):
        first = {seed: score(0, name)(record) for seed, record in plain.items()}
        assert all(sign * (score(-1, name)(record) - first[seed]) > 0 for seed, record in plain.items())
    assert all(LAST_FID(record) < 1.5 * score(0, "fid")(record) for record in control.values())


def test_an_oracle_with_real_data_at_hand_is_close_to_real_data_alone(digits):
    oracle, real = digits[CONTAMINATED, "oracle_filter"], digits["synthetic_augmentation", "real_only"]
    difference = paired_difference(oracle, real, LAST_FID)
    damage = paired_difference(digits[CONTAMINATED, "none"], digits[CONTAMINATED, "oracle_filter"], LAST_FID)
    assert includes_nothing(difference)
    assert abs(difference.mean) < damage.mean


def test_a_random_subset_is_no_better_than_the_plain_loop(digits):
    # In the fully synthetic loop its FID is a little lower, as each image is seen twice as often, and its recall too.
    for loop in ("fully_synthetic", CONTAMINATED):
        subset, plain = digits[loop, "random_subset:keep=0.5"], digits[loop, "none"]
        assert paired_difference(subset, plain, score(-1, "recall")).low < 0
        gain = -paired_difference(subset, plain, LAST_FID).mean
        possible = -paired_difference(digits[loop, "real_only"], plain, LAST_FID).mean
        assert gain < 0.5 * possible


def test_a_detector_that_guesses_is_a_random_subset(digits):
    guess, subset = (digits[CONTAMINATED, option] for option in ("detector:tpr=0.5:fpr=0.5", "random_subset:keep=0.5"))
    assert includes_nothing(paired_difference(guess, subset, LAST_FID))


def test_a_teachers_students_do_not_degrade(digits):
    teacher = digits["fully_synthetic", "teacher:compute=4.0"]
    plain = digits["fully_synthetic", "none"]

    def change(record: Record) -> float:
        """From generation 2, the first that has a teacher, to the last."""
        return LAST_FID(record) - score(1, "fid")(record)

    changes = [change(record) for record in teacher.values()]
    assert max(changes) < min(change(record) for record in plain.values())
    assert paired_difference(teacher, plain, LAST_FID).high < 0
