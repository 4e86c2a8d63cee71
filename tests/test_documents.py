"""What the documents say of the records: it is what the records say, and a page that cannot be written is refused."""

import json
import re
import shutil
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
from documents import PAGES, Records, written
from planned import planned_cells
from scipy import stats

from bench.errors import BadInput
from bench.methods.file import load_method
from bench.paths import LEADERBOARD, ROOMS, baseline_names
from bench.threshold.crossing import Threshold
from bench.threshold.sweep import Point

RESULTS = LEADERBOARD / "results"


@pytest.fixture(scope="module")
def records() -> Records:
    return Records(RESULTS)


@pytest.fixture(scope="module")
def raw() -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(RESULTS.rglob("*.json"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOMS)))
def test_a_page_says_what_the_records_say(page: Path, records: Records):
    text = page.read_text(encoding="utf-8")
    assert written(text, records) == text, "make documents"


def test_every_task_with_records_has_its_tables(records: Records):
    text = (ROOMS / "docs" / "baselines.md").read_text(encoding="utf-8")
    assert records.tasks <= set(re.findall("from the records: tables (.+?) -->", text))


def test_every_baseline_that_claims_something_has_a_finding(records: Records):
    found = {finding.question.key for finding in records.findings}
    claiming = {name for name in baseline_names() if not load_method(name).identity.control}
    assert claiming <= found


def last(raw: list[dict], metric: str, **cell: object) -> dict[int, float]:
    """Return a score of the last generation by seed, of the records of digits whose JSON has this."""
    loop = {"kind": "fully_synthetic", "pool": "previous", "sampling_bias": 1.0, "protocol": "scratch"} | cell
    method = loop.pop("method")
    return {
        record["cell"]["seed"]: record["generations"][-1]["scores"][metric]
        for record in raw
        if (record["cell"]["task"], record["cell"]["tier"], record["cell"]["generator"]) == ("digits", "smoke", "ddpm")
        and {name: record["cell"]["loop"][name] for name in loop} == loop
        and record["cell"]["method"]["name"] == method
    }


def test_a_row_of_a_table_follows_from_the_records(raw: list[dict], records: Records):
    table = records.text_of("tables digits").partition("### digits, smoke tier: fully synthetic, ddpm\n")[2]
    [row] = re.findall(r"^\| `neon.*$", table.partition("###")[0], re.MULTILINE)
    _, _, fid, precision, recall, fid_difference, recall_difference, _, seeds, _ = map(str.strip, row.split("|"))
    own, plain = (last(raw, "fid", method=name) for name in ("neon", "none"))
    assert fid == f"{sum(own.values()) / len(own):.2f}"
    assert int(seeds.split(",")[0]) == len(own)
    for score, said in (("precision", precision), ("recall", recall)):
        values = last(raw, score, method="neon").values()
        floor = next(r["score"]["floor"][score] for r in raw if r["cell"]["task"] == "digits")
        mean = sum(values) / len(values)
        assert said == f"{mean:.2f} ({100 * mean / floor:.0f}%)"
    for score, said in (("fid", fid_difference), ("recall", recall_difference)):
        own, plain = (last(raw, score, method=name) for name in ("neon", "none"))
        common = sorted(own.keys() & plain.keys())
        test = stats.ttest_rel([own[seed] for seed in common], [plain[seed] for seed in common])
        low, high = test.confidence_interval(0.95)
        mean = sum(own[seed] - plain[seed] for seed in common) / len(common)
        assert said == f"{mean:+.2f} ({low:+.2f} to {high:+.2f})"


def test_a_part_of_a_sentence_has_the_numbers_of_its_cells(raw: list[dict], records: Records):
    page = 'FID <!-- from the records: {last.fid:.3f}; method = "frozen", seed = 1 --> old <!-- end -->.'
    expected = last(raw, "fid", method="frozen")[1]
    start, end = page.split(" old ")
    assert written(page, records) == f"{start}{expected:.3f}{end}"


def test_the_questions_have_their_verdicts_and_the_numbers_that_decide_them(raw: list[dict], records: Records):
    rows = records.text_of("questions").strip().splitlines()[2:]
    titles = [row.split("|")[1].strip(" *") for row in rows if row.startswith("| **")]
    files = sorted((LEADERBOARD / "questions").glob("*.toml"))
    asked = [tomllib.loads(path.read_text(encoding="utf-8"))["title"] for path in files]
    assert titles == [f"{place}. {title}" for place, title in enumerate(asked, 1)]
    (row,) = [row for row in rows if "| digits, latent_filter: recall is kept" in row]
    task, verdict, number, seeds = (cell.strip() for cell in row.strip("|").split("|"))
    own, plain = (last(raw, "recall", method=name) for name in ("latent_filter", "none"))
    common = sorted(own.keys() & plain.keys())
    test = stats.ttest_rel([own[seed] for seed in common], [plain[seed] for seed in common])
    low, high = test.confidence_interval(0.95)
    mean = sum(own[seed] - plain[seed] for seed in common) / len(common)
    shown = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})".replace("-", "−")
    assert high < -0.05
    assert (task, verdict, seeds) == ("digits (quick setting)", "refuted", str(len(common)))
    assert number == f"digits, latent_filter: recall is kept: {shown}"


def test_writing_twice_changes_nothing(records: Records):
    page = "<!-- from the records: tables gaussian -->\n<!-- end -->\n"
    once = written(page, records)
    assert len(once) > 1_000
    assert written(once, records) == once


def test_a_task_without_records_says_so(records: Records):
    assert "No record of it" in records.text_of("tables ffhq64")


def test_a_sweep_says_where_synthetic_images_do_good(tmp_path: Path, records: Records, monkeypatch):
    assert "No sweep of it" in records.text_of("threshold gaussian")
    points = [
        Point(60, 60, 1.0, 5.0, ratio=1.5, low=1.2, high=1.9, drift=0.001, bound=None),
        Point(60, 600, 1.0, 5.0, ratio=0.9, low=0.7, high=1.1, drift=-0.05, bound=None),
        Point(60, 600, 0.5, 5.0, ratio=0.25, low=0.25, high=0.25, drift=0.0, bound="at most"),
    ]
    alone = [{"n": 15, "fid": 9.0}, {"n": 60, "fid": 4.0}, {"n": 600, "fid": 4.0}]
    sweep = {"seeds": [0, 1, 2], "generations": 8, "n_synthetic": [60, 600]}
    limits = [asdict(Threshold(60, 1.0, 60, 410.2, (0, 512.7)))]
    diagram = {"sweep": sweep, "points": [asdict(point) for point in points], "real_only": alone, "thresholds": limits}
    (tmp_path / "threshold" / "digits").mkdir(parents=True)
    (tmp_path / "threshold" / "digits" / "threshold.json").write_text(json.dumps(diagram))
    monkeypatch.setattr("documents.LEADERBOARD", tmp_path)
    *said, _, _, _, first, second, third, _, limit = records.text_of("threshold digits").strip().splitlines()
    assert said == [
        "3 seeds. Of 3 loops 2 have settled after 8 generations. Synthetic images do good in 1 of them and harm in 1.",
        "Of real images alone, 15 give FID 9.00 and 60 4.00.",
        "More are no better, up to 600: a loop with a lower FID is counted as so many.",
    ]
    assert (first, second, third) == (
        "| 60 | 1 | 60 | 5.00 | 1.50 (1.20 to 1.90) | good |  |",
        "| 60 | 1 | 600 | 5.00 | 0.90 (0.70 to 1.10) |  | not settled: FID moves by -5.0% |",
        "| 60 | 0.5 | 600 | 5.00 | 0.25 (0.25 to 0.25) | harm | at most this |",
    )
    assert limit == (
        "- n_real 60, sampling bias 1: admissible up to n_synthetic 60, the limit is near 410 (95%: below 60 to 513)"
    )


def test_of_the_plan_it_is_said_what_has_no_record(tmp_path: Path, monkeypatch):
    ids = {each.cell.id: each.cell for each in planned_cells("gaussian")}
    here, *_ = sorted(RESULTS.glob("gaussian-*-fresh_data-none-standard-*.json"))
    assert json.loads(here.read_text())["cell_id"] in ids
    shutil.copy(here, tmp_path)
    monkeypatch.setattr("documents.TABLES", ["gaussian"])
    first, *lines = Records(tmp_path).text_of("plan").strip().splitlines()
    assert first == f"- `gaussian`: 1 of {len(ids)} cells."
    assert sum(int(n) for line in lines for n in re.findall(r"` (\d+)", line.partition(":")[2])) == len(ids) - 1
    frozen = sum(cell.slug.startswith("gaussian-gaussian-fresh_data-frozen-") for cell in ids.values())
    (loop,) = (line for line in lines if line.startswith("  - not run of `gaussian-fresh_data`: "))
    assert f"`frozen` {frozen}," in loop


@pytest.mark.parametrize(
    ("what", "line"),
    [
        (
            "tabels digits",
            "choose tables TASK, questions, findings PART, threshold TASK, plan, not run, or ",
        ),
        ("findings nobody", "choose tables TASK"),
        ('{last.fid}; method = "neon", loop = "fresh_data"', "no record of digits"),
        ('{last.fid}; method = "magic"', "no method 'magic'"),
        ("{last.beauty}; ", "beauty"),
        ("{middle.fid}; ", "middle"),
        ("{last.fid}; seed 0", "seed 0"),
    ],
)
def test_a_region_that_cannot_be_written_is_named(what: str, line: str, records: Records):
    with pytest.raises(BadInput) as refused:
        written(f"<!-- from the records: {what} --><!-- end -->", records)
    assert f"from the records: {what}: " in str(refused.value)
    assert line.replace("seed 0", "") in str(refused.value)
