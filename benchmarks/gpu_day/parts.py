"""Which parts there are, in which order, and what each may take. Nothing here knows torch.

The order is that of worth: what ten minutes tell first. What is no timing runs side by side in the beginning, where
the cores allow it, so that the networks of stage b are compiled while stage a looks at bits.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from bench.errors import BadInput
from gpu_day.runner import Job

STAGES = {
    "a": "a digits cell against the committed record; bits; resume; what waits for the device",
    "b": "training: images/s, TFLOP/s, share of the matrix product, memory, compile time",
    "c": "sampling: images/s, with and without guidance",
    "d": "the scorer: metrics at 50,000 x 50,000 x 2,048, feature networks, and their peers",
    "e": "the usual way beside ours: the training loop, and a generation end to end",
    "f": "standard cells of mnist, which go on where they were",
    "g": "two processes that share a batch on one GPU",
}
# In the order of their worth: the network of the goal figure, that of the cells of stage f, then the others.
NETWORKS = ("cifar10-ddpm", "mnist-ddpm", "ffhq64-ddpm", "mnist-stylegan", "cifar10-stylegan", "ffhq64-stylegan")
DETAILED = NETWORKS[:2]
GENERATORS = ("ddpm", "stylegan")
CELLS = (
    "ddpm-fully_synthetic", "stylegan-fully_synthetic",
    "ddpm-synthetic_augmentation", "ddpm-fresh_data", "stylegan-synthetic_augmentation", "stylegan-fresh_data",
)  # fmt: skip
METRIC_PEERS = ("prdc", "torch-fidelity", "torch-fidelity-fid")
FEATURE_PEERS = ("torch-fidelity", "clean-fid")


def jobs(stages: Collection[str]) -> list[Job]:
    """Return the jobs of some stages, the one that tells most first.

    Sampling is measured in the job that trains the network, which has then compiled it.
    """
    chosen = (replace(job, parts=tuple(part for part in job.parts if part[0] in stages)) for job in _all())
    return [job for job in chosen if job.parts]


def _all() -> Iterator[Job]:
    # Nothing of this is a timing that others could disturb, but for the seconds of compiling, which say so.
    yield Job("a.cell-eager", ("a.eager", "a.eager-again"), 30, 240, together=True)
    yield Job(f"b.{NETWORKS[0]}.cold", (f"b.{NETWORKS[0]}.cold",), 40, 300, together=True)
    yield Job(f"b.{NETWORKS[1]}.cold", (f"b.{NETWORKS[1]}.cold",), 40, 300, together=True)
    yield Job("a.cell-compiled", ("a.compiled", "a.compiled-again"), 60, 300, together=True)
    yield Job("a.waits", tuple(f"a.waits-{name}" for name in GENERATORS), 20, 90, together=True)
    for network in NETWORKS[2:]:
        yield Job(f"b.{network}.cold", (f"b.{network}.cold",), 40, 300, together=True)
    yield Job("a.resume", tuple(f"a.resume-{name}" for name in GENERATORS), 40, 240, together=True)
    yield Job("a.deterministic", tuple(f"a.deterministic-{name}" for name in GENERATORS), 30, 120, together=True)
    yield Job("g.gloo", ("g.gloo",), 30, 90, together=True)

    for network in DETAILED:
        yield Job(f"b.{network}", (*_speeds(network), f"b.{network}.profile", f"b.{network}.fp32"), 25, 150)
    yield Job("d.metrics", ("d.metrics",), 20, 90)
    yield Job("d.features", ("d.inception", "d.efficientnet-lite0"), 25, 120)
    for network in NETWORKS[2:]:
        yield Job(f"b.{network}", _speeds(network), 20, 120)
    yield Job("e.training", ("e.training",), 45, 180)
    yield Job("e.generation", ("e.generation",), 120, 420)
    yield Job(f"f.{CELLS[0]}", (f"f.{CELLS[0]}",), 45, 3600, goes_on=True)

    # What explains and compares, once the figures are there.
    for network in DETAILED:
        yield Job(f"b.{network}.more", tuple(f"b.{network}.{name}" for name in ("tuned", "graphs", "larger")), 45, 300)
    yield Job("d.metric-peers", tuple(f"d.metrics.{name}" for name in METRIC_PEERS), 25, 240)
    yield Job("d.feature-peers", tuple(f"d.features.{name}" for name in ("ours", *FEATURE_PEERS)), 25, 240)
    for network in NETWORKS[2:]:
        yield Job(
            f"b.{network}.more",
            tuple(f"b.{network}.{name}" for name in ("profile", "fp32", "tuned", "graphs", "larger")),
            45,
            300,
        )
    yield Job("g.launch", ("g.nccl", "g.launch"), 45, 180)
    for cell in CELLS[1:]:
        yield Job(f"f.{cell}", (f"f.{cell}",), 45, 3600, goes_on=True)


def _speeds(network: str) -> tuple[str, ...]:
    return f"b.{network}.compiled", f"c.{network}", f"b.{network}.eager"


def all_parts() -> list[str]:
    """Return the names of all parts, each once, in the order of the jobs."""
    return [part for job in _all() for part in job.parts]


def chosen_stages(text: str) -> list[str]:
    """Return the letters of a comma list.

    Raises:
        BadInput: a letter that is no stage's.
    """
    letters = [letter.strip() for letter in text.split(",")]
    for letter in letters:
        if letter not in STAGES:
            raise BadInput(f"--stages {text}: '{letter}' is no stage: choose from {', '.join(STAGES)}")
    return letters
