"""Score a folder of PNG files against another: FID by torch-fidelity, precision and recall by prdc.

These are the functions of torch-fidelity that its `calculate_metrics(fid=True)` calls. Called one by one, they build
the network once and extract the features of each folder once, for FID and for prdc.
"""

import argparse
import contextlib
import json
import time
from pathlib import Path

from prdc import compute_prdc
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.utils import create_feature_extractor, extract_featuresdict_from_input_id

LAYER = "2048"


def main() -> None:
    """Score, and print the seconds and the scores."""
    started = time.perf_counter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="of torch-fidelity's Inception-v3")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--k", type=int, default=5, help="neighbours in precision and recall")
    parser.add_argument("--cuda", action="store_true")
    arguments = parser.parse_args()

    options = {
        "input1": str(arguments.samples),
        "input2": str(arguments.reference),
        "feature_extractor_weights_path": str(arguments.weights),
        "batch_size": arguments.batch_size,
        "cuda": arguments.cuda,
        "verbose": False,
    }
    network = create_feature_extractor("inception-v3-compat", [LAYER], **options)
    before = time.perf_counter()
    real = extract_featuresdict_from_input_id(2, network, **options)[LAYER]
    reference = time.perf_counter() - before
    fake = extract_featuresdict_from_input_id(1, network, **options)[LAYER]

    statistics = fid_features_to_statistics(fake), fid_features_to_statistics(real)
    fid = fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]
    with contextlib.redirect_stdout(None):  # it prints the numbers of images
        found = compute_prdc(real.numpy(), fake.numpy(), arguments.k)
    scores = {"fid": fid} | {name: float(value) for name, value in found.items()}
    stages = {"reference": reference, "scoring": time.perf_counter() - started - reference}
    print(json.dumps({"stages": stages, "scores": scores}))


if __name__ == "__main__":
    main()
