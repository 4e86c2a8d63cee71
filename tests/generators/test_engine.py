"""The engine: what a GPU is given, shown on the CPU, and what a user is told where it does not work."""

import gc
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import models
import pytest
import torch
from builders import CPU, Killed, KilledCheckpoint, make_images
from models import Build, equal
from torch import Tensor
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

from bench.errors import CannotCompile, RunFailed
from bench.generators.ddpm import DDPM
from bench.generators.engine import Engine
from bench.generators.network import NetworkGenerator
from bench.generators.stylegan import StyleGAN

# What diffusers does in an upsampling layer; its version check is constant.
pytestmark = pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")

COMMON: dict[str, Any] = {"shape": (3, 8, 8), "flips": True, "learning_rate": 1e-3, "sampling_batch": 8}
AS_ON_A_GPU = Engine(torch.device("cpu"), bfloat16=True, channels_last=True, compiled=True)
POOL = make_images(24, shape=(3, 8, 8))


def ddpm(engine: Engine) -> DDPM:
    return models.ddpm(engine=engine, channels=[16, 32], attention=True, sampling_steps=5, **COMMON)


def stylegan(engine: Engine) -> StyleGAN:
    return models.stylegan(engine=engine, channels=[16, 16], latent=16, augment=["color", "translation"], **COMMON)


@pytest.fixture(autouse=True)
def compiled_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    return tmp_path / "compiled"


BOTH = pytest.mark.parametrize("build", [ddpm, stylegan])


def fit(model: NetworkGenerator) -> NetworkGenerator:
    return models.fit(model, pool=POOL)


def sample(model: NetworkGenerator) -> Tensor:
    return models.sample(model, torch.arange(8), list(range(8)), 0.8).float()


def on_a_cpu(monkeypatch: pytest.MonkeyPatch, multiplies_bfloat16: bool) -> Engine:
    for name, has in (("_is_avx512_bf16_supported", multiplies_bfloat16), ("_is_amx_tile_supported", False)):
        monkeypatch.setattr(torch.cpu, name, lambda has=has: has)
    return Engine.on(torch.device("cpu"))


def test_a_cpu_that_does_not_multiply_bfloat16_runs_all_networks_in_float32(monkeypatch: pytest.MonkeyPatch):
    engine = on_a_cpu(monkeypatch, False)
    assert engine == CPU
    assert engine.suited_to([64, 128]) == CPU


def test_a_cpu_that_multiplies_bfloat16_runs_wide_networks_in_it_and_narrow_ones_in_float32(
    monkeypatch: pytest.MonkeyPatch,
):
    engine = on_a_cpu(monkeypatch, True)
    layouts = {"narrow": [32, 64], "wide": [64]}
    for build in (partial(models.ddpm, layers_per_block=1), partial(models.stylegan, latent=8)):
        found = {name: build(engine=engine, channels=channels).engine for name, channels in layouts.items()}
        assert not found["narrow"].bfloat16
        assert found["wide"].bfloat16
        assert not any(used.compiled for used in found.values())


@BOTH
def test_a_network_of_somebody_elses_engine_is_run_as_that_engine_says(build: Build):
    assert build(CPU).engine == CPU
    assert build(AS_ON_A_GPU).engine == AS_ON_A_GPU


@pytest.mark.parametrize("compiled", [True, False])
def test_a_gpu_gets_everything_and_compilation_unless_it_is_switched_off(compiled: bool):
    engine = Engine.on(torch.device("cuda:0"), compiled=compiled)
    assert engine == Engine(torch.device("cuda:0"), bfloat16=True, channels_last=True, compiled=compiled)


@pytest.mark.slow  # it compiles
@BOTH
def test_what_a_gpu_does_gives_the_images_of_plain_float32_up_to_rounding(
    monkeypatch: pytest.MonkeyPatch, build: Build
):
    # The graphs are captured and differentiated as on a GPU, and then run without generated code.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    plain, fast = sample(fit(build(CPU))), sample(fit(build(AS_ON_A_GPU)))
    assert not torch.equal(plain, fast)  # bfloat16 was used
    assert (plain - fast).abs().mean() < 0.03 * 255
    assert float(torch.corrcoef(torch.stack([plain.flatten(), fast.flatten()]))[0, 1]) > 0.99


@BOTH
def test_weights_and_averages_stay_float32(build: Build):
    model = fit(build(Engine(torch.device("cpu"), bfloat16=True)))
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}


@BOTH
def test_networks_are_laid_out_with_the_channels_last_where_the_engine_says_so(build: Build):
    def strides(engine: Engine) -> list[bool]:
        networks = [value for value in vars(build(engine)).values() if isinstance(value, torch.nn.Module)]
        kernels = [weight for n in networks for weight in n.parameters() if weight.ndim == 4 and weight.shape[2] > 1]
        return [weight.is_contiguous(memory_format=torch.channels_last) for weight in kernels]

    assert all(strides(Engine(torch.device("cpu"), channels_last=True)))
    assert not any(strides(CPU))


def out_of_memory(*_: Any) -> Any:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore lines.")


@pytest.mark.parametrize(
    ("method", "use", "message"),
    [
        ("train_step", fit, r"too small for a training step with batch_size = 16: lower batch_size"),
        ("draw", sample, r"too small for a batch of samples with sampling_batch = 8: lower sampling_batch"),
    ],
    ids=["fit", "sample"],
)
@BOTH
def test_too_little_memory_is_explained_with_the_setting_to_lower(
    monkeypatch: pytest.MonkeyPatch, build: Build, method: str, use: Callable[[NetworkGenerator], Any], message: str
):
    model = build(CPU)
    monkeypatch.setattr(model, method, out_of_memory)
    with pytest.raises(RunFailed, match=message):
        use(model)


def test_a_network_that_cannot_be_compiled_is_explained_with_the_switch(monkeypatch: pytest.MonkeyPatch):
    def broken(graph: Any, inputs: Any) -> Any:
        raise OSError("no compiler found")

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=broken))
    with pytest.raises(CannotCompile, match=r"torch.compile failed on cpu: give --no-compile"):
        fit(ddpm(AS_ON_A_GPU))


@BOTH
def test_a_second_network_of_the_same_shapes_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch, build: Build):
    compiled: list[Any] = []

    def counting(graph: Any, inputs: Any) -> Any:
        compiled.append(graph)
        return graph

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counting))
    engine = Engine(torch.device("cpu"), compiled=True)
    first = sample(fit(build(engine)))
    n = len(compiled)
    gc.collect()  # the first one is gone, as it is when the next cell begins
    assert n > 0
    assert torch.equal(sample(fit(build(engine))), first)
    assert len(compiled) == n


def test_compiled_code_is_kept_in_the_cache_folder_unless_the_user_names_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(torch, "compile", lambda network, **_: network)
    monkeypatch.setenv("AUTOPHAGY_CACHE", str(tmp_path / "ours"))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    ddpm(AS_ON_A_GPU)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "ours" / "compiled")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", default_cache_dir())  # as torch does where it is imported
    ddpm(AS_ON_A_GPU)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "ours" / "compiled")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "theirs"))
    ddpm(AS_ON_A_GPU)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "theirs")


def test_a_folder_for_compiled_code_that_cannot_be_written_is_one_line(compiled_code: Path):
    compiled_code.write_text("a file")
    with pytest.raises(CannotCompile) as raised:
        ddpm(AS_ON_A_GPU)
    assert str(raised.value) == (
        f"{compiled_code}: compiled code cannot be kept there (File exists): AUTOPHAGY_CACHE or "
        "TORCHINDUCTOR_CACHE_DIR name another folder, --no-compile does without"
    )


IN_BFLOAT16 = Engine(torch.device("cpu"), bfloat16=True)


@BOTH
def test_a_fit_in_bfloat16_has_the_same_bits_again_and_after_a_resume(build: Build):
    check_same_bits(build, IN_BFLOAT16)


# Code is made for the smallest networks: what is more in a large one is captured and differentiated above.
SMALLEST: dict[str, Build] = {
    "ddpm": lambda engine: models.ddpm(engine=engine, channels=[16], sampling_steps=2, **COMMON),
    "stylegan": lambda engine: models.stylegan(engine=engine, channels=[8], **COMMON),
}


@pytest.fixture(scope="module")
def made_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the tests that make code: most of the time goes into headers, which are compiled once."""
    return tmp_path_factory.mktemp("made")


@pytest.mark.slow  # it compiles
@pytest.mark.parametrize("build", SMALLEST.values(), ids=SMALLEST)
def test_a_compiled_fit_has_the_same_bits_again_and_after_a_resume_and_the_images_of_one_that_is_not_up_to_rounding(
    build: Build, made_code: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(made_code))
    # Between the fits everything that was compiled is forgotten, as by a new process.
    compiled = check_same_bits(build, replace(CPU, compiled=True), meanwhile=torch.compiler.reset)
    assert list(made_code.rglob("*.so"))
    plain = fit(build(CPU))
    assert not equal(plain.state_dict(), compiled.state_dict())
    assert (sample(plain) - sample(compiled)).abs().mean() < 0.5


def check_same_bits(build: Build, engine: Engine, meanwhile: Callable[[], object] = gc.collect) -> NetworkGenerator:
    """Fit, fit again, and fit with a stop in between: all three have the same weights and images; return the first."""
    first = fit(build(engine))
    meanwhile()
    again, killed, resumed = fit(build(engine)), build(engine), build(engine)
    checkpoint = KilledCheckpoint(2)
    with pytest.raises(Killed):
        models.fit(killed, pool=POOL, checkpoint=checkpoint)
    meanwhile()
    models.fit(resumed, pool=POOL, checkpoint=checkpoint)
    for other in (again, resumed):
        assert equal(first.state_dict(), other.state_dict())
        assert torch.equal(sample(first), sample(other))
    return first
