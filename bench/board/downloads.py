"""The board's numbers as CSV and JSON: all that the pages show, and what it was computed from."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.board.conditions import Conditions
from bench.board.figures import f1
from bench.board.line import Line
from bench.board.metrics import METRICS
from bench.board.results import Result
from bench.board.rows import csv_text, json_text
from bench.board.seed_statistics import Estimate
from bench.board.views import TableView
from bench.cells.record import GenerationResult, Scores

FLOOR = 0  # the "generation" of real images against real images


def downloads(views: Sequence[TableView], answers: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every file."""
    results = [result for view in views for result in view.ranked.table.results]
    lines = [line_row(view, line) for view in views for line in view.lines]
    yield "cells.csv", csv_text(cell_row(result) for result in results)
    yield "scores.csv", csv_text(row for result in results for row in score_rows(result))
    yield "results.csv", csv_text(lines)
    yield "results.json", json_text(lines)
    yield "robustness.csv", csv_text(row for view in views for row in look_rows(view))
    yield "questions.json", json_text(answers)


def cell_row(result: Result) -> dict[str, Any]:
    """Return what a cell is and what it was scored in."""
    record = result.record
    cell, method = record.cell, record.cell.method
    return {
        "cell_id": record.cell_id,
        "features": record.score.features,
        **cell.model_dump(mode="json", exclude={"loop", "method"}),
        **cell.loop.model_dump(mode="json"),
        "method": method.name,
        "params": json.dumps(method.params, sort_keys=True),
        "method_sha256": method.sha256,
        "control": method.control,
        "uses": None if record.uses is None else "; ".join(record.uses),
        "date": record.environment.date and record.environment.date.isoformat(),
        **{
            key: value for key, value in vars(Conditions.of(record)).items() if key not in ("task", "tier", "protocol")
        },
    }


def score_rows(result: Result) -> Iterator[dict[str, Any]]:
    """Yield the scores and costs of each generation of a cell, and those of real images as generation 0."""
    key = {"cell_id": result.record.cell_id, "features": result.record.score.features}
    nothing = dict.fromkeys((*_COSTS, *_RETRAINED))
    yield {**key, "generation": FLOOR, **_scores(result.record.score.floor), **nothing}
    for generation in result.record.generations:
        scores, number = _scores(generation.scores), generation.generation
        yield {**key, "generation": number, **scores, **_cost(generation), **_retrained(generation)}


def _scores(scores: Scores) -> dict[str, Any]:
    return {**scores.model_dump(), "f1": f1(scores)}


def _cost(generation: GenerationResult) -> dict[str, Any]:
    cost = generation.cost.model_dump(exclude={"seconds"})
    return {**cost, **{f"{name}_seconds": value for name, value in generation.cost.seconds}}


def _retrained(generation: GenerationResult) -> dict[str, Any]:
    """Return how the weights came about, and who drew the images; None in records of before."""
    found = generation.retrained
    values = (found.kind, found.share, found.on.real, found.on.synthetic) if found else (None,) * 4
    return dict(zip(_RETRAINED, (*values, generation.drawn), strict=True))


_COSTS = (
    "images_trained", "network_evaluations", "real_images", "method_state_bytes", "peak_memory_bytes",
    "fit_seconds", "sample_seconds", "score_seconds",
)  # fmt: skip

_RETRAINED = ("retrained", "retrained_share", "trained_on_real", "trained_on_synthetic", "drawn")


def line_row(view: TableView, line: Line) -> dict[str, Any]:
    """Return a row of a table as the pages show it, with all digits."""
    row, cell = line.row, line.cell
    compared = row.comparison
    content: dict[str, Any] = {
        "table": view.key,
        "task": cell.task,
        "task_version": cell.task_version,
        "tier": cell.tier,
        "features": view.conditions.features,
        "generator": cell.generator.name,
        **cell.loop.model_dump(mode="json"),
        "method": cell.method.name,
        "params": json.dumps(cell.method.params, sort_keys=True),
        "control": cell.method.control,
        "earlier_file": row.entry.earlier_file is not None,
        "seeds": " ".join(str(result.record.cell.seed) for result in row.entry.results),
        "cells": " ".join(result.record.cell_id for result in row.entry.results),
        "rank": row.rank,
        "unranked_because": row.unranked_because,
        "rank_lowest": row.rank_range[0] if row.rank_range else None,
        "rank_highest": row.rank_range[1] if row.rank_range else None,
        "word": row.word,
        "against": row.against,
        "better_in": row.trades[0] if row.trades else None,
        "worse_in": row.trades[1] if row.trades else None,
        "marks": "; ".join(mark.kind for mark in row.marks),
        "marks_because": "; ".join(mark.reason for mark in row.marks),
        "retrained": row.retrained,
        "uses": None if row.uses is None else "; ".join(row.uses),
        "undeclared": "; ".join(row.undeclared),
        "adjusted_p": compared.adjusted_p if compared else None,
        "adjusted_f1_p": compared.adjusted_f1_p if compared else None,
        "reads_score_features": row.entry.reads_score_features,
        "trust": row.trust.level,
        "warnings": "; ".join(warning.reason for warning in row.trust.warnings),
        **{direction.name.replace(" ", "_").lower(): direction.state for direction in row.mad},
        "cells_mad": row.n_mad,
        **_estimate("log_fid_area_difference", compared.log_fid_area if compared else None),
        **_estimate("f1_area_difference", compared.f1_area if compared else None),
        **_estimate("f1_area", row.f1_area),
        **_estimate("log_fid_trend", row.mad[0].slope),
        **_estimate("precision_trend", row.mad[1].slope),
        **_estimate("recall_trend", row.mad[2].slope),
    }
    for metric in METRICS:
        curve = line.curves.get(metric.key)
        content[f"{metric.key}_first"] = curve[0].mean if curve else None
        content[f"{metric.key}_last"] = curve[-1].mean if curve else None
        content[f"{metric.key}_last_low"] = curve[-1].low if curve else None
        content[f"{metric.key}_last_high"] = curve[-1].high if curve else None
        content |= _estimate(f"{metric.key}_last_difference", compared.last.get(metric.key) if compared else None)
    content |= {
        "training_ratio": compared.training if compared else None,
        "evaluations_ratio": compared.evaluations if compared else None,
        **vars(row.cost),
        "authpct_last": row.authpct,
        "authpct_real": row.authpct_real,
        "coverage_last": row.coverage,
        "precision_of_real": row.floor_shares["precision"],
        "recall_of_real": row.floor_shares["recall"],
    }
    return content


def look_rows(view: TableView) -> Iterator[dict[str, Any]]:
    """Yield the other looks at the order of each track of a table."""
    for track in view.tracks:
        for look in view.ranked.looks[track.key]:
            yield {
                "table": view.key,
                "features": view.conditions.features,
                "generator": track.cell.generator.option,
                **track.cell.loop.model_dump(mode="json", exclude={"pool"}),
                "figure": look.figure.key,
                "look": look.what,
                "correlation": look.correlation,
                "methods": look.methods,
            }


def _estimate(name: str, estimate: Estimate | None) -> dict[str, Any]:
    """Return a mean with its interval and p-value; None for what a single seed cannot say."""
    values = (None,) * 4 if estimate is None else (estimate.mean, estimate.low, estimate.high, estimate.p)
    keys = (name, f"{name}_low", f"{name}_high", f"{name}_p")
    return {
        key: value if value is None or math.isfinite(value) else None for key, value in zip(keys, values, strict=True)
    }
