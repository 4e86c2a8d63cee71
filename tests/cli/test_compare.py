"""`autophagy compare` prints what bench.board.compare finds."""

import csv
import io
import json

import pytest
from board.made_up import Results, make_record

from bench.cli.main import main


@pytest.fixture
def results(tmp_path):
    folder = Results(tmp_path / "results")
    for method, factor in (("none", 1.0), ("mine", 0.5)):
        for seed in range(3):
            folder.add(make_record(method=method, seed=seed, fids=(2.0, factor * (4 + seed / 10))))
    for seed, factor in enumerate((0.9, 1.1)):
        folder.add(make_record(method="few", seed=seed, fids=(2.0, factor * 4), params={"keep": 0.5}))
    return folder.folder


def test_the_table(results, capsys):
    assert main(["compare", str(results)]) == 0
    out, err = capsys.readouterr()
    title, conditions, reference, heading, mine, few, none = out.splitlines()
    assert title == "digits, smoke tier: fully synthetic, ddpm, 2 generations"
    assert conditions == "digits_cnn features, n = 500, k = 5; real images: FID 0.50, Precision 0.94, Recall 0.94"
    assert reference == "compared with none"
    assert heading.split()[-4:] == ["recall", "cost", "seeds", "rank"]
    # Half the FID in one of two generations, with every seed: a factor of 2 ** -0.5, and an interval without width.
    assert mine.split()[:7] == ["mine", "0.71x", "(0.71", "to", "0.71)", "+0.00", "cures"]
    beside = ["2.05", ".75", "of", ".94", "(80%),", "+0.00", ".62", "of", ".94", "(67%),", "+0.00"]
    assert mine.split()[7:] == [*beside, "1x/1x", "3", "1"]
    assert "fewer than 3 seeds" in few
    assert " ".join(none.split()) == "none the reference 4.10 .75 of .94 (80%) .62 of .94 (67%) 3"
    assert err == ""


def test_what_is_traded_and_what_is_lost_is_said(results, capsys):
    # The verdict needs both figures: half the FID, and a recall that falls in the one later generation.
    for seed in range(3):
        record = make_record(method="narrow", seed=seed, fids=(2.0, 2 + seed / 10))
        last = record.generations[1]
        last = last.model_copy(update={"scores": last.scores.model_copy(update={"recall": 0.1 + seed / 100})})
        made = record.model_copy(update={"generations": (record.generations[0], last)})
        (results / f"narrow{seed}.json").write_text(made.to_json())
    main(["compare", str(results)])
    out = capsys.readouterr().out.splitlines()
    (row,) = [line for line in out if line.startswith("narrow ") and "FID" in line]
    assert "trades recall for FID" in row
    assert out[-1] == "loses diversity: narrow"


def test_lines_fit_a_terminal(results, capsys):
    main(["compare", str(results)])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 140


def test_parameters_are_shown_where_they_set_apart(results, tmp_path, capsys):
    main(["compare", str(results)])
    assert "few:keep" not in capsys.readouterr().out
    other = Results(tmp_path / "other")
    other.add(make_record(method="few", fids=(2.0, 3.0), params={"keep": 0.75}))
    main(["compare", str(results), str(other.folder)])
    out = capsys.readouterr().out
    assert "few:keep=0.5 " in out
    assert "few:keep=0.75 " in out


def test_json_and_csv_have_the_same_rows(results, capsys):
    assert main(["compare", str(results), "--to", "mine", "--json"]) == 0
    as_json = json.loads(capsys.readouterr().out)
    assert main(["compare", str(results), "--to", "mine", "--csv"]) == 0
    as_csv = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in as_json] == as_csv
    assert {row["reference"] for row in as_json} == {"mine"}


def test_notes_go_to_stderr(results, tmp_path, capsys):
    other = Results(tmp_path / "other")
    other.add(make_record(method="mine", kind="fresh_data"))
    assert main(["compare", str(results), str(other.folder), "--csv"]) == 0
    out, err = capsys.readouterr()
    assert err == "autophagy: digits, smoke tier: fresh data, ddpm: left out, none was not run in it\n"
    assert "fresh_data" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere: not a folder: give a runs folder (of `autophagy run`) or one of result files"),
        (
            ["results", "--to", "neon"],
            "--to 'neon': no such method among the results: did you mean none? choose one of few:keep=0.5, mine, none",
        ),
        ([], "runs: not a folder: give a runs folder (of `autophagy run`) or one of result files"),
        (
            ["results", "--csv", "--json"],
            "argument --json: not allowed with argument --csv (see autophagy compare --help)",
        ),
    ],
    ids=["nowhere", "no-reference", "no-runs", "both"],
)  # fmt: skip
def test_what_cannot_be_compared_is_said_in_one_line(results, monkeypatch, capsys, words, said):
    monkeypatch.chdir(results.parent)
    assert main(["compare", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"autophagy: error: {said}\n")


def test_a_note_is_one_line_whatever_a_folder_is_called(results, capsys):
    again = results.rename(results.with_name("a\nb"))
    assert main(["compare", str(again), str(again)]) == 0
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("/a\\nb: 8 of its cells are in an earlier folder too, whose records count")
