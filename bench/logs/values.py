"""What is logged of a cell, by the names that the curves have."""

from collections.abc import Mapping

from bench.cells.cell import Cell
from bench.cells.record import GenerationResult, ScoreConditions


def values_of(result: GenerationResult) -> dict[str, float]:
    """Return the scores and the cost of a generation by their names, "scores/fid" and "cost/seconds/fit" for example.

    What cannot be told of a generation is left out.
    """
    parts = {"scores": result.scores, "cost": result.cost}
    return {
        name: value
        for part, model in parts.items()
        for name, value in _flat(part, model.model_dump(exclude_none=True))
    }


def floor_of(score: ScoreConditions) -> dict[str, float]:
    """Return what real images score, by the names that the scores of a generation have."""
    return dict(_flat("scores", score.floor.model_dump(exclude_none=True)))


def settings_of(cell: Cell, score: ScoreConditions) -> dict[str, object]:
    """Return what the log says of a cell before it runs: the cell itself, and the conditions of its score."""
    return {
        "cell_id": cell.id,
        "cell": cell.model_dump(mode="json"),
        "score": score.model_dump(mode="json", exclude={"floor"}),
    }


def _flat(prefix: str, values: Mapping[str, float | Mapping[str, float]]) -> list[tuple[str, float]]:
    """Return nested numbers with their names joined by slashes."""
    flat: list[tuple[str, float]] = []
    for name, value in values.items():
        path = f"{prefix}/{name}"
        flat += _flat(path, value) if isinstance(value, Mapping) else [(path, value)]
    return flat
