"""`docs/gpu.md`: one section for each device and date, made of the reports that were kept, and what was not run."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.errors import BadInput
from gpu_day import tables
from gpu_day.parts import CELLS, NETWORKS, STAGES, all_parts
from gpu_day.report import Report, read_report
from gpu_day.tables import minutes, percent, secs, times

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "gpu.md"
MEASURED = Path(__file__).resolve().parents[1] / "measured"
GENERATIONS_SECONDS = 1200.0  # of ten generations of the mnist standard cell
GOALS, BUDGETS = "Goals", "Budgets of the standard tier that this device buys"
OF_A_DEVICE = (GOALS, BUDGETS)  # nothing that tiny sizes could say
NONE_YET = (
    "**No device has been measured yet.** To be the first: `python benchmarks/gpu.py` on a machine with a GPU, then "
    "the two commands that it prints at its end."
)


def page(reports: Sequence[Report]) -> str:
    """Return the page.

    Raises:
        BadInput: a report of a rehearsal.
    """
    head = (Path(__file__).parent / "head.md").read_text(encoding="utf-8")
    if rehearsed := [report.device.name for report in reports if report.device.rehearsal]:
        raise BadInput(f"a rehearsal on {rehearsed[0]} measures nothing: the page takes reports of GPUs")
    ordered = sorted(reports, key=lambda report: (report.device.date, report.device.name), reverse=True)
    sections = "\n".join(section(report) for report in ordered) if ordered else NONE_YET + "\n"
    return f"{head.rstrip()}\n\n## Measured\n\n{sections}"


def section(report: Report) -> str:
    """Return what is said of one device."""
    device = report.device
    about = [
        f"{device.memory_bytes / 2**30:.0f} GiB", f"{device.cores} CPU cores", f"driver {device.driver}",
        f"torch {device.torch}", f"CUDA {device.cuda}", f"Python {device.python}",
        f"commit {(device.commit or 'unknown')[:12]}{' with changes' if device.dirty else ''}",
    ]  # fmt: skip
    if device.rehearsal:
        about = [f"torch {device.torch}", "**a rehearsal with tiny sizes: no figure here means anything**"]
    lines = [f"### {device.name}, {device.date}", "", ", ".join(about) + ".", ""]
    for title, rows in (
        (GOALS, goals(report)),
        ("What a digits cell, and fits, come to", tables.bits(report)),
        ("Training", tables.training(report)),
        ("Sampling", tables.sampling(report)),
        ("Scoring", tables.scoring(report)),
        ("The usual way", tables.usual_way(report)),
        ("Standard cells of mnist", tables.cells(report)),
        (BUDGETS, tables.budgets(report)),
    ):
        if device.rehearsal and title in OF_A_DEVICE:
            continue
        if len(found := list(rows)) > 1:
            lines += [f"**{title}**", "", *tables.table(found), ""]
    lines += [*shortfalls(report), *not_run(report)]
    return "\n".join(lines)


def goals(report: Report) -> Iterator[tuple[str, ...]]:
    """Yield the figures that were aimed at, what came of them, and what to look at where one was missed."""
    yield "goal", "found", "", "to look at next"
    share = report.found("b.cifar10-ddpm.compiled").get("share_of_product")
    generation, cell = report.found("e.generation"), report.found(f"f.{CELLS[0]}")
    further, total = generation.get("further"), cell.get("total_seconds")
    prdc, inception = report.found("d.metrics").get("prdc_seconds"), report.found("d.inception")
    features = inception.get("seconds")
    for goal, found, good, advice in (
        (
            "32x32 standard DDPM: 25% of the bfloat16 product",
            percent(share), (share or 0) >= 0.25, "its profile, below",
        ),
        (
            "a further generation: 5 times the usual way",
            times(further), (further or 0) >= 5, longest(generation.get("seconds", {}).get("ours, further", {})),
        ),
        (
            "precision and recall at 50,000 x 50,000: 3 s",
            secs(prdc), (prdc or math.inf) < 3, "blocks of 512 rows, which may leave the device idle",
        ),
        (
            "50,000 images through Inception: 15 s",
            secs(features), (features or math.inf) < 15, "float32 in batches of 256: larger ones, a compiled network",
        ),
        (
            "ten generations of mnist, standard: 20 minutes",
            minutes(total), (total or math.inf) <= GENERATIONS_SECONDS, longest(added_up(cell.get("seconds", []))),
        ),
    ):  # fmt: skip
        yield (
            goal,
            found or "not run",
            "" if not found else "reached" if good else "**missed**",
            ("" if good or not found else advice),
        )


def longest(seconds: Mapping[str, float]) -> str:
    """Return which stage of a generation takes longest, in words."""
    stages = {name: value for name, value in seconds.items() if name != "total"}
    if not stages:
        return ""
    name = max(stages, key=lambda name: stages[name])
    return f"{name}: {stages[name] / sum(stages.values()):.0%} of the time"


def added_up(generations: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the seconds of each stage of all generations."""
    return {name: sum(each[name] for each in generations) for name in (generations[0] if generations else ())}


def shortfalls(report: Report) -> Iterator[str]:
    """Yield the profiles of the networks that were profiled, and what to try next."""
    for network in NETWORKS:
        found = report.found(f"b.{network}.profile")
        if not found.get("kernels"):
            continue
        busy = found.get("busy")
        working = found["working_seconds"] or 1.0
        longest = "; ".join(
            f"`{name[:60]}` {seconds / working:.0%}" for name, seconds in [*found["kernels"].items()][:4]
        )
        much = "" if busy is None else f"the device works {busy:.0%} of a step, "
        advice = (
            "launches take the rest: CUDA graphs or larger batches"
            if busy is not None and busy < 0.7
            else ("what takes longest is the next thing to look at")
        )
        yield f"Profile of {network}: {much}{found['launches']:.0f} launches a step, {longest}: {advice}."
        yield ""


def not_run(report: Report) -> Iterator[str]:
    """Yield what is missing, and why."""
    missing = [part for part in all_parts() if part not in report.parts]
    reasons = {part: each.failed for part, each in report.parts.items() if each.failed}
    reasons |= {part: f"cut ({each.seconds:.0f} s)" for part, each in report.parts.items()
                if not each.whole and not each.failed and not part.startswith("f.")}  # fmt: skip
    reasons |= {part: said for part in report.parts if (said := report.found(part).get("not_here"))}
    if missing:
        yield f"Not run: {', '.join(missing)}."
        yield ""
    for part, reason in reasons.items():
        yield f"- {part}: {reason}"
    if reasons:
        yield ""
    yield f"Stages: {'; '.join(f'{letter}, {what}' for letter, what in STAGES.items())}."
    yield ""


def kept_reports() -> list[Report]:
    """Return the reports in the repository."""
    return [read_report(path) for path in sorted(MEASURED.glob("*.json"))]
