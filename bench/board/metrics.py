"""The scores that tables and curves show; the other scores of a record are on the cell's page and in the downloads."""

from dataclasses import dataclass

from bench.cells.record import Record, Scores


@dataclass(frozen=True)
class Metric:
    """A score as the board shows it.

    Attributes:
        key: its name in `Scores`.
        title: its name on the page.
        hint: how to read it.
        bounded: whether it is a share, from 0 to 1.
    """

    key: str
    title: str
    hint: str
    bounded: bool = True

    def of(self, scores: Scores) -> float | None:
        """Return this metric's value, None where the task does not have it."""
        value: float | None = getattr(scores, self.key)
        return value

    def last(self, record: Record) -> float | None:
        """Return this metric's value in the last generation."""
        return self.of(record.generations[-1].scores)


FID = Metric("fid", "FID", "lower is better", bounded=False)
PRECISION = Metric("precision", "Precision", "quality, higher is better")
RECALL = Metric("recall", "Recall", "diversity, higher is better")
LABEL_AGREEMENT = Metric("label_agreement", "Label agreement", "higher is better")
METRICS = (FID, PRECISION, RECALL, LABEL_AGREEMENT)
