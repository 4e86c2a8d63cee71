"""One generation of a self-consuming loop, train, sample and score: our engine beside the usual way.

    python benchmarks/generation.py --json generation.json
    python benchmarks/generation.py --training-only --device cuda

The usual way is what people do: three programs for each generation (`usual_way/`). One trains from PNG files, as the
example script of diffusers does; one samples with a pipeline of diffusers to PNG files; one takes FID with
torch-fidelity, and precision and recall with prdc. Ours is one process for all generations, as in `autophagy run`:
trained weights and samples are written, a checkpoint is kept, and what the score needs of the reference is prepared
once.

Both do the same work: steps, batches, noise schedule and target, network evaluations per sample, sampling batch and
numbers of images are the same, and so are the U-Net, which has no labels (the names and sizes of all weights are
compared), and the Inception-v3. Its weights are random, which changes no time; the scores say nothing, as each tool
has a resize of its own. Ours computes KID besides.

The usual way is given: the real images as PNG files of the right size and no time for writing them; no progress bar,
no TensorBoard, no samples and no copies of the model in the course of training; whole batches; DPM-Solver++ with our
number of steps in place of DDPM's thousand; one process for FID and prdc, which builds the network once and extracts
the features of each folder once, on a CPU in the batches that are fastest there. On a GPU it has workers that read the
images, bfloat16 by autocast in training and float16 in sampling; it is not compiled, as the script is not.

Both are timed from the start of a process to its end. Start-up is what no stage accounts for: the interpreter, the
imports, and for us the reading of the real images and the building of the network. We start with empty caches in every
round, that of torch.compile included.

The first generation includes start-up and the preparation of the reference; a further one, the second of our process,
trains on the samples of the first; a loop of three is the first and two further ones. The usual way pays everything
again in each. It could keep the features of the reference in torch-fidelity's cache: the last line of the table takes
their extraction off.

The training loop alone (`training_loop.py`) is measured with images in memory on both sides, at the size of another
task. Candidates take turns, each in processes of its own; medians over the rounds are printed. Ratios are the time of
the usual way over ours.
"""

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from unittest import mock

import torch
from safetensors import safe_open
from training_loop import LoopWork, measure_loops, print_loops
from usual_way.settings import model_config, training_options

from bench.cells.generator_settings import DDPMSettings, GeneratorSettings
from bench.cells.task import TIERS, Task, load_task
from bench.cells.task_sections import DataSection
from bench.data.draws import image_seeds
from bench.data.image_set import ImageSet
from bench.data.real import load_real_data
from bench.features.cache import FeatureCache
from bench.features.inception import load_inception
from bench.features.weights import WeightsFile
from bench.files.hashing import file_sha256
from bench.files.tensors import write_tensors
from bench.generators.build import build_generator
from bench.generators.engine import Engine
from bench.process.progress import Progress
from bench.runs.fit_checkpoint import FitCheckpoint
from bench.runs.samples import image_tensors
from bench.scoring.scorer import Reference, Scorer

GENERATIONS = 3  # of the loop that the table adds up
STAGES = ("start-up", "reference", "training", "sampling", "scoring")
FIDELITY_BATCHES = {"cpu": 16, "cuda": 64}  # the fastest on a CPU, torch-fidelity's own on a GPU
USUAL_WAY = Path(__file__).parent / "usual_way"


@dataclass(frozen=True)
class Work:
    """What a generation is, for both.

    Attributes:
        task: the real images are its own.
        given: where they are, as for `autophagy run --data`.
        settings: of the DDPM.
        data: of the task, without classes.
        pool: real images that the first generation trains on.
        samples: images that are drawn and scored.
        reference: real images that they are scored against.
        device: cpu or cuda.
        workers: processes that read PNG files in the usual way's training.
    """

    task: Task
    given: Path | None
    settings: DDPMSettings
    data: DataSection
    pool: int
    samples: int
    reference: int
    device: str
    workers: int


def ours(work: Work, inputs: Path, folder: Path) -> dict:
    """Run two generations in a process of their own, and return the seconds of both."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "compiled")
    seconds, found = in_process(two_generations, work, inputs, folder)
    first, further = found.pop("first"), found.pop("further")
    first["start-up"] = seconds - sum(first.values()) - sum(further.values())
    return found | {"first": first, "further": further, "weights": weight_shapes(folder / "model-1.safetensors")}


def two_generations(work: Work, inputs: Path, folder: Path, result: Connection) -> None:
    """Send the seconds of the stages, the work of the first generation, and the scores of the second."""
    warnings.simplefilter("ignore")
    progress = Progress("ours")
    device = torch.device(work.device)
    real = load_real_data(work.task, work.given)
    pool = ImageSet(real.training.images[: work.pool])
    reference = ImageSet(real.reference.images[: work.reference])
    generator = build_generator(work.settings, work.data.shape, Engine.on(device))

    first: dict[str, float] = {}
    further: dict[str, float] = {}
    with stage(first, "reference"):
        weights = inputs / "inception.pt"
        published = WeightsFile("inception", weights.as_uri(), file_sha256(weights))
        space = load_inception(device, weights, progress, published)
        cache = FeatureCache(folder / "cache")
        scorer = Scorer(Reference.prepare(space, reference, work.task.score.k, cache, progress), None, cache)
    for t, seconds in enumerate((first, further), start=1):
        with stage(seconds, "training"):
            checkpoint = FitCheckpoint(folder / "fit.safetensors", str(t), progress, lambda: None)
            generator.fit(pool, seed=t, from_scratch=True, checkpoint=checkpoint, progress=progress)
            write_tensors(folder / f"model-{t}.safetensors", generator.state_dict())
            checkpoint.remove()
        with stage(seconds, "sampling"):
            pool = generator.sample(None, image_seeds(work.samples, t), 1.0, progress)
            write_tensors(folder / f"samples-{t}.safetensors", image_tensors(pool))
        with stage(seconds, "scoring"):
            scores = scorer.score(pool, progress)
    found = {"first": first, "further": further, "images_trained": generator.work.images_trained // 2}
    result.send(found | {"scores": scores.model_dump(exclude_none=True)})


def usual_way(work: Work, inputs: Path, folder: Path) -> dict:
    """Run the three programs of a generation, and return the seconds."""
    model, samples = folder / "model", folder / "samples"
    programs = {
        "train.py": [
            *training_options(work.settings, work.data, work.device, work.workers),
            f"--train_data_dir={inputs / 'pool'}",
            f"--model_config_name_or_path={inputs / 'unet.json'}",
            f"--output_dir={model}",
        ],
        "sample.py": [
            f"--model={model}",
            f"--output_dir={samples}",
            f"--samples={work.samples}",
            f"--batch_size={work.settings.sampling_batch}",
            f"--num_inference_steps={work.settings.sampling_steps}",
            f"--device={work.device}",
        ],
        "score.py": [
            f"--samples={samples}",
            f"--reference={inputs / 'reference'}",
            f"--weights={inputs / 'inception.pth'}",
            f"--batch_size={FIDELITY_BATCHES[work.device]}",
            f"--k={work.task.score.k}",
            *["--cuda"] * (work.device == "cuda"),
        ],
    }
    seconds: dict[str, float] = {}
    found: dict = {}
    started = time.perf_counter()
    for script, options in programs.items():
        command = [sys.executable, str(USUAL_WAY / script), *options]
        program = subprocess.run(command, capture_output=True, text=True)
        if program.returncode:
            sys.exit(f"{script} failed:\n{program.stderr}")
        printed = json.loads(program.stdout.splitlines()[-1])
        seconds |= printed.pop("stages")
        found |= printed
    seconds["start-up"] = time.perf_counter() - started - sum(seconds.values())
    weights = weight_shapes(model / "unet" / "diffusion_pytorch_model.safetensors")
    return found | {"first": seconds, "weights": weights}


@contextlib.contextmanager
def stage(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note how long the block takes."""
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


def in_process(function: Callable, *arguments: object) -> tuple[float, dict]:
    """Call a function that sends a result, in a new process; return the process's seconds and the result."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=function, args=(*arguments, sender))
    started = time.perf_counter()
    process.start()
    sender.close()
    try:
        found = receiver.recv()
    except EOFError:
        sys.exit(f"{function.__name__} failed")
    process.join()
    return time.perf_counter() - started, found


def weight_shapes(path: Path) -> dict[str, list[int]]:
    """Return the shapes of the weights in a safetensors file."""
    with safe_open(path, "numpy") as file:
        return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118


def write_inputs(work: Work, folder: Path) -> None:
    """Write what the usual way starts from, and the weights of Inception-v3 for both."""
    from torchvision.transforms.functional import to_pil_image  # not above: our process does without it

    real = load_real_data(work.task, work.given)
    for name, part, n in (("pool", real.training, work.pool), ("reference", real.reference, work.reference)):
        if n > len(part):
            sys.exit(f"--{name} {n}: task '{work.task.name}' has {len(part)} such images")
        (folder / name).mkdir()
        for i, image in enumerate(part.images[:n]):
            to_pil_image(image).save(folder / name / f"{i:06d}.png")
    (folder / "unet.json").write_text(json.dumps(model_config(work.settings, work.data)))
    write_random_inception(folder)


def write_random_inception(folder: Path) -> None:
    """Write one Inception-v3 with random weights, as TorchScript for us and as torch-fidelity's own file."""
    from torch_fidelity import feature_extractor_inceptionv3 as fidelity

    # The published weights, which would be downloaded, are not needed.
    download = mock.patch.object(fidelity, "load_state_dict_from_url")
    with download, mock.patch.object(fidelity.FeatureExtractorInceptionV3, "load_state_dict"):
        network = fidelity.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")  # or features would be next to 0
    torch.save(network.state_dict(), folder / "inception.pth")

    class Layers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            pooled = torch.nn.Sequential(*list(network.children())[:-1])  # all but the classifier
            self.layers = torch.jit.trace(pooled, torch.zeros(1, 3, 299, 299))

        def forward(self, images):
            return self.layers(images)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(Layers().eval()).save(folder / "inception.pt")


def measure_generations(work: Work, rounds: int) -> dict[str, list[dict]]:
    """Return what the two found in each round; they take turns."""
    found: dict[str, list[dict]] = {"ours": [], "usual way": []}
    with tempfile.TemporaryDirectory() as name:
        inputs = Path(name)
        write_inputs(work, inputs)
        for i in range(rounds):
            for candidate, run in (("ours", ours), ("usual way", usual_way)):
                folder = inputs / f"{candidate}-{i}"
                folder.mkdir()
                found[candidate].append(run(work, inputs, folder))
    runs = [run for results in found.values() for run in results]
    for work_done in ("weights", "images_trained"):
        assert all(run[work_done] == runs[0][work_done] for run in runs), f"{work_done} differ"
    for run in runs:
        run["parameters"] = sum(math.prod(shape) for shape in run.pop("weights").values())
    return found


def medians(found: dict[str, list[dict]]) -> dict[str, dict[str, float]]:
    """Return the medians over the rounds: seconds by stage, and the total, for each column of the table."""
    peer = [run["first"] for run in found["usual way"]]
    runs = {
        "ours, first": [run["first"] for run in found["ours"]],
        "ours, further": [run["further"] for run in found["ours"]],
        "usual way": peer,
        "usual way, reference cached": [run | {"reference": 0.0} for run in peer],
    }
    return {
        name: {stage: statistics.median(run[stage] for run in rows) for stage in rows[0]}
        | {"total": statistics.median(sum(run.values()) for run in rows)}
        for name, rows in runs.items()
    }


def print_generations(columns: dict[str, dict[str, float]]) -> None:
    """Print seconds by stage, and how many times longer the usual way takes."""
    first, further, usual, cached = columns.values()
    heads = ("ours, first", "ours, further", "usual way", "usual / first", "usual / further")
    print(f"{'seconds':12}" + "".join(f"{head:>16}" for head in heads))
    for name in (*STAGES, "total"):
        ratios = [f"{usual[name] / own[name]:.2f}" if name in own else "" for own in (first, further)]
        cells = [f"{column[name]:.2f}" if name in column else "" for column in (first, further, usual)]
        print(f"{name:12}" + "".join(f"{cell:>16}" for cell in cells + ratios))
    loop = first["total"] + (GENERATIONS - 1) * further["total"], GENERATIONS * usual["total"]
    print(f"{f'all of a loop of {GENERATIONS}':28}{loop[0]:>16.2f}{loop[1]:>16.2f}{loop[1] / loop[0]:>32.2f}")
    saved = f"{cached['total']:.2f}", f"{cached['total'] / further['total']:.2f}"
    print(f"{'with the reference in a cache':>44}{saved[0]:>16}{saved[1]:>32}")


def changed(settings: GeneratorSettings, **changes: object) -> DDPMSettings:
    """Return the settings of a DDPM with those changes that are not None."""
    given = {name: value for name, value in changes.items() if value is not None}
    return DDPMSettings.model_validate(settings.model_dump() | given)


def generation_of(arguments: argparse.Namespace) -> Work:
    """Return the generation that is measured."""
    task = load_task(arguments.task)
    tier = task.tiers[arguments.tier]
    settings = changed(tier.generator_settings("ddpm"), images=arguments.images)
    samples = arguments.samples or tier.n_score
    return Work(
        task=task,
        given=arguments.data,
        settings=changed(settings, sampling_batch=min(settings.sampling_batch, samples)),
        data=task.data.model_copy(update={"classes": ()}),
        pool=arguments.pool or tier.loops["fully_synthetic"].n_initial,
        samples=samples,
        reference=arguments.reference or tier.n_score,
        device=arguments.device,
        workers=4 if arguments.device == "cuda" else 0,
    )


def training_of(arguments: argparse.Namespace) -> LoopWork:
    """Return the training loop that is measured: a GPU has the tier's batch, a CPU has time for a few small ones."""
    task = load_task("cifar10")
    settings = task.tiers["standard"].generator_settings("ddpm")
    batch, warmup, timed = (settings.batch_size, 20, 100) if arguments.device == "cuda" else (16, 1, 4)
    batch, timed = arguments.loop_batch or batch, arguments.loop_steps or timed
    return LoopWork(
        settings=changed(
            settings, channels=arguments.loop_channels, batch_size=batch, images=(warmup + timed) * batch
        ),
        data=task.data.model_copy(update={"classes": ()}),
        device=arguments.device,
        warmup=warmup,
    )


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--training-only", action="store_true", help="the training loop alone")
    parts.add_argument("--generation-only", action="store_true", help="not the training loop alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each process [all cores]")
    parser.add_argument("--json", type=Path, metavar="FILE")
    part = parser.add_argument_group("the generation")
    part.add_argument("--task", default="digits", help="one whose ddpm folds no patches [digits]")
    part.add_argument("--tier", choices=TIERS, default="smoke")
    part.add_argument("--data", type=Path, metavar="PATH", help="its real images, as for `autophagy run`")
    part.add_argument("--images", type=int, metavar="N", help="images seen in training [the tier's]")
    part.add_argument("--pool", type=int, metavar="N", help="real images to train on [the tier's n_initial]")
    part.add_argument("--samples", type=int, metavar="N", help="images sampled and scored [the tier's n_score]")
    part.add_argument("--reference", type=int, metavar="N", help="real images to score against [the tier's n_score]")
    part = parser.add_argument_group("the training loop alone")
    part.add_argument("--loop-channels", type=int, nargs="+", metavar="N", help="of the U-Net [the tier's]")
    part.add_argument("--loop-batch", type=int, metavar="N", help="[16 on a CPU, the tier's on a GPU]")
    part.add_argument("--loop-steps", type=int, metavar="N", help="after the warm-up [4 on a CPU, 100 on a GPU]")
    return parser.parse_args()


def main() -> None:
    """Measure, print tables, and write JSON where asked."""
    arguments = parsed()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    torch.set_num_threads(arguments.threads)
    content: dict = {"conditions": {name: value for name, value in vars(arguments).items() if name != "json"}}
    print(f"{arguments.device}, {arguments.threads} threads, medians of {arguments.rounds} rounds")

    if not arguments.training_only:
        work = generation_of(arguments)
        print(
            f"\na generation of {work.task.name}: {work.settings.steps} steps of {work.settings.batch_size} images, "
            f"{work.samples} samples in {work.settings.sampling_steps} steps, scored against {work.reference}"
        )
        rounds = measure_generations(work, arguments.rounds)
        columns = medians(rounds)
        print_generations(columns)
        content["generation"] = {"seconds": columns, "rounds": rounds}
    if not arguments.generation_only:
        work = training_of(arguments)
        print(f"\nthe training loop alone, batches of {work.settings.batch_size} images {work.data.image_shape}")
        found = measure_loops(work, arguments.rounds)
        print_loops(found)
        content["training"] = found

    if arguments.json:
        arguments.json.write_text(json.dumps(content, indent=2, default=str) + "\n")


if __name__ == "__main__":
    main()
