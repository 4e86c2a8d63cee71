"""The commands that make a result again."""

import shlex

from bench.record import Record


def run_command(record: Record) -> str:
    """Return the command line that reproduces a cell, quoted for a shell.

    Data that is not the task's own cannot be found from a hash, so its place is left to fill in: PATH.
    """
    cell, loop = record.cell, record.cell.loop
    words = ["autophagy", "run", "--task", cell.task, "--generator", cell.generator]
    words += ["--loop", loop.kind, "--method", cell.method.option, "--tier", cell.tier, "--seeds", str(cell.seed)]
    words += ["--pool", loop.pool, "--sampling-bias", str(loop.sampling_bias)]
    words += ["--generations", str(loop.generations)]
    if loop.kind != "fully_synthetic":
        words += ["--n-real", str(loop.n_real)]
    words += ["--n-synthetic", str(loop.n_synthetic), "--n-initial", str(loop.n_initial), "--protocol", loop.protocol]
    if loop.contamination is not None:
        words += ["--contamination", str(loop.contamination)]
    if not record.data.pinned:
        words += ["--data", "PATH"]
    return shlex.join(words)


def rescore_command(record: Record) -> str:
    """Return the command line that scores a finished cell in the feature space of this record, for a shell."""
    return shlex.join(["autophagy", "rescore", f"runs/cells/{record.cell.slug}", "--features", record.score.features])
