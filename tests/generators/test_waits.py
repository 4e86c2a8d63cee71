"""No step of training waits for a GPU: held everywhere by what a step asks of its tensors, on a GPU by torch itself.

A host that waits for a device in each step leaves it idle in between. What makes it wait is a number that is fetched
(`.item()`, `float(tensor)`, an `if` on one), a copy back, a mask that becomes indices, and a copy from memory that is
not pinned.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import models
import pytest
import torch
from builders import MemoryCheckpoint, make_images
from models import Build
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import bench.generators
from bench.data.image_set import ImageSet
from bench.generators.ddpm import DDPM
from bench.generators.engine import Engine
from bench.generators.network import NetworkGenerator
from bench.generators.stylegan import StyleGAN

BOTH = pytest.mark.parametrize("build", [models.ddpm, models.stylegan])
STEPS, WARM = 10, 3  # in the first steps constants are sent to the device

# What a GPU would be waited for, by the names that torch gives it.
WAITING = {
    "aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::equal", "aten::nonzero",
    "aten::masked_select", "aten::_unique2", "aten::unique_dim", "aten::repeat_interleave.Tensor",
}  # fmt: skip


class Waits(TorchDispatchMode):
    """Notes where operations are asked for that a GPU would be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[str] = []
        self.watching = False

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.name()
        masks = name.startswith("aten::index") and any(
            isinstance(index, torch.Tensor) and index.dtype == torch.bool for index in _indices(args)
        )
        if self.watching and (name in WAITING or masks):
            lines = [f for f in inspect.stack() if "/bench/" in f.filename]
            self.places.append(f"{name} at {Path(lines[0].filename).name}:{lines[0].lineno}" if lines else name)
        return function(*args, **(kwargs or {}))


def _indices(args: Any) -> Iterator[Any]:
    for arg in args:
        if isinstance(arg, list | tuple):
            yield from arg


class Watched(MemoryCheckpoint):
    """The checkpoint of a fit whose steps after the first few, but for the last, are watched."""

    def __init__(self, waits: Waits) -> None:
        super().__init__()
        self._waits, self._steps = waits, 0

    def due(self) -> bool:
        self._steps += 1
        self._waits.watching = WARM <= self._steps < STEPS - 1
        return False


def waits_of(build: Build, monkeypatch: pytest.MonkeyPatch, pool: ImageSet, **arguments: Any) -> list[str]:
    """Return where the steps of a fit wait, with the optimizers that a GPU is given: others count on the CPU."""
    for name in ("Adam", "AdamW"):
        plain = getattr(torch.optim, name)
        monkeypatch.setattr(torch.optim, name, lambda *a, plain=plain, **k: plain(*a, **(k | {"fused": True})))
    # Of labels on a GPU it asks no values: a label that is not allowed is an error of the device.
    monkeypatch.setattr(torch.nn.functional, "one_hot", one_hot_of_a_gpu)
    waits = Waits()
    model = build(images=16 * STEPS, flips=True)
    with waits:
        models.fit(model, pool=pool, checkpoint=Watched(waits), **arguments)
    return waits.places


def one_hot_of_a_gpu(labels: Tensor, n: int) -> Tensor:
    return torch.zeros(len(labels), n, dtype=torch.int64).scatter_(1, labels[:, None], 1)


POOL = make_images(24)


@BOTH
def test_no_step_asks_for_what_a_gpu_would_be_waited_for(build: Build, monkeypatch: pytest.MonkeyPatch):
    assert waits_of(build, monkeypatch, POOL) == []


@pytest.mark.parametrize(
    "told",
    [
        {"weights": torch.arange(24).float()},
        {"least_noise": torch.linspace(0, 0.9, 24)},
        {"conditions": torch.arange(24) % 3},
    ],
    ids=lambda told: next(iter(told)),
)
def test_no_step_waits_for_what_a_method_tells_of_each_image(told: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    assert waits_of(models.ddpm, monkeypatch, POOL, **told) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"prediction": "sample", "training_levels": (0.6, 1.0)},
        {"prediction": "epsilon"},
    ],
    ids=["levels", "epsilon"],
)
def test_no_step_of_another_ddpm_waits(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    def build(**changes: Any) -> DDPM:
        return models.ddpm(**settings, **changes)

    assert waits_of(build, monkeypatch, POOL) == []


def test_no_step_of_a_gan_with_all_that_it_can_do_waits(monkeypatch: pytest.MonkeyPatch):
    def build(**changes: Any) -> StyleGAN:
        more = {"augment": ["color", "translation", "cutout"], "latent_input": True, "class_weight": 0.5}
        return models.stylegan(shape=(3, 8, 8), **more, **changes)

    assert waits_of(build, monkeypatch, make_images(24, shape=(3, 8, 8))) == []


@pytest.mark.parametrize(
    ("wait", "name"),
    [
        (lambda loss: loss.item(), "_local_scalar_dense"),
        (lambda loss: float(loss), "_local_scalar_dense"),
        (lambda loss: loss.reshape(1)[loss.reshape(1) > 0], "index.Tensor"),
        (lambda loss: loss.reshape(1).nonzero(), "nonzero"),
    ],
    ids=["item", "float", "mask", "nonzero"],
)
def test_a_step_that_waits_is_found(monkeypatch: pytest.MonkeyPatch, wait: Any, name: str):
    step = DDPM.train_step

    def waiting(self: DDPM, *arguments: Any) -> Any:
        losses = step(self, *arguments)
        wait(losses["loss"])
        return losses

    monkeypatch.setattr(DDPM, "train_step", waiting)
    places = waits_of(models.ddpm, monkeypatch, POOL)
    assert len(places) == STEPS - 1 - WARM
    assert all(name in place for place in places)


# The same, read in the source: what a CPU cannot show is a copy that waits.
GENERATORS = Path(bench.generators.__file__).parent
FILES = [*GENERATORS.glob("*.py"), GENERATORS.parent / "process" / "shares.py"]
FETCHES = {"item", "tolist", "cpu", "numpy", "nonzero", "synchronize"}
SENDS = {"tensor", "as_tensor", "from_numpy"}  # a tensor of the host, which somebody will want on the device


def functions() -> dict[str, list[ast.FunctionDef]]:
    """Return all functions of the generators by their names, and `Class.__init__` by none."""
    found: dict[str, list[ast.FunctionDef]] = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                node.path = path  # type: ignore[attr-defined]
                found.setdefault(node.name, []).append(node)
    return found


def called(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the names of the functions that a piece of code calls."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            yield part.func.attr, part.lineno
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            yield part.func.id, part.lineno


def reached(start: str) -> dict[str, list[ast.FunctionDef]]:
    """Return the functions that a function of this name leads to, by their names: more than really are called."""
    known, waiting, found = functions(), [start], dict[str, list[ast.FunctionDef]]()
    while waiting:
        name = waiting.pop()
        if name in found or name not in known:
            continue
        found[name] = known[name]
        waiting += [each for function in known[name] for each, _ in called(function)]
    return found


def test_the_source_of_a_step_neither_fetches_from_the_device_nor_makes_tensors_on_the_host():
    # The network that a step calls is a module; a function of its name belongs to `features`.
    steps = {name: nodes for name, nodes in reached("train_step").items() if name != "network"}
    assert {"_loss", "_descend", "_judge", "_discriminator_loss", "augment", "drawn_times", "errors"} <= set(steps)
    found = [
        f"{node.path.name}:{line}: {name}"
        for nodes in steps.values()
        for node in nodes
        for name, line in called(node)
        if name in FETCHES | SENDS
    ]
    assert found == []


def test_the_loop_around_the_steps_fetches_losses_only_where_something_is_shown_or_checked():
    [fit] = [node for node in ast.walk(ast.parse(inspect.getsource(NetworkGenerator))) if _is_fit(node)]
    [loop] = [node for node in ast.walk(fit) if isinstance(node, ast.While)]
    behind_a_condition = {
        id(part) for node in ast.walk(loop) if isinstance(node, ast.If) for part in ast.walk(node) if part is not node
    }
    lazily = {id(part) for node in ast.walk(loop) if _is_partial(node) for part in ast.walk(node)}
    open_to_all = [node for node in ast.walk(loop) if id(node) not in behind_a_condition | lazily]
    calls = [node.func for node in open_to_all if isinstance(node, ast.Call)]
    names = {func.attr if isinstance(func, ast.Attribute) else func.id for func in calls if hasattr(func, "ctx")}
    assert names & (FETCHES | SENDS | {"_fetched", "check_losses", "float", "bool"}) == set()
    assert {"train_step", "moved"} <= names


def _is_fit(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "_fit"


def _is_partial(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "partial"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: torch tells there what waits for it")
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", ["ddpm", "stylegan"])
def test_on_a_gpu_no_step_waits_for_it(name: str, compiled: bool):
    from gpu_day.waits import waits_in_steps

    assert waits_in_steps(name, Engine.on(torch.device("cuda:0"), compiled=compiled)) is None
