"""What values are, in short: to see whether something has changed, or whether two runs have come to the same."""

import hashlib
import random
import re
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.data.image_set import ImageSet
from bench.methods.pool import Pool

DEPTH = 6  # of objects in objects; what lies deeper is not looked at


def fingerprint(value: object, depth: int = DEPTH) -> str:
    """Return a text that is the same for equal values, and has no memory addresses in it."""
    match value:
        case Tensor():
            return _tensor(value)
        case np.ndarray():
            return f"array {value.dtype} {value.shape} {_digest(np.ascontiguousarray(value).tobytes())}"
        case torch.Generator():
            return _tensor(value.get_state())
        case np.random.Generator():
            return repr(value.bit_generator.state)
        case ImageSet():
            return fingerprint([value.images, value.labels])
        case Pool():
            return fingerprint([value.data, value.origin, value.weights])
        case str() | bytes() | int() | float() | complex() | None:
            return repr(value)
    if depth == 0:
        return type(value).__name__
    match value:
        case nn.Module():
            return fingerprint(value.state_dict(), depth - 1)
        case Mapping():
            items = [f"{fingerprint(k, depth - 1)}: {fingerprint(v, depth - 1)}" for k, v in value.items()]
            return f"{{{', '.join(sorted(items))}}}"  # a file gives a state back in another order
        case list() | tuple():
            return f"[{', '.join(fingerprint(part, depth - 1) for part in value)}]"
        case set() | frozenset():
            return f"{{{', '.join(sorted(fingerprint(part, depth - 1) for part in value))}}}"
    if isinstance(value, _CODE) or not hasattr(value, "__dict__"):
        return re.sub(" at 0x[0-9a-f]+", "", repr(value))
    return f"{type(value).__name__} {fingerprint(vars(value), depth - 1)}"


_CODE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)


def _tensor(value: Tensor) -> str:
    content = value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    return f"tensor {value.dtype} {tuple(value.shape)} {_digest(content)}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def random_states() -> dict[str, str]:
    """Return the fingerprints of the random states that all code of a process shares."""
    return {
        "torch": fingerprint(torch.get_rng_state()),
        "numpy.random": fingerprint(np.random.get_state()),  # noqa: NPY002 - looked at, not drawn from
        "random": _digest(repr(random.getstate()).encode()),  # 625 numbers: one by one they would take the longest
    }


def global_values(module: types.ModuleType, *further: type) -> dict[str, str]:
    """Return the fingerprints of a module's variables, and of the attributes of its classes.

    Args:
        module: of a method's file.
        further: classes that stand for classes of the module of the same name; what was set on them counts.
    """
    values = {name: value for name, value in vars(module).items() if _is_variable(name, value)}
    own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]
    for definition in (*own, *further):
        for name, value in vars(definition).items():
            if _is_variable(name, value):
                values[f"{definition.__name__}.{name}"] = value
    return {name: fingerprint(value) for name, value in values.items()}


def _is_variable(name: str, value: Any) -> bool:
    if name.startswith("__") or name == "_abc_impl" or isinstance(value, _CODE):
        return False
    return not isinstance(value, (staticmethod, classmethod, property))
