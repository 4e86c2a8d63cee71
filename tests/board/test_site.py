"""Building the site: what is read, written and left alone, and that the same records give the same bytes."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bench.board.pages import SITE
from bench.board.site import build_site
from bench.errors import BadInput
from bench.executors.grid import plan_cells
from bench.files.hashing import file_sha256

from .html_pages import Site
from .made_up import Results, add_scores, make_record, png

BUILD = """
import sys
from pathlib import Path
from bench.board.site import build_site
from bench.executors.grid import plan_cells
build_site(*map(Path, sys.argv[1:]), plan_cells)
"""


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_returns_the_number_of_records(results: Results, out: Path) -> None:
    results.add(add_scores(make_record(seed=0), "inception", (10.0, 20.0, 40.0)))
    results.add(make_record(seed=1))
    assert build_site(results.folder, out, plan_cells) == 2


def test_reads_a_runs_folder(tmp_path: Path, out: Path) -> None:
    record = make_record()
    cell = tmp_path / "runs" / "cells" / record.cell.slug
    cell.mkdir(parents=True)
    (cell / "record.json").write_text(record.to_json())
    (cell / "strip.png").write_bytes(png())
    (cell / "samples.png").write_bytes(png(40, 20))
    (cell / "state.json").write_text("not a record")
    assert build_site(tmp_path / "runs", out, plan_cells) == 1
    assert (out / "strips" / f"{record.cell_id[:16]}.png").read_bytes() == png()
    assert (out / "samples" / f"{record.cell_id[:16]}.png").read_bytes() == png(40, 20)


def test_no_records_is_said_with_what_to_do(results: Results, out: Path) -> None:
    assert build_site(results.folder, out, plan_cells) == 0
    index = Site(out).index
    assert "No results yet" in index.text
    assert "autophagy run --task digits" in index.one("code").text


def test_no_records_do_not_take_the_place_of_a_page_that_is_there(results: Results, out: Path, tmp_path: Path) -> None:
    results.add(make_record())
    build_site(results.folder, out, plan_cells)
    before = (out / "index.html").read_bytes()
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"empty: no records in it, and the page in .* stays as it is"):
        build_site(tmp_path / "empty", out, plan_cells)
    assert (out / "index.html").read_bytes() == before


@pytest.mark.parametrize("name", ["._x.json", ".ipynb_checkpoints/x-checkpoint.json", "@eaDir/x.json"])
def test_what_systems_put_beside_records_is_no_record(results: Results, out: Path, name: str) -> None:
    results.add(make_record())
    (results.folder / name).parent.mkdir(exist_ok=True)
    (results.folder / name).write_bytes(b"\0\5\x16\7no record")
    assert build_site(results.folder, out, plan_cells) == 1


def test_there_is_a_page_for_each_table_method_and_cell(results: Results, out: Path) -> None:
    records = [make_record(method=method, seed=seed) for method in ("none", "mine") for seed in (0, 1)]
    records.append(make_record(tier="standard"))
    for record in records:
        results.add(record)
    build_site(results.folder, out, plan_cells)
    site = Site(out)
    assert len(site.in_folder("compare")) == 2
    assert len(site.in_folder("methods")) == 2
    assert {path.stem for path in (out / "cells").iterdir()} == {record.cell_id[:16] for record in records}


def test_records_are_copied_as_they_were_submitted(results: Results, out: Path) -> None:
    record = make_record()
    path = results.add(record)
    build_site(results.folder, out, plan_cells)
    assert files(out / "records") == {f"{record.cell_id[:16]}.json": path.read_bytes()}


@pytest.mark.slow  # two whole sites, one in a process of its own
def test_same_records_give_the_same_bytes_elsewhere_later_and_in_another_time_zone(
    results: Results, tmp_path: Path
) -> None:
    for method in ("none", "mine", "other"):
        for seed in range(4):
            record = make_record(method=method, seed=seed, fids=(1.5, 2.0 + seed, 3.0 + len(method) * seed))
            results.add(add_scores(record, "inception", (10.0, 20.0, 40.0 + seed)), strip=png())
    moved = tmp_path / "elsewhere" / "results"
    # In another order, with other times.
    moved.mkdir(parents=True)
    for path in sorted(results.folder.rglob("*.*"), reverse=True):
        shutil.copyfile(path, moved / path.name)
        os.utime(moved / path.name, (0, 0))
    # The first in this process, with hashes of its own; the second in one that differs in all that it can.
    build_site(results.folder, tmp_path / "first", plan_cells)
    environment = os.environ | {"TZ": "America/St_Johns", "PYTHONHASHSEED": "2", "LC_ALL": "C"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-c", BUILD, moved, tmp_path / "second"]
    subprocess.run(command, check=True, env=environment, cwd=moved)
    built = [files(tmp_path / "first"), files(tmp_path / "second")]
    assert built[0].keys() == built[1].keys()
    assert [name for name in built[0] if built[0][name] != built[1][name]] == []


def test_a_second_build_over_the_first_changes_nothing(results: Results, out: Path) -> None:
    results.add(make_record(), strip=png())
    build_site(results.folder, out, plan_cells)
    first = files(out)
    build_site(results.folder, out, plan_cells)
    assert files(out) == first


def test_files_that_have_not_changed_are_not_written_again(results: Results, out: Path) -> None:
    record = make_record()
    results.add(record)
    build_site(results.folder, out, plan_cells)
    for path in out.rglob("*"):
        os.utime(path, (0, 0))
    results.add(make_record(method="other"))
    build_site(results.folder, out, plan_cells)
    same = [f"cells/{record.cell_id[:16]}.html", f"records/{record.cell_id[:16]}.json", "vendor/d3.min.js"]
    assert [(out / name).stat().st_mtime for name in same] == [0, 0, 0]
    assert (out / "methods.html").stat().st_mtime > 0


def test_no_file_names_a_folder_of_the_machine(committed: Site) -> None:
    own = [str(committed.folder.parent), str(SITE.parents[1])]
    texts = files(committed.folder)
    assert [(name, path) for name, text in texts.items() for path in own if path.encode() in text] == []


def test_what_an_earlier_build_made_goes_with_its_record(results: Results, out: Path) -> None:
    results.add(make_record(), strip=png())
    gone = results.add(make_record(method="other", tier="standard"), strip=png(), sheet=png(40, 20))
    build_site(results.folder, out, plan_cells)
    with_both = set(files(out))
    gone.unlink()
    build_site(results.folder, out, plan_cells)
    removed = sorted(name.split("/")[0] for name in with_both - set(files(out)))
    assert removed == ["cells", "compare", "methods", "records", "samples", "strips"]


def test_what_the_build_did_not_make_is_left_alone(results: Results, out: Path) -> None:
    results.add(make_record())
    mine = [
        out / "notes.html",
        *(out / folder / "mine.html" for folder in ("cells", "methods", "compare", "strips", "samples")),
    ]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    build_site(results.folder, out, plan_cells)
    assert {path.read_text() for path in mine} == {"mine"}


def test_edited_record_is_refused_by_name(results: Results, out: Path) -> None:
    path = results.add(make_record())
    path.write_text(path.read_text().replace('"fid":4.125', '"fid":0.125'))
    with pytest.raises(BadInput, match=re.escape(f"{path}: its sha256 does not fit")):
        build_site(results.folder, out, plan_cells)
    assert not out.exists()


def test_two_records_of_one_cell_are_refused(results: Results, out: Path) -> None:
    path = results.add(make_record())
    shutil.copy(path, results.folder / "copy.json")
    with pytest.raises(BadInput, match="same cell"):
        build_site(results.folder, out, plan_cells)


def test_strip_that_is_no_picture_is_refused(results: Results, out: Path) -> None:
    results.add(make_record(), strip=b"<svg onload=alert(1)>")
    with pytest.raises(BadInput, match="not a PNG"):
        build_site(results.folder, out, plan_cells)


def test_results_must_be_a_folder(tmp_path: Path, out: Path) -> None:
    with pytest.raises(BadInput, match="not a folder"):
        build_site(tmp_path / "missing", out, plan_cells)


def test_out_must_be_writable(results: Results, out: Path) -> None:
    out.write_text("a file stands in the way")
    with pytest.raises(BadInput, match="cannot"):
        build_site(results.folder, out, plan_cells)


def test_a_build_that_cannot_finish_leaves_the_front_page_as_it_was(results: Results, out: Path) -> None:
    results.add(make_record())
    build_site(results.folder, out, plan_cells)
    before = (out / "index.html").read_bytes()
    record = make_record(seed=1)
    results.add(record)
    (out / "cells" / f"{record.cell_id[:16]}.html").mkdir()
    with pytest.raises(BadInput, match="cannot be written"):
        build_site(results.folder, out, plan_cells)
    assert (out / "index.html").read_bytes() == before


def test_vendored_files_are_the_declared_ones() -> None:
    declared = tomllib.loads((SITE / "vendor" / "vendor.toml").read_text())["package"]
    hashes = {name: digest for package in declared for name, digest in package["sha256"].items()}
    found = {path.name: file_sha256(path) for path in (SITE / "vendor").iterdir() if path.name != "vendor.toml"}
    assert found == hashes


def test_a_site_inside_of_the_results_is_refused(results: Results) -> None:
    results.add(make_record())
    with pytest.raises(BadInput, match="lies in"):
        build_site(results.folder, results.folder / "site", plan_cells)
    assert not (results.folder / "site").exists()
