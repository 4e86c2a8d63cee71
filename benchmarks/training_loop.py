"""The training loop alone: images per second of ours and of the usual way, and the share of the chip that they use.

Part of `generation.py`, which says what the two are. Both train the same network on random images that are in memory
already, where only ours mirrors them, and are timed after a warm-up, which takes in compilation.
"""

import resource
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch
from diffusers import UNet2DModel
from scorer import take_turns
from torch.utils.flop_counter import FlopCounterMode
from usual_way.settings import model_config, training_options

from bench.cells.generator_settings import DDPMSettings
from bench.cells.task_sections import DataSection
from bench.data.image_set import ImageSet
from bench.generators.build import build_generator
from bench.generators.engine import Engine
from bench.process.progress import Progress

# Dense bfloat16, FLOP/s, by a part of the name that the driver gives; the first that fits.
PEAKS = {"H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "A100": 312e12}
MATRIX_SIZES = {"cpu": 2048, "cuda": 8192}
N_IMAGES = 1024


@dataclass(frozen=True)
class LoopWork:
    """What both loops do.

    Attributes:
        settings: of the DDPM; its steps include the warm-up.
        data: what the images are like.
        device: cpu or cuda.
        warmup: steps that are not timed.
    """

    settings: DDPMSettings
    data: DataSection
    device: str
    warmup: int


class Stopwatch:
    """Notes when the warm-up and the last step are done; as the checkpoint of a fit it is asked once a step."""

    def __init__(self, work: LoopWork) -> None:
        self._device = work.device
        self._marks = (work.warmup, work.settings.steps)
        self._times: list[float] = []
        self._step = 0

    @property
    def seconds(self) -> float:
        """From the end of the warm-up to the end of the last step."""
        warmed_up, finished = self._times
        return finished - warmed_up

    def step(self) -> None:
        """Count a step."""
        self._step += 1
        if self._step in self._marks:
            if self._device == "cuda":
                torch.cuda.synchronize()
            self._times.append(time.perf_counter())

    def load(self) -> None:
        """There is nothing to resume."""

    def due(self) -> bool:
        """Count a step; nothing is saved."""
        self.step()
        return False

    def save(self, state: object) -> None:
        """Never called."""


def train_ours(work: LoopWork, stopwatch: Stopwatch) -> int:
    """Train as the benchmark does, and return the number of parameters."""
    images = torch.randint(0, 256, (N_IMAGES, *work.data.image_shape), dtype=torch.uint8)
    generator = build_generator(work.settings, work.data.shape, Engine.on(torch.device(work.device)))
    generator.fit(ImageSet(images), seed=0, from_scratch=True, checkpoint=stopwatch, progress=Progress("ours"))
    return sum(weight.numel() for weight in generator.state_dict().values())


def train_usual(work: LoopWork, stopwatch: Stopwatch) -> int:
    """Train as the script of diffusers does, and return the number of parameters."""
    # Not above: our own process does without it.
    from usual_way.train import new_ema, new_scheduler, parsed, training_steps

    options = parsed(training_options(work.settings, work.data, work.device, workers=0))
    network = UNet2DModel.from_config(model_config(work.settings, work.data)).to(options.device)
    images = torch.rand(N_IMAGES, *work.data.image_shape) * 2 - 1
    for _ in training_steps(network, new_ema(network), new_scheduler(options), images, options):
        stopwatch.step()
    return sum(weight.numel() for weight in network.parameters())


LOOPS = {"ours": train_ours, "usual way": train_usual}


def measure_loop(candidate: str, work: LoopWork, result: Connection) -> None:
    """Send the images per second, the peak memory in MiB (of the GPU, or the process), and the parameters."""
    stopwatch = Stopwatch(work)
    parameters = LOOPS[candidate](work, stopwatch)
    images = (work.settings.steps - work.warmup) * work.settings.batch_size
    result.send((images / stopwatch.seconds, peak_memory(work.device), {"parameters": parameters}))


def peak_memory(device: str) -> float:
    """Return the most memory in MiB that this process had: tensors on a GPU, everything on a CPU."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def measure_loops(work: LoopWork, rounds: int) -> dict:
    """Return the speeds of both loops, the FLOP of a step for one image, the peak in FLOP/s and where it is from."""
    flop = flop_per_image(work)
    peak, source = known_peak(work.device) or measured_peak(work.device)
    found = take_turns(LOOPS, rounds, measure_loop, work)
    parameters = {row["scores"]["parameters"] for row in found.values()}
    assert len(parameters) == 1, f"the networks differ: {parameters} parameters"
    speeds = {name: row["value"] for name, row in found.items()}
    memory = {name: row["memory_mib"] for name, row in found.items()}
    return {
        "parameters": parameters.pop(),
        "flop_per_image": flop,
        "peak": peak,
        "peak_from": source,
        "images_per_second": speeds,
        "memory_mib": memory,
        "share_of_peak": {name: speed * flop / peak for name, speed in speeds.items()},
    }


def print_loops(found: dict) -> None:
    """Print the table."""
    print(
        f"{found['parameters']:,} parameters, {found['flop_per_image'] / 1e9:.2f} GFLOP for an image and its gradient"
    )
    print(f"peak {found['peak'] / 1e12:.3g} TFLOP/s ({found['peak_from']})")
    for name, speed in found["images_per_second"].items():
        share, memory = found["share_of_peak"][name], found["memory_mib"][name]
        print(f"{name:12}{speed:10.1f} images/s{share:8.1%} of the peak{memory:10.0f} MiB")
    own, usual = found["images_per_second"].values()
    print(f"ours / usual way: {own / usual:.2f}")


def flop_per_image(work: LoopWork) -> float:
    """Count the products and sums of a forward and a backward pass; nothing is computed."""
    n = 2
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = UNet2DModel.from_config(model_config(work.settings, work.data))
        network(torch.empty(n, *work.data.image_shape), torch.zeros(n)).sample.sum().backward()
    return counter.get_total_flops() / n


def known_peak(device: str) -> tuple[float, str] | None:
    """Return the published peak of a known GPU and what it is, or None."""
    if device == "cpu":
        return None
    name = torch.cuda.get_device_name()
    part = next((part for part in PEAKS if part in name), None)
    return None if part is None else (PEAKS[part], f"{name}, dense bfloat16, published")


def measured_peak(device: str) -> tuple[float, str]:
    """Return the FLOP/s of a product of large matrices, the best of five, and what it was."""
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    size = MATRIX_SIZES[device]
    matrix = torch.randn(size, size, device=device, dtype=dtype)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        (matrix @ matrix)[0, 0].item()  # waits for the device
        seconds.append(time.perf_counter() - started)
    kind = str(dtype).removeprefix("torch.")
    return 2 * size**3 / min(seconds), f"measured: a {kind} product of {size}x{size} matrices"
