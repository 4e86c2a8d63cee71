"""Precision and recall beside their floor, what real images score against real ones, and the share of it reached.

The floor is below 1 and differs from task to task: on `digits` it is .97 and .85. A score alone says little.
"""

from bench.cells.record import Scores

WITH_FLOOR = ("precision", "recall")


def share_of_floor(score: float, floor: float) -> float | None:
    """Return the share of the floor that a score reaches, 1 being what real images reach; None where it is 0."""
    return score / floor if floor > 0 else None


def shares_of_floor(scores: Scores, floor: Scores) -> dict[str, float | None]:
    """Return the share of the floor that each score reaches that is read beside it, by its name."""
    return {name: share_of_floor(getattr(scores, name), getattr(floor, name)) for name in WITH_FLOOR}


def beside_floor(floor: float, *scores: float, decimals: int = 3) -> str:
    """Return scores, one after another where there are several, with their floor and the shares of it that they reach.

    As in `.852 -> .780 of .971 (88% -> 80%)`.
    """
    values = " -> ".join(_bare(score, decimals) for score in scores)
    reached = " -> ".join(percent(share_of_floor(score, floor)) for score in scores)
    return f"{values} of {_bare(floor, decimals)} ({reached})"


def score_line(scores: Scores, floor: Scores) -> str:
    """Return what is said of a generation as soon as it is scored."""
    beside = (f"{name} {beside_floor(getattr(floor, name), getattr(scores, name))}" for name in WITH_FLOOR)
    return ", ".join([f"FID {scores.fid:.2f}", *beside])


def _bare(value: float, decimals: int) -> str:
    """Return a number from 0 to 1 without the zero in front of the point, as tables are wide."""
    return f"{value:.{decimals}f}".removeprefix("0")


def percent(share: float | None) -> str:
    """Return a share of the floor as a reader is shown it."""
    return "-" if share is None else f"{100 * share:.0f}%"
