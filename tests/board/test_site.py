"""The static results page: what it shows and what it keeps apart."""

import json
import re
import shutil
import struct
import subprocess
import tomllib
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from bench.board.page import SITE

from bench.board.site import build_site
from bench.cell import Cell
from bench.errors import BadInput
from bench.hashing import file_sha256

from .made_up import Results, add_scores, make_record

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Page(HTMLParser):
    """What a browser would make of the page: its elements, its text, and the data in its JSON block."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.data: list[dict[str, Any]] = []
        self.feed((folder / "index.html").read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        if tag == "script" and attributes.get("id") == "chart-data" and data.strip():
            self.data = json.loads(data)
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def with_class(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.elements if name in (attributes.get("class") or "").split()]

    def tags(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """An empty folder of result files."""
    return Results(tmp_path / "results")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def build(results: Results, out: Path) -> Page:
    build_site(results.folder, out)
    return Page(out)


def png(width: int = 3, height: int = 2) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_returns_the_number_of_records(results: Results, out: Path) -> None:
    results.add(make_record(seed=0))
    results.add(make_record(seed=1))
    assert build_site(results.folder, out) == 2


def test_cells_that_may_be_compared_share_a_section(results: Results, out: Path) -> None:
    for kind in ("fully_synthetic", "synthetic_augmentation", "fresh_data"):
        for method in ("none", "other"):
            results.add(make_record(kind=kind, method=method))
    page = build(results, out)
    assert len(page.with_class("results")) == len(page.data) == 1
    assert len(page.data[0]["series"]) == 6


@pytest.mark.parametrize(
    "different",
    [{"tier": "standard"}, {"features": "other"}, {"n": 400}, {"protocol": "finetune"}, {"pinned": False}],
    ids=lambda different: next(iter(different)),
)
def test_what_may_not_be_compared_is_apart(results: Results, out: Path, different: dict[str, Any]) -> None:
    results.add(make_record())
    results.add(make_record(**{"seed": 1, **different}))
    page = build(results, out)
    assert len(page.with_class("results")) == len(page.tags("tfoot")) == len(page.data) == 2


def test_a_cell_in_two_feature_spaces_is_one_record_in_two_sections(results: Results, out: Path) -> None:
    results.add(add_scores(make_record(), "inception", (10.0, 20.0, 40.0)))
    assert build_site(results.folder, out) == 1
    page = Page(out)
    assert len(page.with_class("results")) == len(page.tags("tfoot")) == 2
    fids = [[point["fid"]["mean"] for point in section["series"][0]["points"]] for section in page.data]
    assert fids == [[1.5, 2.25, 4.125], [10, 20, 40]]
    assert [section["floor"]["fid"] for section in page.data] == [0.5, 0.25]


def test_a_section_names_its_feature_space_and_network(results: Results, out: Path) -> None:
    results.add(add_scores(make_record(), "inception", (10.0, 20.0, 40.0)))
    text = build(results, out).text
    assert "scored in digits_cnn cccccccc" in text
    assert "scored in inception ffffffff" in text


def test_cells_with_and_without_further_scores_share_the_section_of_their_own_space(
    results: Results, out: Path
) -> None:
    results.add(add_scores(make_record(seed=0), "inception", (10.0, 20.0, 40.0)))
    results.add(make_record(seed=1))
    seeds = {section["id"]: section["series"][0]["seeds"] for section in build(results, out).data}
    assert sorted(seeds.values()) == [[0], [0, 1]]


def test_cells_that_differ_in_a_parameter_alone_are_told_apart(results: Results, out: Path) -> None:
    for keep in (0.25, 0.75):
        results.add(make_record(method="mine", params={"keep": keep}))
    page = build(results, out)
    for keep in (0.25, 0.75):
        # In the table, the legend of the cell and the command that runs it.
        assert page.text.count(f"keep={keep}") >= 3
        assert f"--method mine:keep={keep} --tier" in page.text


def test_a_space_without_a_classifier_has_no_label_agreement(results: Results, out: Path) -> None:
    results.add(add_scores(make_record(), "inception", (10.0, 20.0, 40.0)))
    own, further = ([metric["key"] for metric in section["metrics"]] for section in build(results, out).data)
    assert own == ["fid", "precision", "recall", "label_agreement"]
    assert further == ["fid", "precision", "recall"]


def test_a_strip_is_copied_once_and_shown_in_every_space(results: Results, out: Path) -> None:
    record = add_scores(make_record(), "inception", (10.0, 20.0, 40.0))
    results.add(record, strip=png())
    page = build(results, out)
    assert [image["src"] for image in page.tags("img")] == [f"strips/{record.cell_id[:16]}.png"] * 2
    assert len(list((out / "strips").iterdir())) == 1


def test_other_data_is_marked(results: Results, out: Path) -> None:
    results.add(make_record(pinned=False))
    page = build(results, out)
    assert page.with_class("warning")
    assert "--data PATH" in page.text


def test_one_seed_is_drawn_as_it_was_measured(results: Results, out: Path) -> None:
    record = make_record(fids=(1.1, 2.3, 1e-9))
    results.add(record)
    (section,) = build(results, out).data
    (series,) = section["series"]
    shown = {"fid", "precision", "recall", "label_agreement"}
    for point, generation in zip(series["points"], record.generations, strict=True):
        assert point["generation"] == generation.generation
        for name in shown:
            value = getattr(generation.scores, name)
            assert point[name] == {"mean": value, "low": value, "high": value}
    assert section["floor"] == record.score.floor.model_dump(include=shown)


def test_seeds_of_a_series_become_their_mean_and_range(results: Results, out: Path) -> None:
    for seed, fid in enumerate((1.0, 2.0, 6.0)):
        results.add(make_record(seed=seed, fids=(fid,)))
    ((series,),) = (section["series"] for section in build(results, out).data)
    assert series["seeds"] == [0, 1, 2]
    assert series["points"][0]["fid"] == {"mean": 3.0, "low": 1.0, "high": 6.0}


def test_table_has_a_row_for_each_cell_with_its_numbers(results: Results, out: Path) -> None:
    results.add(make_record(seed=7, fids=(1.5, 1234.5)))
    page = build(results, out)
    assert "7 2 1.500 → 1,234.500 0.750 → 0.750 0.625 → 0.625 0.875 → 0.875 2,000 7.0 details" in page.text
    assert "real images against real images 0.500 0.938 0.938 0.875" in page.text


def test_lines_are_named_after_what_sets_them_apart(results: Results, out: Path) -> None:
    results.add(make_record())
    results.add(make_record(method="other", sampling_bias=0.5))
    results.add(make_record(kind="fresh_data"))
    results.add(make_record(kind="fresh_data", n_real=10, pool="last:3"))
    (section,) = build(results, out).data
    assert [series["label"] for series in section["series"]] == [
        "fully synthetic",
        "fully synthetic, other, sampling bias 0.5",
        "fresh data, n_real 20",
        "fresh data, pool last:3, n_real 10",
    ]


def test_no_two_lines_of_a_section_look_alike(results: Results, out: Path) -> None:
    for number in range(10):
        results.add(make_record(method=f"m{number}"))
    (section,) = build(results, out).data
    assert Counter((s["colour"], s["dash"]) for s in section["series"]).most_common(1)[0][1] == 1


def test_a_task_without_labels_has_no_label_agreement(results: Results, out: Path) -> None:
    results.add(make_record(label_agreement=None))
    page = build(results, out)
    assert [metric["key"] for metric in page.data[0]["metrics"]] == ["fid", "precision", "recall"]
    assert "Label agreement" not in page.text


def test_command_reproduces_the_cell(results: Results, out: Path) -> None:
    results.add(make_record(kind="fresh_data", seed=3, pool="last:2", sampling_bias=0.5))
    command = (
        "autophagy run --task digits --generator ddpm --loop fresh_data --method none --tier smoke --seeds 3 "
        "--pool last:2 --sampling-bias 0.5 --generations 3 --n-real 20 --n-synthetic 20 --n-initial 30 "
        "--protocol scratch"
    )
    assert command in build(results, out).text


def test_command_of_the_fully_synthetic_loop_has_no_n_real(results: Results, out: Path) -> None:
    results.add(make_record())
    assert "--n-real" not in build(results, out).text


def test_same_records_give_the_same_bytes(results: Results, tmp_path: Path) -> None:
    for seed in range(3):
        results.add(make_record(seed=seed), strip=png())
    moved = tmp_path / "elsewhere"
    shutil.copytree(results.folder, moved)
    pages = []
    for source, target in ((results.folder, tmp_path / "first"), (moved, tmp_path / "second")):
        build_site(source, target)
        pages.append({p.relative_to(target): p.read_bytes() for p in target.rglob("*") if p.is_file()})
    assert pages[0] == pages[1]
    assert str(tmp_path) not in pages[0][Path("index.html")].decode()


def test_strip_is_copied_and_described(results: Results, out: Path) -> None:
    record = make_record(seed=4)
    results.add(record, strip=png(30, 20))
    (image,) = build(results, out).tags("img")
    assert image["src"] == f"strips/{record.cell_id[:16]}.png"
    assert (out / image["src"]).read_bytes() == png(30, 20)
    assert (image["width"], image["height"]) == ("30", "20")
    assert "fully synthetic, seed 4" in (image["alt"] or "")


def test_strip_of_a_cell_that_is_gone_goes_too(results: Results, out: Path) -> None:
    path = results.add(make_record(), strip=png())
    build_site(results.folder, out)
    path.unlink()
    (out / "strips" / "mine.png").write_bytes(png())
    build_site(results.folder, out)
    assert [strip.name for strip in (out / "strips").iterdir()] == ["mine.png"]


def test_reads_a_runs_folder(tmp_path: Path, out: Path) -> None:
    record = make_record()
    cell = tmp_path / "runs" / "cells" / record.cell.slug
    cell.mkdir(parents=True)
    (cell / "record.json").write_text(record.to_json())
    (cell / "strip.png").write_bytes(png())
    (cell / "state.json").write_text("not a record")
    assert build_site(tmp_path / "runs", out) == 1
    assert len(Page(out).tags("img")) == 1


def test_no_records_is_said_with_what_to_do(results: Results, out: Path) -> None:
    assert build_site(results.folder, out) == 0
    page = Page(out)
    assert "No results yet" in page.text
    assert "autophagy run --task digits" in page.text


def test_edited_record_is_refused_by_name(results: Results, out: Path) -> None:
    path = results.add(make_record())
    path.write_text(path.read_text().replace('"fid": 4.125', '"fid": 0.125'))
    with pytest.raises(BadInput, match=re.escape(f"{path}: its sha256 does not fit")):
        build_site(results.folder, out)
    assert not out.exists()


def test_two_records_of_one_cell_are_refused(results: Results, out: Path) -> None:
    path = results.add(make_record())
    shutil.copy(path, results.folder / "copy.json")
    with pytest.raises(BadInput, match="same cell"):
        build_site(results.folder, out)


def test_strip_that_is_no_picture_is_refused(results: Results, out: Path) -> None:
    results.add(make_record(), strip=b"<svg onload=alert(1)>")
    with pytest.raises(BadInput, match="not a PNG"):
        build_site(results.folder, out)


def test_results_must_be_a_folder(tmp_path: Path, out: Path) -> None:
    with pytest.raises(BadInput, match="not a folder"):
        build_site(tmp_path / "missing", out)


def test_out_must_be_writable(results: Results, out: Path) -> None:
    out.write_text("a file stands in the way")
    with pytest.raises(BadInput, match="cannot be written"):
        build_site(results.folder, out)


def test_everything_that_is_loaded_comes_with_the_page(results: Results, out: Path) -> None:
    results.add(make_record(), strip=png())
    page = build(results, out)
    loaded = [a["src"] for tag in ("script", "img") for a in page.tags(tag) if "src" in a]
    loaded += [a["href"] for a in page.tags("link") if a["href"] != "data:,"]
    assert len(loaded) == 5
    assert all((out / (path or "missing")).is_file() for path in loaded)
    assert not re.search(r"url\(|@import", (out / "assets" / "board.css").read_text())


def assert_links_lead_somewhere(page: Page, n_targets: int) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {(a["href"] or "").removeprefix("#") for a in page.tags("a") if (a["href"] or "").startswith("#")}
    assert len(targets) == n_targets
    assert targets <= set(ids)


def test_links_inside_the_page_lead_somewhere(results: Results, out: Path) -> None:
    results.add(make_record(seed=0))
    results.add(make_record(seed=1, tier="paper"))
    assert_links_lead_somewhere(build(results, out), n_targets=4)


def test_links_lead_to_a_cell_in_the_same_feature_space(results: Results, out: Path) -> None:
    for seed in (0, 1):
        record = add_scores(make_record(seed=seed), "inception", (10.0, 20.0, 40.0))
        results.add(add_scores(record, "pixels", (3.0, 2.0, 1.0)))
    assert_links_lead_somewhere(build(results, out), n_targets=3 + 2 * 3)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
@pytest.mark.parametrize("generations", [1, 3, 30])
def test_browser_draws_every_curve(results: Results, out: Path, tmp_path: Path, generations: int) -> None:
    for seed in (0, 1):
        results.add(make_record(seed=seed, fids=(1.5,) * generations))
    build_site(results.folder, out)
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    shown = subprocess.run(
        [str(CHROMIUM), *options, "--virtual-time-budget=2000", "--dump-dom", (out / "index.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert len(re.findall(r'<svg [^>]*aria-label="[\w ]+ against generation"', shown.stdout)) == 4


def test_vendored_files_are_the_declared_ones() -> None:
    declared = tomllib.loads((SITE / "vendor" / "vendor.toml").read_text())["package"]
    hashes = {name: digest for package in declared for name, digest in package["sha256"].items()}
    found = {path.name: file_sha256(path) for path in (SITE / "vendor").iterdir() if path.name != "vendor.toml"}
    assert found == hashes


def shown(page: Page) -> list[str]:
    return [a["aria-pressed"] for a in page.tags("button") if "aria-pressed" in a]


def test_of_many_lines_the_charts_show_the_plain_loop_and_the_control_at_first(results: Results, out: Path) -> None:
    for name in ("none", "real_only", *(f"method_{i}" for i in range(6))):
        results.add(make_record(method=name))
    assert shown(build(results, out)) == ["true"] * 8
    for i in range(6, 9):
        results.add(make_record(method=f"method_{i}"))
    # The plain loop comes first, the others in the order of the alphabet.
    assert shown(build(results, out)) == ["true", *["false"] * 9, "true"]


def test_of_many_lines_without_a_plain_loop_the_first_are_shown(results: Results, out: Path) -> None:
    for i in range(12):
        results.add(make_record(method=f"method_{i:02}"))
    assert shown(build(results, out)) == ["true"] * 9 + ["false"] * 3


def test_controls_contamination_and_methods_that_read_the_scores_features_are_marked(
    results: Results, out: Path
) -> None:
    record = make_record(kind="synthetic_augmentation", n_real=30, n_synthetic=10)
    fields = record.cell.model_dump(mode="json")
    fields["loop"]["contamination"], fields["method"]["control"] = 0.25, True
    cell = Cell.model_validate(fields)
    marked = tuple(g.model_copy(update={"score_features_read": True}) for g in record.generations)
    results.add(record.model_copy(update={"cell": cell, "cell_id": cell.id, "generations": marked}))
    text = build(results, out).text
    words = ("control", "reads the score's features", "contaminated 0.25", "--contamination 0.25")
    assert [each for each in words if each not in text] == []


def test_a_plain_record_carries_none_of_these_marks(results: Results, out: Path) -> None:
    results.add(make_record())
    page = build(results, out)
    assert page.with_class("mark") == []
    assert "contaminat" not in page.text
