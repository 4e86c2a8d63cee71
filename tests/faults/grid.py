"""A grid of 24 cells on a two-node Ray cluster on this machine, a node of which is killed, and on the local executor.

    python tests/faults/grid.py

12 cells of gaussian and 12 of digits: three loops, two methods, two seeds each. The records must be the same, but for
seconds, memory and environment.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

GRID = {
    "gaussian": ["--task", "gaussian", "--generator", "gaussian", "--generations", "5"],
    "digits": ["--task", "digits", "--generations", "2"],
}
COMMON = ["--loop", "all", "--method", "none,random_subset", "--seeds", "0,1", "--threads", "1"]
OPTIONS = {"object_store_memory": 80 << 20, "include_dashboard": False}


def main() -> int:
    """Run both grids on both executors and print what came out; status 1 where anything differs."""
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory() as folder:
        alone, together = Path(folder) / "local", Path(folder) / "ray"
        for name, grid in GRID.items():
            started = time.monotonic()
            _start([*grid, *COMMON, "--runs", str(alone)]).wait()
            print(f"{name}: local executor, one process: {time.monotonic() - started:.0f} s", flush=True)

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **OPTIONS})
        nodes = [cluster.add_node(num_cpus=1, **OPTIONS) for _ in range(2)]
        lost = 0
        for name, grid in GRID.items():
            started = time.monotonic()
            process = _start(
                [*grid, *COMMON, "--runs", str(together), "--executor", "ray", "--ray-address", cluster.address]
            )
            # Kill a node once some cells are done and others run.
            before = len(_records(together))
            while process.poll() is None and len(_records(together)) < before + 4:
                time.sleep(0.2)
            if process.poll() is None:
                cluster.remove_node(nodes.pop(), allow_graceful=False)
                nodes.append(cluster.add_node(num_cpus=1, **OPTIONS))
                lost += 1
            status = process.wait()
            seconds = time.monotonic() - started
            print(f"{name}: Ray, two nodes, one of them killed: {seconds:.0f} s, exit status {status}", flush=True)
        cluster.shutdown()

        expected, found = _records(alone), _records(together)
        differ = [name for name in expected | found if expected.get(name) != found.get(name)]
        print(f"{len(expected)} cells, {lost} nodes killed, {len(found)} records, {len(differ)} differ: {differ}")
        return 1 if differ or len(expected) != 24 else 0


def _start(arguments: list[str]) -> subprocess.Popen[bytes]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "bench.cli.main", "run", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def _records(runs: Path) -> dict[str, Any]:
    """Return the records by their cells, without what is no function of the cell."""
    found = {}
    for path in runs.glob("cells/*/record.json"):
        record = json.loads(path.read_text())
        del record["environment"], record["sha256"]
        for generation in record["generations"]:
            del generation["cost"]["seconds"], generation["cost"]["peak_memory_bytes"]
        found[path.parent.name] = record
    return found


if __name__ == "__main__":
    sys.exit(main())
