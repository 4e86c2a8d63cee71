"""Made-up records, small and valid."""

import datetime
import struct
import zlib
from pathlib import Path
from typing import Any

from bench.cells.agreement import Finding, FoundGeneration
from bench.cells.cell import Cell, MethodIdentity
from bench.cells.data_identity import DataIdentity
from bench.cells.loops import Loop, LoopKind
from bench.cells.record import (
    Cost,
    Environment,
    FurtherScores,
    GenerationResult,
    Record,
    ScoreConditions,
    Scores,
    Seconds,
)
from bench.cells.retraining import Retrained, TrainedOn
from bench.cells.task import TierName


def make_scores(fid: float, label_agreement: float | None = 0.875, **changes: float | None) -> Scores:
    """Return scores with this FID and label agreement; `changes` sets others."""
    fields = {"kid": fid / 100, "kid_standard_error": 0.001, "precision": 0.75, "recall": 0.625, "density": 0.5}
    fields |= {"coverage": 0.875, "authpct": 60.0, "training_distance_ratio": 1.125, "class_imbalance": 0.0625}
    return Scores.model_validate(fields | {"fid": fid, "label_agreement": label_agreement} | changes)


def make_record(
    *,
    kind: LoopKind = "fully_synthetic",
    method: str = "none",
    params: dict[str, Any] | None = None,
    seed: int = 0,
    tier: TierName = "smoke",
    fids: tuple[float, ...] = (1.5, 2.25, 4.125),
    features: str = "digits_cnn",
    n: int = 500,
    pinned: bool = True,
    label_agreement: float | None = 0.875,
    **loop: Any,
) -> Record:
    """Return a record with these FIDs, one per generation; `loop` changes parameters of the loop."""
    defaults = {"n_real": 0 if kind == "fully_synthetic" else 20, "n_synthetic": 20, "n_initial": 30}
    choices = {"pool": "previous", "sampling_bias": 1.0, "generations": len(fids), "protocol": "scratch"}
    cell = Cell(
        task="digits",
        task_version=1,
        generator="ddpm",
        loop=Loop.model_validate({"kind": kind, **defaults, **choices, **loop}),
        method=MethodIdentity(name=method, params=params or {}, sha256="a" * 64),
        tier=tier,
        seed=seed,
    )
    generations = tuple(
        GenerationResult(
            generation=t,
            scores=make_scores(fid, label_agreement),
            cost=Cost(
                images_trained=1000,
                network_evaluations=50,
                method_state_bytes=0,
                real_images=20,
                seconds=Seconds(fit=2.0, sample=1.0, score=0.5),
                peak_memory_bytes=1 << 20,
            ),
            samples_sha256="b" * 64,
            retrained=Retrained(kind="from scratch", share=1.0, on=TrainedOn(real=20, synthetic=0)),
            drawn=1.0,
        )
        for t, fid in enumerate(fids, start=1)
    )
    return Record(
        cell_id=cell.id,
        cell=cell,
        task_sha256="9" * 64,
        uses=(),
        score=ScoreConditions(
            features=features,
            features_sha256="c" * 64,
            resize="none",
            n=n,
            k=5,
            reference_sha256="d" * 64,
            floor=make_scores(0.5, label_agreement, precision=0.9375, recall=0.9375, coverage=0.96875),
        ),
        data=DataIdentity(sha256="e" * 64, pinned=pinned),
        generations=generations,
        environment=Environment(
            date=datetime.date(2026, 1, 2),
            package_version="0.1.0",
            git_commit=None,
            dirty=None,
            python="3.11.0",
            platform="Linux",
            torch="2.0",
            diffusers="0.30",
            device="cpu",
            driver=None,
            threads=1,
            bfloat16=False,
            compiled=False,
            deterministic=True,
        ),
    )


def add_scores(record: Record, features: str, fids: tuple[float, ...], **floor: float) -> Record:
    """Return a record that also has scores in another feature space, without a classifier."""
    fields = {"features": features, "features_sha256": "f" * 64, "floor": make_scores(0.25, None, **floor)}
    further = FurtherScores(
        score=record.score.model_copy(update=fields), generations=tuple(make_scores(fid, None) for fid in fids)
    )
    return record.model_copy(update={"further_scores": (*record.further_scores, further)})


def make_finding(
    record: Record, *, environment: dict[str, Any] | None = None, rescored: bool = False, **changes: Any
) -> Finding:
    """Return what a run finds that gives a record again but for its last generation and the environment.

    `changes` are scores, costs, or fields of the last generation; where samples are `rescored`, there are no costs.
    """
    generations = [FoundGeneration.of(result).model_dump() for result in record.generations]
    last = generations[-1]
    for name, value in changes.items():
        part = next(part for part in (last["scores"], last["cost"], last) if name in part)
        part[name] = value
    if rescored:
        generations = [g | {"cost": None, "score_features_read": None} for g in generations]
    return Finding(
        floor=record.score.floor,
        generations=tuple(FoundGeneration.model_validate(generation) for generation in generations),
        environment=record.environment.model_copy(update=environment or {}),
    )


class Results:
    """A folder of result files to build a page from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, record: Record, strip: bytes | None = None, sheet: bytes | None = None) -> Path:
        """Write a record, and its pictures if there are some, as under leaderboard/results/; return its path."""
        path = self.folder / "digits" / f"{record.cell_id[:16]}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(record.to_json(), encoding="utf-8")
        if strip is not None:
            path.with_suffix(".png").write_bytes(strip)
        if sheet is not None:
            path.with_suffix(".samples.png").write_bytes(sheet)
        return path


def png(width: int = 3, height: int = 2) -> bytes:
    """Return a grey picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
