"""Many processes: workers that are killed and machines of a Ray cluster that are lost while cells run on them."""

import importlib.util
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from bench.files.claim import read_holder
from faults.cells import Place, Workshop
from faults.forks import Attempt
from faults.report import Part

NODES = 2
MOST_SECONDS = 300.0  # a new process of Ray imports torch before it runs anything
MOST_PROBLEMS = 5  # where no run ends well, there is nothing to strike
STORE_BYTES = 80 << 20
LOCAL = ("--workers", "2")


def lose_nodes(workshop: Workshop, faults: int) -> Part:
    """Kill a node of a Ray cluster on which a cell runs, put a new one in its place, and let the command end."""
    part = _of_ray("a Ray node lost in mid-cell")
    if not part.skipped:
        with _cluster(workshop.folder) as cluster:
            _disturb(part, workshop, faults, cluster.options, lambda attempt, worker: cluster.lose_node_of(worker))
    return part.end()


def kill_ray_workers(workshop: Workshop, faults: int) -> Part:
    """Kill the process of a Ray cluster in which a cell runs, and let the command end."""
    part = _of_ray("a Ray worker killed in mid-cell")
    if not part.skipped:
        with _cluster(workshop.folder) as cluster:
            _disturb(part, workshop, faults, cluster.options, _kill_worker)
    return part.end()


def kill_workers(workshop: Workshop, faults: int) -> Part:
    """Kill one of two worker processes of a command, and let it end."""
    part = Part("a worker process killed in mid-cell")
    _disturb(part, workshop, faults, LOCAL, _kill_worker)
    return part.end()


def kill_parents(workshop: Workshop, faults: int) -> Part:
    """Kill a command that has two worker processes, and repeat it at once."""
    part = Part("the parent of two workers killed")
    _disturb(part, workshop, faults, LOCAL, lambda attempt, worker: attempt.kill())
    return part.end()


def _of_ray(kind: str) -> Part:
    return Part(kind, skipped="" if importlib.util.find_spec("ray") else "Ray is not installed")


def _kill_worker(attempt: Attempt, worker: int) -> None:
    os.kill(worker, signal.SIGKILL)


def _disturb(
    part: Part, workshop: Workshop, faults: int, options: Sequence[str], strike: Callable[[Attempt, int], None]
) -> None:
    """Strike when two cells run, and let the command end.

    Args:
        part: what is found goes here.
        workshop: makes the places.
        faults: how many.
        options: say where the cells run.
        strike: does it; it is given the command and the process in which one of its cells runs.
    """
    draw, limit = workshop.random, workshop.undisturbed("digits").seconds
    while part.faults < faults and len(part.problems) < MOST_PROBLEMS:
        place = workshop.place("digits, two seeds")
        attempt = place.start(more=options)
        worker = _worker_of_a_cell(place, attempt, draw.random())
        time.sleep(draw.uniform(0, limit))
        struck = worker is not None and worker in _running(place)
        if struck:
            strike(attempt, worker)
        ended = attempt.end(MOST_SECONDS)
        if ended.by(signal.SIGKILL):
            ended = place.start(more=options).end(MOST_SECONDS)
        elif "it is started again" not in ended.err:
            struck = False  # the cell was finished just before
        part.settle(workshop, place, ended, int(struck))
        part.clear(place)


def _worker_of_a_cell(place: Place, attempt: Attempt, which: float) -> int | None:
    """Return the process that runs one of the place's cells, None where the command has ended before."""
    while attempt.wait(0.01) is None:
        running = _running(place)
        if len(running) == NODES:
            return running[int(which * NODES)]
    return None


def _running(place: Place) -> list[int]:
    holders = [read_holder(claim.parent) for claim in sorted(place.runs.glob("cells/*/.claim"))]
    return [holder.process for holder in holders if holder is not None]


class _Cluster:
    """A Ray cluster on this machine, in a process of its own: Ray starts threads, and this one has to stay without."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.options = ("--executor", "ray", "--ray-address", connection.recv())

    def lose_node_of(self, worker: int) -> None:
        """Kill the node on which a process runs, and add another one."""
        self._connection.send(worker)
        self._connection.recv()


@contextmanager
def _cluster(folder: Path) -> Iterator[_Cluster]:
    ours, theirs = multiprocessing.Pipe()
    pid = os.fork()
    if pid == 0:
        log = os.open(folder / "cluster.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        ours.close()
        status = 1
        try:
            _serve(theirs)
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    theirs.close()
    try:
        yield _Cluster(ours)
    finally:
        ours.close()
        os.waitpid(pid, 0)


def _serve(connection: Connection) -> None:
    """Keep a cluster of a head that runs nothing and NODES others, until the other end of the connection is closed."""
    from ray.cluster_utils import Cluster

    options = {"object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **options})
    try:
        nodes = [cluster.add_node(num_cpus=1, **options) for _ in range(NODES)]
        connection.send(cluster.address)
        while True:
            try:
                worker = connection.recv()
            except EOFError:
                break
            lost = next(node for node in nodes if _raylet(node) in _ancestors(worker))
            cluster.remove_node(lost, allow_graceful=False)
            nodes[nodes.index(lost)] = cluster.add_node(num_cpus=1, **options)
            connection.send("done")
    finally:
        cluster.shutdown()


def _raylet(node: object) -> int:
    """Return the process that is the node."""
    from ray._private.ray_constants import PROCESS_TYPE_RAYLET

    return node.all_processes[PROCESS_TYPE_RAYLET][0].process.pid  # type: ignore[attr-defined]


def _ancestors(process: int) -> Iterator[int]:
    """Yield a process, its parent, and so on."""
    while process > 1:
        yield process
        # The name, in parentheses, may hold anything; the parent is the second value after it.
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
