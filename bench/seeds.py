"""Seeds are hashes of coordinates, so nothing depends on the order in which things are drawn."""

import copy
import hashlib
import json

import torch
from torch import nn


def derive_seed(*coordinates: str | int | float) -> int:
    """Return the 63-bit seed of the thing at these coordinates.

    Two things that share all coordinates share their random numbers; what is compared (the method, the loop) is
    therefore left out of the coordinates and the comparison is paired.

    Args:
        coordinates: the words and numbers that say what the seed is for, the most general first.

    Returns:
        An integer in [0, 2**63): the start of the SHA-256 of the coordinates written as JSON.
    """
    digest = hashlib.sha256(json.dumps(coordinates).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def derive_generator(*coordinates: str | int | float, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a random generator on `device`, seeded by `derive_seed`."""
    return torch.Generator(device).manual_seed(derive_seed(*coordinates))


def draw_weights(network: nn.Module, seed: int) -> None:
    """Draw all weights of a network anew, as building it did, from `seed` and not from the global random state.

    They are drawn on the CPU and in the usual layout, and so are the same on every device.
    """
    drawn = copy.deepcopy(network).cpu().to(memory_format=torch.contiguous_format)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in drawn.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
    network.load_state_dict(drawn.state_dict())
