"""The tables of a device's section in `docs/gpu.md`: each yields its heads, and a row for all that was measured."""

from collections.abc import Iterator, Sequence
from typing import Any

from gpu_day.budgets import proposed
from gpu_day.parts import CELLS, FEATURE_PEERS, GENERATORS, METRIC_PEERS, NETWORKS
from gpu_day.report import Report

Rows = Iterator[tuple[str, ...]]
HOWS = {
    "compiled": "compiled, bfloat16",
    "eager": "eager, bfloat16",
    "fp32": "eager, float32",
    "tuned": "compiled, kernels of cuDNN tried",
    "graphs": "CUDA graphs",
    "larger": "four times the batch",
}
METRICS = {
    "reference": "reference, once",
    "fid": "FID",
    "prdc": "precision, recall, density, coverage",
    "kid": "KID",
    "authpct": "AuthPct",
}
SCORES = ("fid", "precision", "recall")


def bits(report: Report) -> Rows:
    """Yield what stage a has found, and the two processes of stage g."""
    yield "", "found"
    for name in ("eager", "compiled"):
        if (found := report.found(f"a.{name}")).get("compared"):
            differing = len(found["differing"])
            verdict = "agrees" if found["agrees"] else f"DOES NOT AGREE ({differing} numbers differ)"
            yield f"digits cell, {name}, against the committed record of a CPU", f"{verdict}: {farthest(found)}"
        if "same_bits" in (again := report.found(f"a.{name}-again")):
            first = again["first_other_generation"]
            yield f"the same, {name}, once more", same(again["same_bits"], f"other bits from generation {first} on")
    for generator in GENERATORS:
        found = report.found(f"a.resume-{generator}")
        for key, what in (("again", "a compiled fit once more"), ("resumed", "a compiled fit that SIGTERM has cut")):
            if f"{key}_same_bits" in found:
                far = found[f"{key}_largest_difference"]
                yield f"{generator}: {what}", same(found[f"{key}_same_bits"], f"weights differ by {far:.2g} at most")
        found = report.found(f"a.deterministic-{generator}")
        if "deterministic_seconds" in found:
            cost = found["deterministic_seconds"] / found["default_seconds"]
            yield (
                f"{generator}: torch's deterministic mode",
                f"{same(found['deterministic_same_bits'], 'other bits')}, {cost:.2f} times as long",
            )
        if (waits := report.found(f"a.waits-{generator}")) and "not_here" not in waits:
            where = ", ".join(f"{how}: {place}" for how, place in waits.items())
            yield f"{generator}: where a step waits for the device", where
        if f"{generator}_largest_difference" in (gloo := report.found("g.gloo")):
            far = gloo[f"{generator}_largest_difference"]
            yield (
                f"{generator}: two processes on one device (gloo) against one",
                f"weights differ by {far:.2g} at most",
            )
    for part, what in (("g.nccl", "two processes on one device (NCCL)"), ("g.launch", "accelerate launch")):
        if found := report.found(part):
            yield what, str(found.get("not_here") or "done")


def training(report: Report) -> Rows:
    """Yield the speeds of training."""
    yield "network", "how", "images/s", "TFLOP/s", "of the product", "GiB", "first step"
    for network in NETWORKS:
        for how, said in HOWS.items():
            found = report.found(f"b.{network}.{how}")
            if found.get("images_per_second"):
                cold = report.found(f"b.{network}.cold").get("first_step_seconds")
                first = f"{found['first_step_seconds']:.1f} s"
                yield (
                    network, said, f"{found['images_per_second']:,.0f}", f"{found.get('flops', 0) / 1e12:.1f}",
                    percent(found.get("share_of_product")), f"{found['peak_memory_bytes'] / 2**30:.1f}",
                    f"{first} ({cold:.0f} s cold, beside others)" if cold and how == "compiled" else first,
                )  # fmt: skip


def sampling(report: Report) -> Rows:
    """Yield the speeds of sampling."""
    yield "network", "evaluations", "images/s", "with guidance or truncation", "normal numbers of a batch, on the CPU"
    for network in NETWORKS:
        if (found := report.found(f"c.{network}")).get("plain_images_per_second"):
            guided = found.get("guided_images_per_second")
            yield (
                network, str(found["evaluations"]), f"{found['plain_images_per_second']:,.0f}",
                f"{guided:,.0f}" if guided else "", f"{found['normals_seconds'] * 1000:.0f} ms of {found['batch']}",
            )  # fmt: skip


def scoring(report: Report) -> Rows:
    """Yield what scoring takes, ours and peers'."""
    yield "", "size", "ours", "peer"
    if found := report.found("d.metrics"):
        size = f"{found['n']:,} x {found['n']:,} x {found['dim']:,}"
        for key, name in METRICS.items():
            if f"{key}_seconds" in found:
                yield name, size, secs(found[f"{key}_seconds"]), ""
    for peer in METRIC_PEERS:
        for row in report.found(f"d.metrics.{peer}").get("sizes", [])[-1:]:
            yield f"all of ours beside {peer}", f"{row['n']:,}", secs(row["our_seconds"]), secs(row["seconds"])
    for part in ("inception", "efficientnet-lite0"):
        if (found := report.found(f"d.{part}")).get("images_per_second"):
            size = f"{found['n']:,} images" if "n" in found else ""
            yield part, size, f"{found['images_per_second']:,.0f} images/s", ""
    own = report.found("d.features.ours").get("images_per_second")
    for peer in FEATURE_PEERS:
        if own and (theirs := report.found(f"d.features.{peer}").get("images_per_second")):
            yield f"PNG files to Inception features, {peer}", "", f"{own:,.0f} images/s", f"{theirs:,.0f} images/s"


def usual_way(report: Report) -> Rows:
    """Yield how many times longer the usual way takes."""
    yield "", "ours", "the usual way", "times"
    if loops := report.found("e.training").get("images_per_second"):
        own, usual = loops["ours"], loops["usual way"]
        yield "training loop alone, images/s", f"{own:,.0f}", f"{usual:,.0f}", times(own / usual)
    if found := report.found("e.generation"):
        seconds = found["seconds"]
        size = f"{found['steps']} steps, {found['images']:,} images"
        for name in ("first", "further"):
            yield (
                f"{name} generation, {size}", secs(seconds[f"ours, {name}"]["total"]),
                secs(seconds["usual way"]["total"]), times(found[name]),
            )  # fmt: skip


def cells(report: Report) -> Rows:
    """Yield the cells of stage f."""
    yield "cell", "generations", "minutes", "FID", "precision", "recall"
    for name in CELLS:
        if not (found := report.found(f"f.{name}")) or "not_here" in found:
            continue
        scores = found.get("scores", [])
        ends = [f"{scores[0][key]:.3g} → {scores[-1][key]:.3g}" if scores else "" for key in SCORES]
        done = f"{found['finished_generations']} of {found['generations']}"
        yield name, done, minutes(found.get("total_seconds")) or "", *ends


def budgets(report: Report) -> Rows:
    """Yield the budgets that `--apply` writes."""
    yield (
        "task",
        "generator",
        "images now",
        "images",
        "of each training image",
        "training, sampling, scoring",
        "bound by",
    )
    for each in proposed(report):
        seconds = " + ".join(f"{value:.0f}" for value in (each.training, each.sampling, each.scoring))
        yield (
            each.task, each.generator, f"{each.before:,}", f"{each.images:,}", f"{each.epochs:,.0f} times",
            f"{seconds} s", each.why,
        )  # fmt: skip


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows, the first being the heads, as lines of Markdown."""
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return [lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]]


def farthest(found: dict[str, Any]) -> str:
    """Return the largest differences of the three scores that are shown."""
    said = []
    for name in SCORES:
        rows = [each for each in found["compared"] if each["name"] == name]
        gaps = [abs(each["found"] - each["reported"]) / (abs(each["found"]) if name == "fid" else 1) for each in rows]
        said.append(f"{name} {max(gaps):.1%}" if name == "fid" else f"{name} {max(gaps):.3f}")
    return f"{', '.join(said)} at most"


def same(bits_are: bool, otherwise: str) -> str:
    """Return whether bits are the same, in words."""
    return "the same bits" if bits_are else otherwise


def percent(share: float | None) -> str:
    """Return a share in percent, nothing for None."""
    return "" if share is None else f"{share:.1%}"


def secs(seconds: float | None) -> str:
    """Return seconds, nothing for None."""
    return "" if seconds is None else f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def times(ratio: float | None) -> str:
    """Return a ratio, nothing for None."""
    return "" if ratio is None else f"{ratio:.1f}"


def minutes(seconds: float | None) -> str:
    """Return seconds as minutes, nothing for None."""
    return "" if seconds is None else f"{seconds / 60:.1f} min"
