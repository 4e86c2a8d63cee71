"""The tables and the JSON that the command line prints."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from bench.cells.agreement import FLOOR, Agreement
from bench.cells.record import Record
from bench.executors.cell_runner import Outcome
from bench.executors.estimate import Estimate
from bench.executors.grid import PlannedCell
from bench.process.tables import size, table
from bench.scoring.compare import Comparison
from bench.threshold.sweep import PhaseDiagram


def outcomes_table(outcomes: Sequence[Outcome], command: str) -> str:
    """Return a table with the change of each score from generation 1 to the last, and the errors below it.

    Args:
        outcomes: what became of the cells.
        command: what was typed; it is also what tries failed cells again.
    """
    rows = [("cell", "generations", "FID", "precision", "recall", "label agreement", "")]
    for outcome in outcomes:
        slug = outcome.planned.cell.slug
        if outcome.record is None:
            rows.append((slug, "", "", "", "", "", "failed"))
            continue
        first, last = outcome.record.generations[0].scores, outcome.record.generations[-1].scores
        agreement = ""
        if first.label_agreement is not None and last.label_agreement is not None:
            agreement = f"{first.label_agreement:.3f} -> {last.label_agreement:.3f}"
        rows.append(
            (
                slug,
                f"{len(outcome.record.generations)}",
                f"{first.fid:.2f} -> {last.fid:.2f}",
                f"{first.precision:.3f} -> {last.precision:.3f}",
                f"{first.recall:.3f} -> {last.recall:.3f}",
                agreement,
                "was finished" if outcome.was_finished else "",
            )
        )
    records = [outcome.record for outcome in outcomes if outcome.record is not None]
    notes = dict.fromkeys(_floor_note(record) for record in records)
    failed = [outcome for outcome in outcomes if outcome.error]
    errors = [f"{outcome.planned.cell.slug}: {outcome.error}" for outcome in failed]
    if failed:
        errors.append(f"{len(failed)} of {len(outcomes)} cells failed. To try them again: {command}")
    return "\n".join([table(rows), *notes, *errors])


def _floor_note(record: Record) -> str:
    conditions, floor = record.score, record.score.floor
    return (
        f"Real images of {record.cell.task} under the same conditions ({conditions.features} features, "
        f"n = {conditions.n}, k = {conditions.k}): FID {floor.fid:.2f}, precision {floor.precision:.3f}, "
        f"recall {floor.recall:.3f}."
    )


def outcomes_json(outcomes: Sequence[Outcome], runs: Path) -> str:
    """Return what became of each cell, with the path of its record, its scores per generation and its error."""
    content = [
        {
            "cell_id": outcome.planned.cell.id,
            "slug": outcome.planned.cell.slug,
            "state": "failed" if outcome.record is None else "finished",
            "error": outcome.error,
            "record": None
            if outcome.record is None
            else str(runs / "cells" / outcome.planned.cell.slug / "record.json"),
            "generations": []
            if outcome.record is None
            else [result.scores.model_dump() for result in outcome.record.generations],
        }
        for outcome in outcomes
    ]
    return json.dumps(content, indent=2)


def estimate_table(
    cells: Sequence[PlannedCell], estimates: Sequence[Estimate], device: torch.device, as_json: bool
) -> str:
    """Return the cost of each cell before it runs, as a table or as JSON."""
    if as_json:
        content = [
            {"cell_id": planned.cell.id, "cell": planned.cell.model_dump(mode="json")}
            | {"images_trained": e.images_trained, "network_evaluations": e.network_evaluations}
            | {"seconds": e.seconds, "device": str(device)}
            | {"disk_bytes": e.disk_bytes, "disk_peak_bytes": e.disk_peak_bytes}
            for planned, e in zip(cells, estimates, strict=True)
        ]
        return json.dumps(content, indent=2)
    rows = [("cell", "generations", "images trained", "network evaluations", f"time on {device}", "disk")]
    for planned, estimate in zip(cells, estimates, strict=True):
        rows.append(
            (
                planned.cell.slug,
                f"{planned.cell.loop.generations}",
                f"{estimate.images_trained:,}",
                f"{estimate.network_evaluations:,}",
                _duration(estimate.seconds),
                size(estimate.disk_bytes),
            )
        )
    total = sum(estimate.seconds for estimate in estimates)
    disk = sum(estimate.disk_bytes for estimate in estimates)
    unfinished = max((estimate.disk_peak_bytes - estimate.disk_bytes for estimate in estimates), default=0)
    note = (
        f"{len(cells)} cells, about {_duration(total)} in all; G^1 is counted once where cells share it.\n"
        f"{size(disk)} on disk, and up to {size(unfinished)} more for each cell that runs (method state not included)."
    )
    return f"{table(rows)}\n{note}"


def comparison_table(comparison: Comparison) -> str:
    """Return one line for each score, with its standard error where there is one, and what the scores depend on."""
    scores = comparison.scores.model_dump(exclude_none=True)
    errors = {"kid": scores.pop("kid_standard_error")} | comparison.standard_errors
    rows = [("score", "value", "standard error")]
    for name, value in scores.items():
        decimals = 6 if name == "kid" else 4
        error = f"{errors[name]:.{decimals}f}" if name in errors else ""
        rows.append((name, f"{value:.{decimals}f}", error))
    if comparison.fid_extrapolated is not None:
        rows.append(("fid, extrapolated to infinite n", f"{comparison.fid_extrapolated:.4f}", ""))
    n_training = "" if comparison.n_training is None else f", {comparison.n_training} training images"
    return (
        f"{table(rows)}\n{comparison.n_fake} images against {comparison.n_real}{n_training}; "
        f"features {comparison.features}, resize {comparison.resize}, k = {comparison.k}"
    )


def comparison_json(comparison: Comparison) -> str:
    """Return the scores, and beside them everything that they depend on."""
    content = vars(comparison) | {"scores": comparison.scores.model_dump(exclude_none=True)}
    if comparison.fid_extrapolated is None:
        del content["fid_extrapolated"]
    scores = content.pop("scores")
    return json.dumps(scores | content, indent=2)


def rescore_table(record: Record, space: str) -> str:
    """Return a table of each generation's scores in one feature space, with the floor below it."""
    [view] = [view for view in record.in_each_space() if view.score.features == space]
    names = [name for name, value in view.score.floor if value is not None]
    rows = [("generation", *names)]
    for label, scores in [*((str(g.generation), g.scores) for g in view.generations), ("real", view.score.floor)]:
        rows.append((label, *(f"{getattr(scores, name):.4g}" for name in names)))
    return f"{table(rows)}\n{_floor_note(view)}"


def rescore_json(record: Record, space: str) -> str:
    """Return the conditions and each generation's scores in one feature space."""
    [view] = [view for view in record.in_each_space() if view.score.features == space]
    content = {"cell_id": record.cell_id, "score": view.score.model_dump(mode="json")}
    return json.dumps(content | {"generations": [g.scores.model_dump() for g in view.generations]}, indent=2)


def verification_table(record: Record, agreement: Agreement, notes: Sequence[str]) -> str:
    """Return FID, precision and recall of each generation beside those found, all that differs, and the verdict."""
    rows = [("generation", "score", "reported", "found", "difference", "allowed", "")]
    for compared in agreement.compared:
        if compared.agrees and (compared.generation == FLOOR or compared.name not in ("fid", "precision", "recall")):
            continue
        rows.append(
            (
                "real" if compared.generation == FLOOR else f"{compared.generation}",
                compared.name,
                _number(compared.reported, ".6g"),
                _number(compared.found, ".6g"),
                _number(compared.difference, "+.3g"),
                f"{compared.allowed:.3g}",
                "" if compared.agrees else "DIFFERS",
            )
        )
    return "\n".join([table(rows), *notes, f"{record.cell.slug}: {_verdict(agreement)}"])


def _number(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


def _verdict(agreement: Agreement) -> str:
    n, n_same = len(agreement.same_samples), sum(agreement.same_samples)
    samples = f"the samples of {n_same} of {n} generations are the same bits"
    if agreement.agrees:
        kind = "identical" if agreement.identical else "statistical reproduction"
        return f"AGREES ({kind}): {samples}, and every number is within what is allowed"
    if agreement.rescored and not agreement.identical:
        return f"DOES NOT AGREE: {samples}: the others are not those of the record"
    differing = agreement.differing
    return f"DOES NOT AGREE: {samples}, and {len(differing)} of {len(agreement.compared)} numbers differ"


def verification_json(record: Record, agreement: Agreement, notes: Sequence[str], reproduction: Path | None) -> str:
    """Return every number beside the one that was found, the verdict, and the file that it was written to."""
    content = {
        "cell_id": record.cell_id,
        "slug": record.cell.slug,
        "agrees": agreement.agrees,
        "identical": agreement.identical,
        "same_environment": agreement.same_environment,
        "same_samples": agreement.same_samples,
        "compared": [
            asdict(compared) | {"difference": compared.difference, "agrees": compared.agrees}
            for compared in agreement.compared
        ],
        "tolerance": agreement.tolerance.model_dump(),
        "notes": list(notes),
        "reproduction": None if reproduction is None else str(reproduction),
    }
    return json.dumps(content, indent=2)


def threshold_table(diagram: PhaseDiagram) -> str:
    """Return n_e / n_r of every loop, and below it the thresholds in words."""
    rows = [("n_real", "sampling bias", "n_synthetic", "FID", "n_e / n_r", "95% interval", "")]
    for point in diagram.points:
        interval = "" if point.low is None else f"{point.low:.3f} to {point.high:.3f}"
        doubts = [f"{point.bound} this"] if point.bound else []
        if not point.settled:
            doubts.append(f"not settled, FID moved by {point.drift:+.1%}: more --generations")
        rows.append(
            (
                f"{point.n_real}", f"{point.sampling_bias:g}", f"{point.n_synthetic}", f"{point.fid:.2f}",
                f"{point.ratio:.3f}", interval, ", ".join(doubts),
            )
        )  # fmt: skip
    notes = []
    for threshold in diagram.thresholds:
        if threshold.largest_admissible is None:
            said = "no n_synthetic of the sweep is admissible"
        elif threshold.crossing is None:
            said = f"admissible up to n_synthetic {threshold.largest_admissible}, the largest of the sweep"
        else:
            said = (
                f"admissible up to n_synthetic {threshold.largest_admissible}, the limit is near "
                f"{threshold.crossing:.0f}"
            )
        notes.append(f"n_real {threshold.n_real}, sampling bias {threshold.sampling_bias:g}: {said}")
    return "\n".join([table(rows), *notes])


def threshold_json(diagram: PhaseDiagram) -> str:
    """Return the sweep, the conditions of the score, and all that was found."""
    return json.dumps(asdict(diagram) | {"score": diagram.score.model_dump(mode="json")}, indent=2)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"
