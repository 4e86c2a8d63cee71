"""The downloads: what a program reads there is what the records say."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from bench import paths
from bench.board.download_columns import CELLS, LOOKS, RESULTS, SCORES, Download
from bench.board.results import find_results
from bench.board.site import build_site
from bench.cells.record import Record
from bench.executors.grid import plan_cells

from .html_pages import Site, is_of_committed_site
from .made_up import Results, add_scores, make_record

Rows = list[dict[str, str]]


def read(folder: Path, name: str) -> Rows:
    with (folder / "downloads" / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def typed(text: str) -> Any:
    """Return what a cell of a CSV file stands for."""
    if text in ("", "True", "False"):
        return {"": None, "True": True, "False": False}[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    """Return those that the committed site was built from."""
    found = [result.record for result in find_results(paths.LEADERBOARD / "results") if result.own_space]
    return {record.cell_id: record for record in found if is_of_committed_site(record.cell)}


def test_scores_are_those_of_the_records_to_the_last_bit(committed: Site, records: dict[str, Record]) -> None:
    rows = read(committed.folder, "scores.csv")
    assert len(rows) == sum(1 + len(record.generations) for record in records.values())
    for row in rows:
        record, generation = records[row["cell_id"]], int(row["generation"])
        scores = record.generations[generation - 1].scores if generation else record.score.floor
        assert {name: typed(row[name]) for name in type(scores).model_fields} == scores.model_dump()


def test_costs_are_those_of_the_records(committed: Site, records: dict[str, Record]) -> None:
    for row in read(committed.folder, "scores.csv"):
        if row["generation"] == "0":
            assert {row[name] for name in ("images_trained", "fit_seconds", "peak_memory_bytes")} == {""}
            continue
        cost = records[row["cell_id"]].generations[int(row["generation"]) - 1].cost
        assert int(row["network_evaluations"]) == cost.network_evaluations
        assert float(row["fit_seconds"]) == cost.seconds.fit
        assert int(row["method_state_bytes"]) == cost.method_state_bytes


def test_cells_say_what_each_cell_is(committed: Site, records: dict[str, Record]) -> None:
    rows = read(committed.folder, "cells.csv")
    assert sorted(row["cell_id"] for row in rows) == sorted(records)
    for row in rows:
        cell = records[row["cell_id"]].cell
        assert json.loads(row["params"]) == cell.method.params
        assert (row["method"], row["kind"], int(row["seed"])) == (cell.method.name, cell.loop.kind, cell.seed)
        assert typed(row["contamination"]) == cell.loop.contamination


def test_each_row_of_the_tables_is_a_row_of_the_results(committed: Site) -> None:
    rows = read(committed.folder, "results.csv")
    for place, section in enumerate(committed.tables):
        mine = [row for row in rows if row["table"] == section["id"]]
        expected = [
            (row["method"].replace("_", " "), row["seeds"].split(), [f"cells/{cell[:16]}.html" for cell in cells])
            for row in mine
            for cells in [row["cells"].split()]
        ]
        shown = [
            (row.one("a", "name").text, [link.text.split()[-1] for link in links], [link["href"] for link in links])
            for row in committed.rows(place)
            for links in [row.one("td", "seeds").all("a")]
        ]
        assert shown == expected
    assert len(rows) == sum(len(committed.rows(place)) for place in range(len(committed.tables)))


@pytest.mark.parametrize("download", [CELLS, SCORES, RESULTS, LOOKS], ids=lambda download: download.name)
def test_each_column_has_a_line_and_each_line_a_column(committed: Site, download: Download) -> None:
    with (committed.folder / "downloads" / download.name).open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file))
    assert sorted(name for names, _ in download.columns for name in names) == sorted(columns)


def test_json_has_the_same_rows_as_csv(committed: Site) -> None:
    rows = json.loads((committed.folder / "downloads" / "results.json").read_text("utf-8"))
    as_csv = read(committed.folder, "results.csv")
    assert [list(row) for row in rows] == [list(row) for row in as_csv]
    for row, text in zip(rows, as_csv, strict=True):
        assert {key: "" if value is None else str(value) for key, value in row.items()} == text


def test_a_cell_in_two_feature_spaces_has_rows_in_both(results: Results, out: Path) -> None:
    record = add_scores(make_record(), "inception", (10.0, 20.0, 40.0))
    results.add(record)
    build_site(results.folder, out, plan_cells)
    assert [row["features"] for row in read(out, "cells.csv")] == ["digits_cnn", "inception"]
    fids = {(row["features"], row["generation"]): float(row["fid"]) for row in read(out, "scores.csv")}
    assert fids["digits_cnn", "0"] == 0.5
    assert fids["inception", "0"] == 0.25
    assert fids["inception", "3"] == 40.0
    assert {row["label_agreement"] for row in read(out, "scores.csv") if row["features"] == "inception"} == {""}


def test_what_one_seed_cannot_say_is_empty_and_the_json_has_no_number_that_json_has_not(
    results: Results, out: Path
) -> None:
    results.add(make_record())
    results.add(make_record(method="mine"))
    build_site(results.folder, out, plan_cells)

    def refuse(name: str) -> float:
        raise AssertionError(name)

    rows = json.loads((out / "downloads" / "results.json").read_text(), parse_constant=refuse)
    (row,) = [row for row in rows if row["method"] == "mine"]
    assert row["log_fid_area_difference"] == 0
    assert row["log_fid_area_difference_low"] is None
    assert row["log_fid_trend_high"] is None
    assert math.isclose(row["log_fid_trend"], math.log(4.125 / 1.5) / 2)


def test_downloads_without_records_can_be_read(results: Results, out: Path) -> None:
    build_site(results.folder, out, plan_cells)
    for name in ("cells.csv", "scores.csv", "results.csv"):
        assert read(out, name) == []
    assert json.loads((out / "downloads" / "results.json").read_text()) == []


def test_texts_with_commas_and_quotes_stay_in_their_place(results: Results, out: Path) -> None:
    params = {"text": 'a,"b";c', "list": [1, 2]}
    results.add(make_record(method="mine", params=params))
    build_site(results.folder, out, plan_cells)
    for name in ("cells.csv", "results.csv"):
        (row,) = read(out, name)
        assert json.loads(row["params"]) == params
