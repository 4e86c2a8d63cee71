"""Score real images and visibly damaged copies of them with `autophagy score`: do the numbers move as they must?

    python benchmarks/damage.py --images cifar10.zip --classes --features efficientnet-lite0
    python benchmarks/damage.py --images faces64.zip --features efficientnet-lite0

--images is a zip of images; with --classes the folder that an image lies in is its class. N images of the test half
are the reference. Against them are scored N images of the training half, as they are and damaged; N others of it stand
for the images that a generator was trained on. The table is Markdown.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

BLUR_PIXELS = 1.0
NOISE_LEVELS = 24
KEPT_CLASSES = 2
KEPT_IMAGES = 50
COLUMNS = ("fid", "kid", "precision", "recall", "density", "coverage", "authpct", "training_distance_ratio")


def damaged(held: np.ndarray, training: np.ndarray, classes: np.ndarray | None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and images, uint8 (n, 3, height, width)."""
    random = np.random.default_rng(0)
    n = len(held)
    yield "as they are", held
    yield f"blurred ({BLUR_PIXELS:g} pixel)", np.stack([blurred(image) for image in held])
    noise = random.integers(-NOISE_LEVELS, NOISE_LEVELS + 1, held.shape)
    yield f"noise (±{NOISE_LEVELS} of 255)", (held + noise).clip(0, 255).astype(np.uint8)
    if classes is not None:
        few = held[np.isin(classes, np.unique(classes)[:KEPT_CLASSES])]
        yield (
            f"{KEPT_CLASSES} of {len(np.unique(classes))} classes ({len(few)} images), repeated",
            np.resize(few, held.shape),
        )
    yield f"{KEPT_IMAGES} images, repeated", np.resize(held[:KEPT_IMAGES], held.shape)
    yield "one image, repeated", np.resize(held[:1], held.shape)
    yield "copies of training images", training[random.permutation(len(training))[:n]]


def blurred(image: np.ndarray) -> np.ndarray:
    """Return the image, (3, height, width), after a Gaussian blur."""
    picture = Image.fromarray(image.transpose(1, 2, 0)).filter(ImageFilter.GaussianBlur(BLUR_PIXELS))
    return np.asarray(picture).transpose(2, 0, 1)


def read(path: Path) -> tuple[dict[str, bytes], list[str], list[str]]:
    """Return the image files of a zip, and the names of the training half and of the test half.

    Folders named train and test are the halves, otherwise the first and the second half of the names.
    """
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in sorted(archive.namelist()) if name.endswith((".jpg", ".png"))}
    test = [name for name in files if "test" in Path(name).parts[:-1]] or list(files)[len(files) // 2 :]
    return files, sorted(set(files) - set(test)), test


def draw(files: dict[str, bytes], names: list[str], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return n images in a fixed random order, uint8 (n, 3, height, width), and the folder that each lies in."""
    if len(names) < n:
        sys.exit(f"{len(names)} images in a half, needed are {n}")
    chosen = [names[i] for i in np.random.default_rng(0).permutation(len(names))[:n]]
    images = [np.asarray(Image.open(io.BytesIO(files[name])).convert("RGB")) for name in chosen]
    return np.stack(images).transpose(0, 3, 1, 2), np.array([Path(name).parent.name for name in chosen])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, metavar="ZIP")
    parser.add_argument("--classes", action="store_true", help="folders are classes")
    parser.add_argument("--features", default="efficientnet-lite0")
    parser.add_argument("--n", type=int, default=2000, help="images of each set [2000]")
    arguments = parser.parse_args()

    n = arguments.n
    files, training_names, test_names = read(arguments.images)
    reference, _ = draw(files, test_names, n)
    images, classes = draw(files, training_names, 2 * n)
    held, training = images[:n], images[n:]
    print("| images |", " | ".join(name.replace("_", " ") for name in COLUMNS), "|")
    print("|---|" + "---|" * len(COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.npy" for name in ("real", "fake", "training")}
        np.save(paths["real"], reference)
        np.save(paths["training"], training)
        for name, copies in damaged(held, training, classes[:n] if arguments.classes else None):
            np.save(paths["fake"], copies)
            command = [
                sys.executable,
                "-m",
                "bench.cli.main",
                "score",
                str(paths["real"]),
                str(paths["fake"]),
                "--json",
            ]
            command += ["--training", str(paths["training"]), "--features", arguments.features]
            scores = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            print(f"| {name} |", " | ".join(f"{scores[column]:.3g}" for column in COLUMNS), "|", flush=True)


if __name__ == "__main__":
    main()
