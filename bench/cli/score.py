"""`autophagy score`: scores images against real images."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.arguments import add_device, add_features
from bench.errors import BadInput
from bench.process.tables import table

if TYPE_CHECKING:
    from bench.scoring.compare import Comparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "FID, KID, precision, recall, density and coverage of the images FAKE against the images REAL; "
        "with --training also whether FAKE are copies. Both sets are folders (with the folders inside), .zip or .npy."
    )
    parser.add_argument("real", type=Path, metavar="REAL", help="real images that the generator has not seen")
    parser.add_argument("fake", type=Path, metavar="FAKE", help="generated images, best as many as there are of REAL")
    add_features(parser)
    parser.add_argument("--training", type=Path, metavar="PATH", help="the images that the generator was trained on")
    parser.add_argument("--k", type=int, default=5, metavar="N", help="neighbours in precision and recall [5]")
    parser.add_argument(
        "--bootstrap", type=int, metavar="N", help="standard errors over images, from N resamples (100 is plenty)"
    )
    parser.add_argument("--extrapolate", action="store_true", help="also FID extrapolated to infinitely many images")
    add_device(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.features.build import space_named
    from bench.features.cache import default_cache
    from bench.process.progress import Progress
    from bench.runs.environment import choose_device
    from bench.scoring.compare import compare

    if arguments.k < 1:
        raise BadInput(f"--k {arguments.k}: allowed are whole numbers from 1")
    if arguments.bootstrap is not None and arguments.bootstrap < 2:
        raise BadInput(f"--bootstrap {arguments.bootstrap}: allowed are whole numbers from 2")
    progress = Progress()
    comparison = compare(
        arguments.real,
        arguments.fake,
        arguments.training,
        space_named(arguments.features, choose_device(arguments.device), arguments.weights, progress),
        arguments.k,
        bootstrap=arguments.bootstrap,
        extrapolate=arguments.extrapolate,
        cache=default_cache(progress),
        progress=progress,
    )
    print(comparison_json(comparison) if arguments.json else comparison_table(comparison))
    return 0


def comparison_table(comparison: "Comparison") -> str:
    """Return one line for each score, with its standard error where there is one, and what the scores depend on."""
    scores = comparison.scores.model_dump(exclude_none=True)
    errors = {"kid": scores.pop("kid_standard_error")} | comparison.standard_errors
    rows = [("score", "value", "standard error")]
    for name, value in scores.items():
        decimals = 6 if name == "kid" else 4
        error = f"{errors[name]:.{decimals}f}" if name in errors else ""
        rows.append((name, f"{value:.{decimals}f}", error))
    if comparison.fid_extrapolated is not None:
        rows.append(("fid, extrapolated to infinite n", f"{comparison.fid_extrapolated:.4f}", ""))
    n_training = "" if comparison.n_training is None else f", {comparison.n_training} training images"
    return (
        f"{table(rows)}\n{comparison.n_fake} images against {comparison.n_real}{n_training}; "
        f"features {comparison.features}, resize {comparison.resize}, k = {comparison.k}"
    )


def comparison_json(comparison: "Comparison") -> str:
    """Return the scores, and beside them everything that they depend on."""
    content = vars(comparison) | {"scores": comparison.scores.model_dump(exclude_none=True)}
    if comparison.fid_extrapolated is None:
        del content["fid_extrapolated"]
    scores = content.pop("scores")
    return json.dumps(scores | content, indent=2)
