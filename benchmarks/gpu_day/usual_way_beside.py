"""Stage e: the usual way beside ours, as `generation.py` compares them, on the standard network of cifar10.

The images are noise, smoothed so that a PNG file of them is as large as one of a photograph. Steps and images are as
many as the time allows; at every size both do the same work.
"""

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from generation import GENERATIONS, Work, changed, measure_generations, medians
from torch.nn import functional as F
from torchvision.transforms.functional import to_pil_image
from training_loop import LoopWork, measure_loops

from bench.cells.generator_settings import DDPMSettings
from bench.cells.task import load_task
from bench.cells.task_sections import DataSection
from gpu_day.networks import StandardNetwork
from gpu_day.worker import Bench, NotHere

NETWORK = "cifar10-ddpm"
PEERS = {"diffusers": "diffusers", "torch_fidelity": "torch-fidelity", "prdc": "prdc"}
WORKERS = 4  # that read the usual way's PNG files on a GPU


def measure(bench: Bench, part: str) -> Iterator[dict[str, Any]]:
    """Measure e.training, the loop alone, or e.generation, everything from start to scores."""
    network = StandardNetwork.of(NETWORK, bench.tiny)
    assert isinstance(network.settings, DDPMSettings)
    data = DataSection(
        source="image_files", channels=3, size=network.data.image_shape[-1], horizontal_flips=True,
        training=1, reference=1,
    )  # fmt: skip
    if part == "e.training":
        warmup, timed = bench.pick((20, 100), (1, 2))
        settings = changed(network.settings, images=(warmup + timed) * network.settings.batch_size)
        yield measure_loops(LoopWork(settings=settings, data=data, device=bench.device.type, warmup=warmup), rounds=1)
        return
    if missing := [name for module, name in PEERS.items() if find_spec(module) is None]:
        raise NotHere(f"not installed: {', '.join(missing)}")
    steps, n = bench.pick((400, 5_000) if bench.seconds_left > 360 else (100, 2_000), (2, 8))
    images = noise_files(bench.folder.work / f"noise-{n}", n, data.image_shape[-1])
    work = Work(
        task=load_task("cifar10").model_copy(
            update={"name": "noise", "data": data.model_copy(update={"training": n, "reference": n})}
        ),
        given=images,
        settings=changed(
            network.settings,
            images=steps * network.settings.batch_size,
            sampling_batch=min(network.settings.sampling_batch, n),
        ),
        data=data,
        pool=n,
        samples=n,
        reference=n,
        device=bench.device.type,
        workers=WORKERS if bench.on_gpu else 0,
    )
    yield summed_up(medians(measure_generations(work, rounds=1))) | {"steps": steps, "images": n}
    shutil.rmtree(images, ignore_errors=True)


def summed_up(columns: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return seconds by stage, and how many times longer the usual way takes."""
    first, further, usual = (columns[name]["total"] for name in ("ours, first", "ours, further", "usual way"))
    cached = columns["usual way, reference cached"]["total"]
    loop = first + (GENERATIONS - 1) * further
    return {
        "seconds": columns,
        "first": usual / first,
        "further": usual / further,
        "further_with_reference_cached": cached / further,
        f"loop_of_{GENERATIONS}": GENERATIONS * usual / loop,
    }


def noise_files(folder: Path, n: int, side: int) -> Path:
    """Write n training and n reference images as PNG files, and return their folder."""
    if folder.exists():
        return folder
    unfinished = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    random = torch.Generator().manual_seed(0)
    for part in ("train", "test"):
        (unfinished / part).mkdir(parents=True)
        coarse = torch.rand((n, 3, max(1, side // 4), max(1, side // 4)), generator=random)
        smooth = F.interpolate(coarse, size=side, mode="bilinear")
        grain = 0.1 * torch.rand((n, 3, side, side), generator=random)
        for i, image in enumerate(((smooth + grain) / 1.1).mul(255).to(torch.uint8)):
            to_pil_image(image).save(unfinished / part / f"{i:06d}.png")
    unfinished.replace(folder)
    return folder
