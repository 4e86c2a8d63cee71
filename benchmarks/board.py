"""The board of many records: the time to build it, its size, and how fast the overview answers in a browser.

    python benchmarks/board.py
    python benchmarks/board.py --records 1000 --tables 1

The records are made up from a committed one: methods with three seeds in the three loops, the plain loop among them,
ten generations with scores of their own, and hashes that are right. With one table every row is compared with every
other, which is the most work; with more, the records are spread over tasks, tiers and protocols.

What is timed is `autophagy board` in this process, stage by stage, into an empty folder, in seconds of the processor;
and, where playwright and Chromium are there, what a reader waits for: from the address to a page that has been drawn,
for the largest page of each kind, then a click on a heading and a search, from the event to the end of the frame that
shows its effect. Sizes are of pages packed by gzip, as a server sends them.
"""

import argparse
import gzip
import itertools
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from bench.board import site
from bench.cells.cell import Cell
from bench.cells.loops import LOOP_KINDS
from bench.cells.record import GenerationResult, Record, read_record
from bench.cells.retraining import Retrained, TrainedOn
from bench.cells.task import TIERS, task_names
from bench.executors.grid import plan_cells
from bench.paths import LEADERBOARD

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

SEEDS = 3
GENERATIONS = 10
STAGES = {
    "find_results": "read the records",
    "build_board": "statistics",
    "decide_all": "questions",
    "_texts": "pages and downloads",
    "_write": "write",
}
OPENED = 3  # times; the median is printed
DRAWN = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
# What is done to the form that all rows of a page share, and to the heading of its first loop.
ACTIONS = {
    "sort by FID": ("section.loop-of button[data-sort=fid]", "click"),
    "the other way round": ("section.loop-of button[data-sort=fid]", "click"),
    "search, first letter": ("form.filters input[name=find]", "m"),
    "search, one method": ("form.filters input[name=find]", "method 0007"),
    "show all": ("form.filters button.reset", "click"),
}
# From an event to the end of the frame that shows what it did, in milliseconds.
RESPONSE = """([selector, act]) => new Promise(done => {
  const element = document.querySelector(selector), start = performance.now();
  if (act === "click") element.click();
  else { element.value = act; element.dispatchEvent(new Event("input", {bubbles: true})); }
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})"""


def made_up_records(number: int, tables: int) -> Iterator[Record]:
    """Yield records, those of a table one after another."""
    (example,) = (LEADERBOARD / "results").glob("digits-ddpm-fully_synthetic-none-smoke-seed0-*.json")
    template = read_record(example)
    places = list(
        itertools.product(("scratch", "finetune"), TIERS, [name for name in task_names() if name != "gaussian"])
    )
    for table, (protocol, tier, task) in enumerate(places[:tables]):
        share = number // tables + (table < number % tables)
        random = np.random.default_rng(table)
        for place in range(share):
            (entry, seed) = divmod(place, SEEDS)
            (method, kind) = divmod(entry, len(LOOP_KINDS))
            yield made_up(template, task, tier, protocol, LOOP_KINDS[kind], method, seed, random)


def made_up(
    template: Record,
    task: str,
    tier: str,
    protocol: str,
    kind: str,
    method: int,
    seed: int,
    random: np.random.Generator,
) -> Record:
    loop = {"kind": kind, "generations": GENERATIONS, "protocol": protocol}
    loop |= {"n_real": 0 if kind == "fully_synthetic" else 300, "n_synthetic": 300, "n_initial": 500}
    # Two methods of three come in several variants, as real ones do.
    identity = {"name": f"method_{method // 3:04}", "params": {"strength": method % 3 / 2, "candidates": 4}}
    identity |= {"sha256": f"{method // 3:064x}"}
    if method == 0:
        identity = template.cell.method.model_dump()
    fields = template.cell.model_dump(mode="json")
    fields |= {"task": task, "tier": tier, "seed": seed, "method": identity, "loop": fields["loop"] | loop}
    cell = Cell.model_validate(fields)
    decline = random.normal(1.2, 0.1)
    generations = [made_up_generation(template, t, decline, random) for t in range(1, GENERATIONS + 1)]
    made = {"cell": cell, "cell_id": cell.id, "generations": tuple(generations), "uses": ()}
    return template.model_copy(update=made)


def made_up_generation(template: Record, t: int, decline: float, random: np.random.Generator) -> GenerationResult:
    known = template.generations[min(t, len(template.generations)) - 1]
    scores = {
        "fid": 4 * decline**t * random.lognormal(0, 0.05),
        "precision": random.uniform(0.5, 0.9),
        "recall": random.uniform(0.1, 0.8),
        "label_agreement": random.uniform(0.6, 1),
    }
    trained = Retrained(kind="from scratch", share=1.0, on=TrainedOn(real=0, synthetic=300))
    update = {"generation": t, "scores": known.scores.model_copy(update=scores), "retrained": trained, "drawn": 1.0}
    return known.model_copy(update=update)


def timed_build(results: Path, out: Path) -> dict[str, float]:
    """Build the site and return the seconds of the processor that each stage takes."""
    seconds = dict.fromkeys(STAGES, 0.0)

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            start = time.process_time()
            # The pages are made while they are asked for.
            value = function(*arguments, **named)
            value = list(value) if name == "_texts" else value
            seconds[name] += time.process_time() - start
            return value

        return call

    start = time.process_time()
    with mock.patch.multiple(site, **{name: timed(name, getattr(site, name)) for name in STAGES}):
        site.build_site(results, out, plan_cells)
    return seconds | {"all": time.process_time() - start}


def packed(path: Path) -> int:
    """Return how many bytes a server sends of a file."""
    return len(gzip.compress(path.read_bytes(), 6))


def largest_pages(out: Path) -> dict[str, Path]:
    """Return the pages of the menu, and of each folder the largest, by their addresses."""
    folders = [[path] for path in out.glob("*.html")]
    folders += [list(folder.glob("*.html")) for folder in out.iterdir() if folder.is_dir()]
    largest = [max(pages, key=lambda path: path.stat().st_size) for pages in folders if pages]
    return {path.relative_to(out).as_posix(): path for path in sorted(largest)}


def print_pages(out: Path) -> None:
    """Print of each kind of page how large it is and, in a browser, how long a reader waits."""
    pages = largest_pages(out)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if sync_playwright is None or chromium is None:
        print("    in a browser: playwright or Chromium is not there")
        for address, path in pages.items():
            print(f"    {address:48} {packed(path) / 1000:6.0f} kB packed")
        return
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-renderer-backgrounding"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(300_000)
        for address, path in pages.items():
            opened = []
            for _ in range(OPENED):
                start = time.perf_counter()
                page.goto(path.as_uri())
                page.evaluate(DRAWN)
                opened.append(time.perf_counter() - start)
            seconds = statistics.median(opened)
            print(f"    {address:48} {packed(path) / 1000:6.0f} kB packed, open in {seconds:5.2f} s")
        for address in [address for address in pages if address == "index.html" or address.startswith("loops/")]:
            page.goto(pages[address].as_uri())
            for name, action in ACTIONS.items():
                print(f"    {f'{address}: {name}':48} {page.evaluate(RESPONSE, list(action)) / 1000:6.2f} s")
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000, metavar="N", help="how many [10000]")
    parser.add_argument("--tables", default="1,20", metavar="NUMBERS", help="in how many tables, up to 30 [1,20]")
    arguments = parser.parse_args()
    for tables in map(int, arguments.tables.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            results, out = Path(folder) / "results", Path(folder) / "site"
            results.mkdir()
            for record in made_up_records(arguments.records, tables):
                (results / f"{record.cell_id}.json").write_text(record.to_json(), encoding="utf-8")
            seconds = timed_build(results, out)
            sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
            print(f"{arguments.records:,} records in {tables} table{'s' * (tables > 1)}:")
            for name, value in seconds.items():
                print(f"    {STAGES.get(name, name):24} {value:6.2f} s")
            print(f"    {len(sizes):,} files, {sum(sizes) / 1e6:.1f} MB")
            print_pages(out)


if __name__ == "__main__":
    main()
