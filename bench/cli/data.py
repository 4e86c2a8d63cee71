"""`autophagy data`: fetches or converts a task's real data."""

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Put a task's real images into the data folder (AUTOPHAGY_DATA, or a folder in the user's cache) "
        "and hold them against the hashes that the task file pins."
    )
    parser.epilog = (
        "PATH is a folder in the layout of the task's own files (docs/tasks.md), a folder, zip or parquet file of "
        "square images, or hf:OWNER/NAME[@REVISION][:SPLIT], a data set of the Hugging Face Hub. Images lie in one "
        "folder for each class where the task has labels, and optionally all in the folders train and test. Without "
        "these two, a fixed permutation is cut into training and reference images. Images of another size are "
        "resized: by a whole factor with a box filter, otherwise antialiased bicubic. How a set was read is said; "
        "docs/images.md has the whole table."
    )
    parser.add_argument("task", metavar="TASK")
    parser.add_argument("--from", dest="given", type=Path, metavar="PATH", help="read this; do not download")
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.cells.task import load_task
    from bench.data.real import store_real_data
    from bench.features.label_check import check_labels
    from bench.process.progress import Progress

    task = load_task(arguments.task)
    data = store_real_data(task, arguments.given, Progress(), check_labels)
    content = {
        "task": task.name,
        "training": {"n": len(data.training), "sha256": data.training.sha256},
        "reference": {"n": len(data.reference), "sha256": data.reference.sha256},
        "pinned": data.pinned,
        "origin": data.origin,
        "read": data.read,
        "licence": task.data.licence,
    }
    if arguments.json:
        print(json.dumps(content, indent=2))
        return 0
    print(f"{task.title} ({task.data.citation or 'no source is cited'})")
    if task.data.licence is not None:
        print(f"licence: {task.data.licence}")
    if data.origin is not None:
        print(f"fetched: {data.origin}")
    for part, images in (("training", data.training), ("reference", data.reference)):
        print(f"{part:10} {len(images):6} images  sha256 {images.sha256}")
    if task.data.pins_hashes:
        print("these are the images that the task pins" if data.pinned else "NOT the images that the task pins")
    else:
        print("the task pins no hashes: nothing says that these are the right images")
    return 0
