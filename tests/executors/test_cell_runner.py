"""A cell is what it is alone, whatever ran before it in the same process."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from builders import CPU, QUIET, comparable, make_cell

from bench.cells import class_file
from bench.cells.loops import LOOP_KINDS, Loop
from bench.cells.task import Task, TierSection
from bench.cells.task_sections import LoopSizes
from bench.conformance.tiny import N_SCORE, SETTINGS, settings_of
from bench.executors.cell_runner import CellRunner
from bench.executors.grid import PlannedCell
from bench.generators.file import load_generator
from bench.methods.file import LoadedMethod, load_method
from bench.paths import baseline_names
from bench.process.progress import Progress

Run = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def task(digits: Task) -> Task:
    """The digits with a smoke tier that takes a part of a second, for both networks."""
    sizes = {"generations": 2, "n_initial": 280, "n_synthetic": 60}
    smoke = TierSection(
        n_score=N_SCORE,
        loops={kind: LoopSizes(**sizes, n_real=0 if kind == "fully_synthetic" else 60) for kind in LOOP_KINDS},
        generators={
            name: SETTINGS[name].model_dump(exclude_defaults=True) | {"channels": [16]}
            for name in ("ddpm", "stylegan")
        },
    )
    return digits.model_copy(update={"tiers": digits.tiers | {"smoke": smoke}})


@pytest.fixture(scope="module")
def run(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run methods one after the other as one command does; return their records without times, or why they failed."""

    def records(*methods: LoadedMethod, loop: Loop, generator: str, seeds: Sequence[int] | None = None) -> list[Any]:
        runner = CellRunner(tmp_path_factory.mktemp("runs"), None, CPU, QUIET)
        loop = loop.model_copy(update={"generations": 2})
        loaded = load_generator(generator)
        cells = [
            PlannedCell(
                make_cell(generator=loaded.identity, loop=loop, method=method.identity, seed=seed),
                task,
                method,
                loaded,
            )
            for method, seed in zip(methods, seeds or [0] * len(methods), strict=True)
        ]
        runner.check(cells)
        found = []
        for planned in cells:
            outcome = runner.attempt(planned, QUIET)
            assert outcome is not None
            found.append(outcome.error or comparable(runner._open(planned).record_path))
        return found

    return records


@pytest.fixture(scope="module")
def plain(run: Run) -> Callable[[Loop, str], dict]:
    """Return the plain loop's record where nothing ran before."""

    @functools.cache
    def alone(loop: Loop, generator: str) -> dict:
        [record] = run(load_method("none"), loop=loop, generator=generator)
        return record

    return alone


def baselines_by_setting() -> dict[tuple[Loop, str], list[LoadedMethod]]:
    """Return all baselines but the plain loop, by the first loop and generator of the digits that each is for."""
    found: dict[tuple[Loop, str], list[LoadedMethod]] = {}
    for method in map(load_method, baseline_names()):
        if method.identity.name != "none":
            cell = next(cell for cell in settings_of(method)[0] if cell.task == "digits")
            found.setdefault((cell.loop, cell.generator), []).append(method)
    return found


@pytest.mark.slow  # all baselines; the tests below show each kind of leak by itself
@pytest.mark.parametrize(
    ("where", "baselines"),
    baselines_by_setting().items(),
    ids=[f"{loop.kind}-{generator}-{len(of)}" for (loop, generator), of in baselines_by_setting().items()],
)
def test_the_plain_loop_after_the_baselines_has_the_bits_of_the_plain_loop_alone(run: Run, plain, where, baselines):
    loop, generator = where
    *_, after = run(*baselines, load_method("none"), loop=loop, generator=generator)
    assert after == plain(loop, generator)


@pytest.mark.parametrize(
    ("there_is_a_folder", "reason"),
    [(True, "torch.compile failed on cpu: give --no-compile"), (False, "compiled code cannot be kept there")],
)
def test_a_cell_whose_network_cannot_be_compiled_goes_on_without_and_its_record_says_so(
    task: Task,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    there_is_a_folder: bool,
    reason: str,
):
    def broken(graph: Any, inputs: Any) -> Any:
        raise OSError("no compiler found")

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=broken))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    if not there_is_a_folder:
        (tmp_path / "compiled").write_text("a file")
    loop, none, ddpm = where_the_plain_loop_runs(), load_method("none"), load_generator("ddpm")
    loop = loop.model_copy(update={"generations": 1})
    records = {}
    for engine in (CPU, replace(CPU, compiled=True)):
        cell = make_cell(generator=ddpm.identity, loop=loop, method=none.identity)
        runner = CellRunner(tmp_path / str(engine.compiled), None, engine, Progress())
        outcome = runner.attempt(PlannedCell(cell, task, none, ddpm), Progress())
        assert outcome is not None
        assert outcome.record is not None
        assert not outcome.record.environment.compiled
        records[engine.compiled] = comparable(runner._open(outcome.planned).record_path)
    assert records[True] == records[False]
    said = capsys.readouterr().err
    assert reason in said
    assert "goes on without" in said


CHANGES = {
    "settings in sample": """
    def sample(self, generator, n, ctx):
        generator.settings = generator.settings.model_copy(update={"learning_rate": 1e-5})
        return super().sample(generator, n, ctx)
""",
    "attributes in refine": """
    def refine(self, generator, pool, ctx):
        sample = generator.sample
        generator.sample = lambda labels, seeds, *rest: sample(labels, seeds[::-1], *rest)
""",
    "images and labels": """
    def curate(self, pool, ctx):
        for tensor in (ctx.real.images, ctx.real.labels, ctx.pool.data.images, ctx.labels(30)):
            tensor.mul_(0)
        return pool

    def prepare(self, generator, ctx):
        self.curate(ctx.pool, ctx)
""",
}


def where_the_plain_loop_runs(kind: str = "fully_synthetic") -> Loop:
    return next(cell.loop for cell in settings_of(load_method("none"))[0] if cell.loop.kind == kind)


@pytest.mark.parametrize("body", CHANGES.values(), ids=CHANGES)
def test_what_a_method_does_to_what_it_is_handed_ends_with_its_cell(run: Run, plain, tmp_path: Path, body: str):
    path = tmp_path / "mine.py"
    path.write_text(f"from bench import Method\n\nclass Mine(Method):{body}")
    mine, none = load_method(str(path)), load_method("none")
    loop = where_the_plain_loop_runs("synthetic_augmentation")
    changed, after = run(mine, none, loop=loop, generator="ddpm")
    assert after == plain(loop, "ddpm")
    assert changed["generations"] != after["generations"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Method.n_synthetic = lambda self, loop: 3", "changed bench.methods.method.Method.n_synthetic"),
        ("type(generator).sample = None", "bench.generators.ddpm.DDPM.sample was to be changed"),
        ("torch.randn = torch.zeros", "changed torch.randn"),
    ],
)
def test_a_method_that_changes_the_benchmark_fails_and_the_next_cell_does_not_see_it(
    run: Run, plain, tmp_path: Path, body: str, said: str
):
    path = tmp_path / "mine.py"
    path.write_text(
        "import torch\nfrom bench import Method\n\n"
        f"class Mine(Method):\n    def refine(self, generator, pool, ctx):\n        {body}\n"
    )
    loop = where_the_plain_loop_runs()
    error, after = run(load_method(str(path)), load_method("none"), loop=loop, generator="ddpm")
    assert said in error
    assert after == plain(loop, "ddpm")


def test_settings_and_random_states_of_torch_are_put_back_after_a_cell(run: Run, tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(
        "import torch\nfrom bench import Method\n\nclass Mine(Method):\n"
        "    def state_dict(self):\n        torch.manual_seed(7)\n        torch.set_grad_enabled(False)\n"
        "        return {}\n"
    )
    states = []
    for method in (load_method("none"), load_method(str(path))):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            run(method, loop=where_the_plain_loop_runs(), generator="ddpm")
            states.append(torch.get_rng_state())
    assert torch.equal(*states)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("reads", ["len(ctx.real)", "getattr(ctx, '_' + 'real')()", "type(ctx).real.fget(ctx)"])
def test_real_images_are_counted_whichever_way_they_are_asked_for(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: str
):
    monkeypatch.setattr(class_file, "check_source", lambda path, content: None)
    path = tmp_path / "mine.py"
    path.write_text(
        "from bench import Method\n\nclass Mine(Method):\n    def curate(self, pool, ctx):\n"
        f"        {reads}\n        return pool[:30]\n"
    )
    [record] = run(load_method(str(path)), loop=where_the_plain_loop_runs("fresh_data"), generator="ddpm")
    assert [generation["cost"]["real_images"] for generation in record["generations"]] == [280, 60]


KEEPS = {
    "a list of the module": ("pass", "COUNTS.append(1)", "len(COUNTS)"),
    "an iterator of the module": ("pass", "pass", "next(NUMBERS)"),
    "an attribute of the class": ("kept = 0", "Mine.kept += 1", "self.kept"),
    "a list in the class": ("kept = []", "self.kept.append(1)", "len(self.kept)"),
    "an argument's default": ("def more(self, kept=[]): kept.append(1); return len(kept)", "pass", "self.more()"),
}


@pytest.mark.parametrize(("declared", "grows", "kept"), KEEPS.values(), ids=KEEPS)
def test_what_a_methods_file_keeps_ends_with_its_cell(run: Run, tmp_path: Path, declared: str, grows: str, kept: str):
    path = tmp_path / "mine.py"
    path.write_text(
        "import itertools\nfrom bench import Method\n\nCOUNTS = []\nNUMBERS = itertools.count(1)\n\n"
        f"class Mine(Method):\n    {declared}\n\n    def curate(self, pool, ctx):\n        {grows}\n"
        f"        return pool[: 60 - 20 * ({kept})]\n"
    )
    options: dict[str, Any] = {"loop": where_the_plain_loop_runs(), "generator": "ddpm"}
    mine = load_method(str(path))
    _, after = run(mine, mine, **options, seeds=(0, 1))
    [alone] = run(load_method(str(path)), **options, seeds=(1,))
    assert after == alone


GENERATOR = """
import torch
from bench import Generator, ImageSet

FITS = []

class Mine(Generator):
    kept = []

    def fit(self, pool, *, seed, from_scratch, checkpoint, progress, weights=None, budget=1.0, learning_rate=1.0):
        FITS.append(1)
        self.kept.append(1)

    def sample(self, labels, seeds, sampling_bias, progress):
        numbers = [torch.Generator().manual_seed(seed % 2**40) for seed in seeds]
        images = torch.stack([torch.randint(256, self.data.image_shape, generator=each) for each in numbers])
        return ImageSet((images // (len(FITS) + len(self.kept))).to(torch.uint8), labels)

    def images_per_fit(self, n):
        return n

    def evaluations_per_image(self, sampling_bias):
        return 0

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass
"""


def test_what_a_generators_file_keeps_ends_with_its_cell(run: Run, tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(GENERATOR)
    options: dict[str, Any] = {"loop": where_the_plain_loop_runs(), "generator": str(path)}
    _, after = run(load_method("none"), load_method("none"), **options, seeds=(0, 1))
    [alone] = run(load_method("none"), **options, seeds=(1,))
    assert after == alone
