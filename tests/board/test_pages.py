"""What the pages say of records that were made up for it."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench import paths
from bench.board.site import build_site
from bench.cells.cell import Cell
from bench.cells.record import Record
from bench.executors.grid import plan_cells
from bench.files.hashing import bytes_sha256, file_sha256

from .html_pages import Element, Site
from .made_up import Results, add_scores, make_record, png

LOOPS = ("fully_synthetic", "synthetic_augmentation", "fresh_data")


def build(results: Results, out: Path, *records: Record) -> Site:
    for record in records:
        results.add(record)
    build_site(results.folder, out, plan_cells)
    return Site(out)


def cell_page(site: Site, record: Record) -> Element:
    return site.pages[f"cells/{record.cell_id[:16]}.html"]


def cell(row: Element, title: str) -> str:
    """Return what a row says in a column."""
    (found,) = [each.text for each in row.all("td") if each.get("data-title") == title]
    return found


def changed(record: Record, **changes: Any) -> Record:
    """Return the record of a cell with other fields."""
    cell = Cell.model_validate(record.cell.model_dump(mode="json") | changes)
    return record.model_copy(update={"cell": cell, "cell_id": cell.id})


def test_cells_that_may_be_compared_share_a_table(results: Results, out: Path) -> None:
    site = build(
        results, out, *(make_record(kind=kind, method=method) for kind in LOOPS for method in ("none", "other"))
    )
    assert len(site.tables) == 1
    assert len(site.rows()) == 6
    assert [heading.text for heading in site.tables[0].all("h3")] == [
        "Fully synthetic", "Synthetic augmentation", "Fresh data",
    ]  # fmt: skip
    assert len(site.charts[0]["tracks"]) == 3


@pytest.mark.parametrize(
    "different",
    [{"tier": "standard"}, {"features": "other"}, {"n": 400}, {"protocol": "finetune"}, {"pinned": False}],
    ids=lambda different: next(iter(different)),
)
def test_what_may_not_be_compared_is_apart(results: Results, out: Path, different: dict[str, Any]) -> None:
    site = build(results, out, make_record(), make_record(**{"seed": 1, **different}))
    assert [len(site.rows(place)) for place in (0, 1)] == [1, 1]
    assert len(site.tables) == len(site.in_folder("compare")) == 2
    # The overview leads to both.
    links = [link["href"] for link in site.index.one("nav", "tables").all("a")]
    assert links == [f"#{table['id']}" for table in site.tables]


def test_a_table_names_its_feature_space_and_network(results: Results, out: Path) -> None:
    site = build(results, out, add_scores(make_record(), "inception", (10.0, 20.0, 40.0)))
    facts = [table.one("ul", "facts").text for table in site.tables]
    assert "scored in digits_cnn cccccccc" in facts[0]
    assert "scored in inception ffffffff" in facts[1]
    assert "500 generated against 500 real images dddddddd" in facts[0]


def test_a_cell_in_two_feature_spaces_has_one_page_with_both(results: Results, out: Path) -> None:
    record = add_scores(make_record(), "inception", (10.0, 20.0, 40.0))
    site = build(results, out, record)
    headings = [heading.text for heading in cell_page(site, record).all("h2")]
    assert headings.index("Scores in digits_cnn") < headings.index("Scores in inception")
    assert "--features inception" in cell_page(site, record).text


def test_cells_with_and_without_further_scores_share_the_table_of_their_own_space(results: Results, out: Path) -> None:
    both = add_scores(make_record(seed=0), "inception", (10.0, 20.0, 40.0))
    site = build(results, out, both, make_record(seed=1))
    rows = [row for place in (0, 1) for row in site.rows(place)]
    seeds = [[link.text.split()[-1] for link in row.one("td", "seeds").all("a")] for row in rows]
    assert seeds == [["0", "1"], ["0"]]


def test_cells_that_differ_in_a_parameter_alone_are_told_apart(results: Results, out: Path) -> None:
    records = [make_record(method="mine", params={"keep": keep}) for keep in (0.25, 0.75)]
    site = build(results, out, *records)
    assert [row.one("th").text.partition(" curves")[0] for row in site.rows()] == ["mine keep=0.25", "mine keep=0.75"]
    assert [line["label"] for line in site.charts[0]["lines"]] == ["mine, keep=0.25", "mine, keep=0.75"]
    for record, keep in zip(records, (0.25, 0.75), strict=True):
        assert f"mine, keep={keep}" in cell_page(site, record).one("h1").text
        assert f":keep={keep} --tier" in cell_page(site, record).text


def test_a_row_says_its_scores_with_their_range_and_change(results: Results, out: Path) -> None:
    site = build(results, out, *(make_record(seed=seed, fids=(1.5, 1000 + fid)) for seed, fid in enumerate((1, 2, 6))))
    ((row,),) = [site.rows()]
    assert cell(row, "FID") == "1,003.00 rises 1,001.00 to 1,006.00 +1,001.50 since G1"
    assert cell(row, "Precision") == "0.75 0.75 to 0.75 80% of real +0.00 since G1"
    assert cell(row, "AuthPct") == "60 real 60"
    assert cell(row, "Coverage") == "0.88"


def test_a_single_seed_has_no_interval(results: Results, out: Path) -> None:
    plain, other = make_record(fids=(2.0, 4.0)), make_record(method="other", fids=(2.0, 2.0))
    ranks = {row.one("a", "name").text: row for row in build(results, out, plain, other).rows()}
    assert cell(ranks["other"], "Rank") == "– fewer than 3 seeds"
    # Half the logarithm of 2 is lost: the ratio is 1 over the square root of 2.
    assert cell(ranks["other"], "FID over the loop") == "0.71× one seed"
    assert cell(ranks["other"], "FID").startswith("2.00 one seed")
    assert cell(ranks["none"], "Rank") == "– the plain loop"
    assert cell(ranks["none"], "FID over the loop") == "1×"


def test_real_images_against_real_images_end_each_table(results: Results, out: Path) -> None:
    site = build(results, out, add_scores(make_record(), "inception", (10.0, 20.0, 40.0), precision=0.5))
    floors = [table.one("tfoot").text for table in site.tables]
    assert floors == [
        "real images against real images 0.50 0.94 0.94",
        "real images against real images 0.25 0.50 0.62",
    ]


def test_a_task_without_labels_has_no_label_agreement(results: Results, out: Path) -> None:
    record = make_record(label_agreement=None)
    site = build(results, out, record)
    assert [metric["key"] for metric in site.charts[0]["metrics"]] == ["fid", "precision", "recall"]
    assert "label agreement" not in cell_page(site, record).text.lower()


def test_curves_are_means_and_ranges_over_seeds(results: Results, out: Path) -> None:
    site = build(results, out, *(make_record(seed=seed, fids=(fid, 2.0)) for seed, fid in enumerate((1.0, 2.0, 6.0))))
    (track,) = site.charts[0]["tracks"]
    (line,) = track["lines"]
    assert line["seeds"] == 3
    assert line["curves"]["fid"] == [[3.0, 1.0, 6.0], [2.0, 2.0, 2.0]]
    assert site.charts[0]["floor"]["fid"] == 0.5


def test_at_first_the_curves_show_the_plain_loop_the_control_and_the_three_best(results: Results, out: Path) -> None:
    for seed in range(3):
        results.add(make_record(seed=seed, fids=(2.0, 100.0 + seed)))
        results.add(
            changed(
                make_record(method="real_only", seed=seed),
                method={"name": "real_only", "sha256": "a" * 64, "control": True},
            )
        )
        for place in range(5):
            results.add(make_record(method=f"method_{place}", seed=seed, fids=(2.0, 50.0 - 10 * place + seed)))
    site = build(results, out)
    first = [line["label"] for line in site.charts[0]["lines"] if line["first"]]
    assert first == ["none", "real_only", "method_4", "method_3", "method_2"]


def test_a_strip_is_shown_on_the_pages_of_its_cell_and_of_the_curves(results: Results, out: Path) -> None:
    record = add_scores(make_record(seed=4), "inception", (10.0, 20.0, 40.0))
    results.add(record, strip=png(30, 20))
    site = build(results, out)
    pages = [cell_page(site, record), *site.in_folder("compare")]
    pictures = [page.one("img") for page in pages]
    assert {picture["src"] for picture in pictures} == {f"../strips/{record.cell_id[:16]}.png"}
    assert {(picture["width"], picture["height"]) for picture in pictures} == {("30", "20")}
    assert len(list((out / "strips").iterdir())) == 1


def test_the_strip_of_an_entry_is_that_of_its_first_seed_that_has_one(results: Results, out: Path) -> None:
    records = [make_record(seed=seed) for seed in range(3)]
    for record in records:
        results.add(record, strip=png() if record.cell.seed else None)
    (page,) = build(results, out).in_folder("compare")
    assert page.one("img")["src"] == f"../strips/{records[1].cell_id[:16]}.png"


def test_the_cell_page_has_every_score_and_cost_of_every_generation(results: Results, out: Path) -> None:
    record = make_record(fids=(1.5, 2.25, 1234.5))
    scores, cost = cell_page(build(results, out, record), record).all("table")
    rows = [[cell.text for cell in row.all() if cell.tag in ("td", "th")] for row in scores.all("tr")]
    assert len(rows[0]) == 1 + sum(value is not None for _, value in record.score.floor)
    assert [row[:2] for row in rows] == [
        ["Generation", "FID"], ["1", "1.500"], ["2", "2.250"], ["3", "1,234"], ["real images", "0.5000"],
    ]  # fmt: skip
    costs = [cell.text for cell in cost.all("tr")[1].all()]
    assert costs == ["1", "1,000", "50", "20", "0 B", "2.0", "1.0", "0.5", "1.05 MB"]


def test_the_cell_page_shows_precision_and_recall_beside_what_real_images_reach(results: Results, out: Path) -> None:
    plain, other = make_record(fids=(1.0, 2.0)), make_record(method="other", fids=(1.0, 2.0))
    beside, scores, _ = cell_page(build(results, out, plain, other), other).all("table")
    for name in ("precision", "recall"):
        reached = other.generations[0].scores.model_dump()[name]
        assert f"{reached:.4f} {100 * reached / 0.9375:.0f}% of real" in scores.text
    ends = {row.all("th")[0].text: row.all("td")[-1].text for row in beside.one("tbody").all("tr")}
    assert (ends["FID"], ends["Precision"], ends["Recall"]) == ("0.5000", "0.9375", "0.9375")


def test_the_cell_page_says_the_trend_and_that_the_cell_is_mad(results: Results, out: Path) -> None:
    rising, level = make_record(fids=(1.0, 2.0, 4.1)), make_record(seed=1, fids=(2.0, 2.0, 2.0))
    site = build(results, out, rising, level)
    assert "FID 2.025× per generation" in cell_page(site, rising).text
    assert [mark.text for mark in cell_page(site, rising).all("span", "mark")] == ["FID rises"]
    assert cell_page(site, level).all("span", "mark") == []


def test_other_data_is_marked(results: Results, out: Path) -> None:
    record = make_record(pinned=False)
    site = build(results, out, record)
    assert "other data" in site.tables[0].one("h2").text
    for page in (site.index, cell_page(site, record), site.in_folder("compare")[0]):
        assert "not the ones that the task pins" in page.one("p", "warning").text
    assert "--data PATH" in cell_page(site, record).text


def test_data_that_the_task_pins_come_first(results: Results, out: Path) -> None:
    others = changed(make_record(pinned=False), task="aardvarks")
    site = build(results, out, others, make_record())
    assert ["other data" in table.one("h2").text for table in site.tables] == [False, True]


@pytest.mark.parametrize(("recalls", "shares"), [((0.0625, 0.075), ["7%"]), ((0.1, 0.09375), [])])
def test_a_loop_with_hardly_any_diversity_to_lose_says_so(
    results: Results, out: Path, recalls: tuple[float, float], shares: list[str]
) -> None:
    for seed, recall in enumerate(recalls):
        record = make_record(seed=seed)
        first, *others = record.generations
        first = first.model_copy(update={"scores": first.scores.model_copy(update={"recall": recall})})
        results.add(record.model_copy(update={"generations": (first, *others)}))
    # Generation 1 of real images beside synthetic ones has the recall of all that are made up.
    site = build(results, out, make_record(kind="fresh_data"))
    warnings = [loop.all("p", "warning") for loop in site.index.all("section", "loop-of")]
    found = [[share for p in of for share in re.findall(r"has (\d+%) of their recall", p.text)] for of in warnings]
    assert found == [shares, []]


def test_an_older_version_of_a_task_keeps_its_own_frozen_table(
    results: Results, out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tasks = shutil.copytree(paths.TASKS, tmp_path / "tasks")
    monkeypatch.setattr("bench.paths.TASKS", tasks)
    file = tasks / "digits.toml"
    text = file.read_text()
    assert "version = 1\n" in text
    file.write_text(text.replace("version = 1\n", "version = 2\n", 1))
    record = make_record()
    site = build(results, out, record, changed(record, task_version=2))
    titles = [table.one("h2").text for table in site.tables]
    assert titles == [
        "Handwritten digits, 8x8, quick setting",
        "Handwritten digits, 8x8, quick setting, version 1",
    ]
    assert [[warning.text[:7] for warning in table.all("p", "warning")] for table in site.tables] == [[], ["Frozen:"]]


def test_an_older_version_of_a_task_in_the_leaderboard_is_frozen_too(results: Results, out: Path) -> None:
    tasks = results.folder.parent / "tasks"
    tasks.mkdir()
    text = (paths.TASKS / "digits.toml").read_text(encoding="utf-8").replace('name = "digits"', 'name = "pets"', 1)
    (tasks / "pets.toml").write_text(text.replace("version = 1\n", "version = 2\n", 1), encoding="utf-8")
    site = build(results, out, changed(make_record(), task="pets"))
    assert "Frozen:" in site.tables[0].one("p", "warning").text


def test_what_a_reader_must_see_is_marked(results: Results, out: Path) -> None:
    contaminated = make_record(kind="synthetic_augmentation", n_real=30, n_synthetic=10, contamination=0.25)
    control = changed(contaminated, method={"name": "mine", "sha256": "a" * 64, "control": True})
    record = make_record(method="other", pool="last:2")
    read = tuple(g.model_copy(update={"score_features_read": True}) for g in record.generations)
    site = build(results, out, control, record.model_copy(update={"generations": read}))
    loops = [heading.text for heading in site.index.all("h3")]
    assert loops == ["Fully synthetic", "Synthetic augmentation, contaminated 0.25"]
    rows = site.rows()
    marks = {row.one("a", "name").text: [mark.text for mark in row.one("th").all("span", "mark")] for row in rows}
    assert marks == {"mine": ["control"], "other": ["pool last:2", "reads the score's features"]}


def test_what_needs_no_mark_has_none(results: Results, out: Path) -> None:
    (row,) = build(results, out, make_record(method="mine")).rows()
    assert row.all("span", "mark") == []
    assert "contaminat" not in row.text


def test_a_generator_from_a_file_is_marked_and_leads_to_its_source(results: Results, out: Path) -> None:
    source = '"""A <b>flow</b>.\n\nMore of it."""\n'
    leaderboard = results.folder.parent
    for name in ("questions", "generators"):
        (leaderboard / name).mkdir(exist_ok=True)
    (leaderboard / "generators" / "flow.py").write_text(source)
    sha256 = bytes_sha256(source.encode())
    here = changed(make_record(), generator={"name": "flow", "params": {"width": 8}, "sha256": sha256})
    gone = changed(make_record(seed=1), generator={"name": "flow", "params": {}, "sha256": "f" * 64})
    site = build(results, out, make_record(), here, gone)
    marks = [row.one("th").all("a", "mark") for row in site.rows()]
    assert sorted(len(found) for found in marks) == [0, 1, 1]
    addresses = [found[0]["href"] for found in marks if found]
    assert sorted(addresses) == sorted([f"generators/flow-{sha256[:8]}.html", "generators/flow-ffffffff.html"])
    page = site.pages[f"generators/flow-{sha256[:8]}.html"]
    assert page.one("pre", "source").text.split() == source.split()
    assert "A <b>flow</b>." in page.text
    assert "width=8" in page.text
    assert "is not in the repository" in site.pages["generators/flow-ffffffff.html"].one("p", "warning").text
    assert "--generator leaderboard/generators/flow.py:width=8" in cell_page(site, here).text
    assert "--generator PATH/flow.py" in cell_page(site, gone).text


def test_a_method_page_has_its_description_source_and_rows(results: Results, out: Path) -> None:
    source = '"""Keeps <b>all</b> & more.\n\nThe second paragraph."""\nx = "</code><script>alert(1)</script>"\n'
    leaderboard = results.folder.parent
    for name in ("questions", "methods"):
        (leaderboard / name).mkdir()
    file = leaderboard / "methods" / "mine.py"
    file.write_text(source)
    record = changed(make_record(), method={"name": "mine", "sha256": file_sha256(file)})
    site = build(results, out, record)
    (page,) = site.in_folder("methods")
    assert [p.text for p in page.one("div", "description").all("p")] == [
        "Keeps <b>all</b> & more.",
        "The second paragraph.",
    ]
    assert "".join(map(str, page.one("pre", "source").one("code").children)) == source
    assert len(page.one("tbody").all("tr")) == 1
    assert "Keeps <b>all</b> & more." in site.pages["methods.html"].text
    assert "--method leaderboard/methods/mine.py --tier" in cell_page(site, record).text


def test_a_method_whose_file_is_not_here_says_so(results: Results, out: Path) -> None:
    site = build(results, out, make_record(method="mine"))
    (page,) = site.in_folder("methods")
    assert "not in the repository" in page.one("p", "warning").text
    assert page.all("pre") == []
    assert "its file is not in the repository" in site.pages["methods.html"].text


def test_two_files_of_one_name_have_a_page_each(results: Results, out: Path) -> None:
    first = make_record(method="mine")
    second = changed(make_record(method="mine", seed=1), method={"name": "mine", "sha256": "9" * 64})
    site = build(results, out, first, second)
    assert len(site.in_folder("methods")) == len(site.rows()) == 2
    links = {row.one("a", "name")["href"] for row in site.rows()}
    assert links == {"methods/mine-aaaaaaaa.html", "methods/mine-99999999.html"}


def test_the_list_of_methods_says_what_each_does_in_each_loop(results: Results, out: Path) -> None:
    for seed in range(3):
        results.add(make_record(seed=seed, fids=(2.0, 20.0 + seed)))
        results.add(make_record(method="better", seed=seed, fids=(2.0, (20.0 + seed) / 4)))
        results.add(make_record(kind="fresh_data", seed=seed, fids=(2.0, 20.0 + seed)))
        results.add(make_record(kind="fresh_data", method="better", seed=seed, fids=(2.0, (20.0 + seed) * 9)))
        results.add(make_record(kind="fresh_data", method="same", seed=seed, fids=(2.0, 20.0 + (1 - seed))))
    table = build(results, out).pages["methods.html"].one("table")
    assert [heading.text for heading in table.one("thead").all("th")] == [
        "Method", "fully synthetic", "fresh data", "What it does",
    ]  # fmt: skip
    rows = {
        row.one("th").one("a").text: [
            (cell.one("b", "word").text, cell.all("small")[0].text.partition(",")[0])
            for cell in row.all("td")
            if cell.all("b", "word")
        ]
        for row in table.one("tbody").all("tr")
    }
    # The ratio is the square root of that of the second of the two generations.
    assert rows == {
        "better": [("helps", "FID 0.50×"), ("hurts", "FID 3.00×")],
        "same": [("no difference shown", "FID 0.98×")],
    }
    assert [cell.text for cell in table.all("td", "not-run")] == ["not run"]
