"""`autophagy score`: scores images against real images."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cells.floor import percent, share_of_floor
from bench.cells.task import TIERS, load_task
from bench.cli.arguments import add_data, add_device, add_features
from bench.errors import BadInput
from bench.process.tables import table

if TYPE_CHECKING:
    from bench.scoring.compare import Comparison

NO_FLOOR = (
    "no floor: what real images themselves score is told with --task, or with at least as many --training images as "
    "there are of FAKE"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "FID, KID, precision, recall, density and coverage of the images FAKE against the images REAL; "
        "with --training also whether FAKE are copies. Sets are folders (with the folders inside), .zip, .npy, "
        ".npz or .parquet (docs/images.md says how they are read). With "
        "--task, FAKE is scored as the task scores its cells: against its reference, in its feature space, with its n "
        "and k."
    )
    parser.usage = "autophagy score [options] REAL FAKE\n       autophagy score [options] --task NAME FAKE"
    parser.add_argument(
        "real", type=Path, metavar="REAL", help="real images that the generator has not seen; not with --task"
    )
    parser.add_argument("fake", type=Path, metavar="FAKE", help="generated images, best as many as there are of REAL")
    parser.add_argument(
        "--task", action=_UnderTask, metavar="NAME", help="a task or a task file (.toml), whose conditions hold"
    )
    parser.add_argument("--tier", metavar="NAME", help=f"of the task: {', '.join(TIERS)} [smoke]")
    add_data(parser)
    add_features(parser, required=False)
    parser.add_argument("--training", type=Path, metavar="PATH", help="the images that the generator was trained on")
    parser.add_argument("--k", type=int, metavar="N", help="neighbours in precision and recall [5]")
    parser.add_argument(
        "--bootstrap", type=int, metavar="N", help="standard errors over images, from N resamples (100 is plenty)"
    )
    parser.add_argument("--extrapolate", action="store_true", help="also FID extrapolated to infinitely many images")
    add_device(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


class _UnderTask(argparse.Action):
    """`--task NAME`: one set of images is then enough, wherever it stands."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        setattr(namespace, self.dest, values)
        for action in parser._actions:
            if action.dest == "fake":
                action.required = False


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.data.read import read_set
    from bench.features.build import space_named
    from bench.features.cache import default_cache
    from bench.process.progress import Progress
    from bench.runs.environment import choose_device
    from bench.scoring.compare import compare
    from bench.scoring.under_task import score_under_task

    k = 5 if arguments.k is None else arguments.k
    if k < 1:
        raise BadInput(f"--k {k}: choose a whole number from 1")
    if arguments.bootstrap is not None and arguments.bootstrap < 2:
        raise BadInput(f"--bootstrap {arguments.bootstrap}: choose a whole number from 2")
    if arguments.task is not None and arguments.fake is None:
        arguments.fake, arguments.real = arguments.real, None
    _check_one_way(arguments)
    progress, device = Progress(), choose_device(arguments.device)
    uncertainty = {"bootstrap": arguments.bootstrap, "extrapolate": arguments.extrapolate}
    if arguments.task is not None:
        given = [read_set(path) for path in (arguments.fake, arguments.training) if path is not None]
        (fake, _), training = given[0], given[1][0] if len(given) > 1 else None
        comparison = score_under_task(
            load_task(arguments.task),
            arguments.tier or "smoke",
            (arguments.fake, fake),
            None if training is None else (arguments.training, training),
            device,
            given_data=arguments.data,
            **uncertainty,
            read=[f"{reading.name}: {line}" for _, reading in given for line in reading.all_lines],
            cache=default_cache(progress),
            progress=progress,
        )
    else:
        comparison = compare(
            arguments.real,
            arguments.fake,
            arguments.training,
            space_named(arguments.features, device, arguments.weights, progress),
            k,
            **uncertainty,
            cache=default_cache(progress),
            progress=progress,
        )
    print(comparison_json(comparison) if arguments.json else comparison_table(comparison))
    return 0


def _check_one_way(arguments: argparse.Namespace) -> None:
    """Raise BadInput where the images are to be scored both against others and under a task, or neither."""
    of_task = {"--tier": arguments.tier, "--data": arguments.data}
    of_images = {
        "REAL": arguments.real, "--features": arguments.features, "--weights": arguments.weights, "--k": arguments.k,
    }  # fmt: skip
    wrong = [name for name, value in (of_task if arguments.task is None else of_images).items() if value is not None]
    if wrong and arguments.task is None:
        raise BadInput(f"{', '.join(wrong)}: only with --task")
    if wrong:
        raise BadInput(f"{', '.join(wrong)}: not with --task, which says what FAKE is scored against, and how")
    if arguments.task is None and arguments.features is None:
        raise BadInput("add --features NAME (`autophagy list features` has them), or --task NAME and no REAL")


def comparison_table(comparison: "Comparison") -> str:
    """Return one line for each score, and what the scores depend on.

    Standard errors, the floor and the share of it that is reached stand beside them where there are any.
    """
    scores = comparison.scores.model_dump(exclude_none=True)
    errors = {"kid": scores.pop("kid_standard_error")} | comparison.standard_errors
    floor = comparison.floor or {}
    rows = [("score", "value", "standard error", "of the floor")]
    for name, value in scores.items():
        decimals = 6 if name == "kid" else 4
        error = shown_number(errors[name], decimals) if name in errors else ""
        reached = f"{floor[name]:.4f} ({percent(share_of_floor(value, floor[name]))})" if name in floor else ""
        rows.append((name, shown_number(value, decimals), error, reached))
    if comparison.fid_extrapolated is not None:
        rows.append(("fid, extrapolated to infinite n", f"{comparison.fid_extrapolated:.4f}", "", ""))
    n_training = "" if comparison.n_training is None else f", {comparison.n_training} training images"
    lines = [
        table(rows),
        f"{comparison.n_fake} images against {comparison.n_real}{n_training}; "
        f"features {comparison.features}, resize {comparison.resize}, k = {comparison.k}",
    ]
    if comparison.floor is None:
        lines.append(NO_FLOOR)
    return "\n".join(lines)


def shown_number(value: float, decimals: int) -> str:
    """Return a number with so many decimals, or with three digits where these would say nothing of it."""
    return f"{value:.3g}" if 0 < abs(value) < 10.0 ** (2 - decimals) else f"{value:.{decimals}f}"


def comparison_json(comparison: "Comparison") -> str:
    """Return the scores, and beside them everything that they depend on."""
    content = vars(comparison) | {"scores": comparison.scores.model_dump(exclude_none=True)}
    if comparison.fid_extrapolated is None:
        del content["fid_extrapolated"]
    scores, floor = content.pop("scores"), comparison.floor or {}
    content["shares_of_floor"] = {name: share_of_floor(scores[name], value) for name, value in floor.items()}
    return json.dumps(scores | content, indent=2)
