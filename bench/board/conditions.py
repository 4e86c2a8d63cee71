"""What must be equal before two scores may stand in one table."""

from dataclasses import dataclass
from typing import Any

from bench.cells.loops import Protocol
from bench.cells.record import Record
from bench.cells.task import TIERS, TierName
from bench.files.hashing import canonical_sha256

# What the tiers are called on the pages.
SETTINGS: dict[TierName, str] = {
    "smoke": "quick setting",
    "laptop": "laptop setting",
    "standard": "standard setting",
    "paper": "setting of the paper",
}


@dataclass(frozen=True)
class Conditions:
    """Everything that scores of one table have in common."""

    task: str
    task_version: int
    tier: TierName
    protocol: Protocol
    features: str
    features_sha256: str
    n: int
    k: int
    reference_sha256: str
    data_sha256: str
    pinned: bool

    @classmethod
    def of(cls, record: Record) -> "Conditions":
        """Return the conditions under which a record was made."""
        cell, score, data = record.cell, record.score, record.data
        return cls(
            task=cell.task,
            task_version=cell.task_version,
            tier=cell.tier,
            protocol=cell.loop.protocol,
            features=score.features,
            features_sha256=score.features_sha256,
            n=score.n,
            k=score.k,
            reference_sha256=score.reference_sha256,
            data_sha256=data.sha256,
            pinned=data.pinned,
        )

    @property
    def order(self) -> tuple[Any, ...]:
        """A sort key: data that tasks pin before other; tasks by name, new versions, small tiers, what learns anew."""
        values = dict(vars(self))
        leading = (not values.pop("pinned"), values.pop("task"), -values.pop("task_version"))
        return (*leading, TIERS.index(values.pop("tier")), values.pop("protocol") != "scratch", *values.values())

    @property
    def key(self) -> str:
        """A short name that no other conditions have, for addresses."""
        return f"{self.task}-{self.tier}-{canonical_sha256(vars(self))[:8]}"
