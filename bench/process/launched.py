"""Whether this process was launched together with others, as the launcher says in the environment."""

import os


def count() -> int:
    """Return how many processes were launched together with this one, itself included."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "LOCAL_RANK" in os.environ else 1


def is_alone_by_mistake() -> bool:
    """Return whether `accelerate launch --cpu` was to start several processes: without MPI it starts this one."""
    return "MASTER_ADDR" in os.environ and "LOCAL_RANK" not in os.environ and "ACCELERATE_USE_CPU" in os.environ


def rank() -> int:
    """Return the number of this process among those that were launched together, from 0."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def local_rank() -> int:
    """Return the number of this process among those of this machine that were launched together, from 0."""
    return int(os.environ["LOCAL_RANK"]) if count() > 1 else 0
