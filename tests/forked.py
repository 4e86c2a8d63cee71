"""Processes for tests that need some: forked from one that has imported everything.

To import torch and diffusers takes five seconds of a core, to fork takes none. The process that is forked from, one
for each process of pytest, computes nothing, so that it has no threads and its children are whole.
"""

import multiprocessing
import os
import pkgutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing

import bench
from bench.cli import main as autophagy

CONTEXT = multiprocessing.get_context("forkserver")
# All of the package but what only optional packages can import, and what it imports late.
CONTEXT.set_forkserver_preload(
    [
        *(
            module.name
            for module in pkgutil.walk_packages(bench.__path__, "bench.")
            if module.name != "bench.executors.ray"
        ),
        "sklearn.datasets",
        "torch.multiprocessing",
    ]
)


def process(work: Callable[..., object], *arguments: Any) -> multiprocessing.process.BaseProcess:
    """Return a process, not yet started, that calls `work` with these arguments in the present environment."""
    return CONTEXT.Process(target=_live, args=(dict(os.environ), work, arguments))


def ranks(work: Callable[..., object], count: int, *arguments: Any) -> None:
    """Call `work` with a rank and these arguments in so many processes, and raise what one of them raises."""
    torch.multiprocessing.start_processes(
        _live_with_rank, (dict(os.environ), work, arguments), nprocs=count, start_method="forkserver"
    )


class Command:
    """A command in a process of its own, with one thread as in the processes of the tests."""

    def __init__(
        self, arguments: Sequence[object], log: Path, main: Callable[[list[str]], int] = autophagy.main
    ) -> None:
        """Start `autophagy ARGUMENTS`, or another one; what it prints goes to files named `log` with .out and .err."""
        self._files = log.with_suffix(".out"), log.with_suffix(".err")
        self._process = process(_command, main, [str(argument) for argument in arguments], *self._files)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def err(self) -> str:
        """What it has written to stderr so far."""
        return self._files[1].read_text() if self._files[1].exists() else ""

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait_for(self, condition: Callable[[], object], seconds: float = 200) -> None:
        """Wait until something is so while it runs."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self._process.is_alive(), self.err
            assert time.monotonic() < deadline, self.err
            time.sleep(0.02)

    def end(self, seconds: float = 300) -> tuple[int, str, str]:
        """Wait until it has ended; return its exit status (of a signal, negative), its stdout and its stderr."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, self.err
        return self._process.exitcode, self._files[0].read_text(), self.err


def _live(environment: dict[str, str], work: Callable[..., object], arguments: Sequence[Any]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    work(*arguments)


def _live_with_rank(
    rank: int, environment: dict[str, str], work: Callable[..., object], arguments: Sequence[Any]
) -> None:
    _live(environment, work, [rank, *arguments])


def _command(main: Callable[[list[str]], int], arguments: list[str], out: Path, err: Path) -> None:
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["autophagy", *arguments]
    sys.exit(main(arguments))
