"""Start processes that are launched together, as the launcher does, and collect what each of them finds."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from forked import ranks

from bench.process.joining import joined
from bench.process.processes import Processes

COUNT = 2
Work = Callable[[Processes, Path], dict[str, Any]]


def member(rank: int, count: int, device: torch.device | None = None) -> Processes:
    """One of several processes, for what it decides by itself; it cannot reach the others."""
    return Processes(rank, count, device)


def environment(rank: int, port: int) -> dict[str, str]:
    """What the launcher sets."""
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": COUNT, "LOCAL_WORLD_SIZE": COUNT, "MASTER_PORT": port}
    return {name: str(value) for name, value in numbers.items()} | {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def together(work: Work, folder: Path) -> list[dict[str, Any]]:
    """Call `work` in COUNT processes and return what it returns in each."""
    ranks(_call, COUNT, work, folder, free_port())
    return [torch.load(folder / f"found-{rank}") for rank in range(COUNT)]


def _call(rank: int, work: Work, folder: Path, port: int) -> None:
    os.environ.update(environment(rank, port))
    with joined("cpu") as processes:
        torch.save(work(processes, folder), folder / f"found-{rank}")
