"""The board of many records: the time to build it, its size, and how fast the overview answers in a browser.

    python benchmarks/board.py
    python benchmarks/board.py --records 1000 --tables 1

The records are made up from a committed one: methods with three seeds in the three loops, the plain loop among them,
ten generations with scores of their own, and hashes that are right. With one table every row is compared with every
other, which is the most work; with more, the records are spread over tasks, tiers and protocols.

What is timed is `autophagy board` in this process, stage by stage, into an empty folder; and, where playwright and
Chromium are there, the overview of that site: from the address to the table that can be used, then a click on a
heading and a search, from the event to the end of the frame that shows its effect.
"""

import argparse
import itertools
import shutil
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
    """Build the site and return the seconds of each stage."""
    seconds = dict.fromkeys(STAGES, 0.0)

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            start = time.perf_counter()
            # The pages are made while they are asked for.
            value = list(function(*arguments)) if name == "_texts" else function(*arguments)
            seconds[name] += time.perf_counter() - start
            return value

        return call

    start = time.perf_counter()
    with mock.patch.multiple(site, **{name: timed(name, getattr(site, name)) for name in STAGES}):
        site.build_site(results, out, plan_cells)
    return seconds | {"all": time.perf_counter() - start}


def print_browser(out: Path) -> None:
    """Open the overview and print how long a reader waits."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if sync_playwright is None or chromium is None:
        print("    in a browser: playwright or Chromium is not there")
        return
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(300_000)
        start = time.perf_counter()
        page.goto((out / "index.html").as_uri())
        print(f"    {'overview in a browser':24} {time.perf_counter() - start:6.2f} s")
        actions = {"sort by FID": ("button[data-sort=fid]", "click"), "sort back": ("button[data-sort=rank]", "click")}
        actions |= {"search, first letter": ("input[type=search]", "m")}
        actions |= {
            "search, one method": ("input[type=search]", "method_0007"),
            "clear it": ("input[type=search]", ""),
        }
        for name, action in actions.items():
            print(f"    {name:24} {page.evaluate(RESPONSE, list(action)) / 1000:6.2f} s")
        compare = next(iter(sorted((out / "compare").glob("*.html"))))
        start = time.perf_counter()
        page.goto(compare.as_uri())
        print(f"    {'curves in a browser':24} {time.perf_counter() - start:6.2f} s")
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
            overview = (out / "index.html").stat().st_size
            print(f"{arguments.records:,} records in {tables} table{'s' * (tables > 1)}:")
            for name, value in seconds.items():
                print(f"    {STAGES.get(name, name):24} {value:6.2f} s")
            print(f"    {len(sizes):,} files, {sum(sizes) / 1e6:.1f} MB; overview {overview / 1e6:.2f} MB")
            print_browser(out)


if __name__ == "__main__":
    main()
