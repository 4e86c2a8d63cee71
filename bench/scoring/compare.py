"""Score any images against any others: what `autophagy score` does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.cells.floor import WITH_FLOOR
from bench.cells.record import Scores
from bench.data.equal import said_of_equals
from bench.data.image_set import ImageSet
from bench.data.read import read_set
from bench.data.reading import Reading
from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.features.cache import FeatureCache
from bench.metrics.manifold import PRDC
from bench.process.progress import Progress
from bench.scoring.scorer import Reference, Scorer, check_enough
from bench.scoring.uncertainty import bootstrap_errors, extrapolated_fid
from bench.seeds import derive_generator

Named = tuple[object, ImageSet]  # what messages call a set, and the set


@dataclass(frozen=True)
class Comparison:
    """The scores of one set of images, with everything that they depend on.

    Attributes:
        scores: of the generated images.
        standard_errors: over draws of the generated images, by the bootstrap; empty where it was not asked for.
        floor: precision and recall that real images outside the reference would have, by their names; None where
            there are not as many of these as generated images.
        fid_extrapolated: FID extrapolated to infinitely many images; None where it was not asked for.
        n_real: real images.
        n_fake: generated images.
        n_training: training images, None where they are not known.
        features: the feature space.
        features_sha256: the hash of its weights.
        resize: how images came to the size of its network.
        k: neighbours in precision and recall.
        notes: how the sets were read, and what must be known before the scores are compared with any others.
    """

    scores: Scores
    standard_errors: dict[str, float]
    floor: dict[str, float] | None
    fid_extrapolated: float | None
    n_real: int
    n_fake: int
    n_training: int | None
    features: str
    features_sha256: str
    resize: str
    k: int
    notes: tuple[str, ...] = field(default=(), compare=False)


def compare(
    real_path: Path,
    fake_path: Path,
    training_path: Path | None,
    space: FeatureSpace,
    k: int,
    *,
    bootstrap: int | None,
    extrapolate: bool,
    cache: FeatureCache,
    progress: Progress,
) -> Comparison:
    """Score the images of one folder, zip or array against those of another.

    Args:
        real_path: real images that the generator has not seen.
        fake_path: generated images.
        training_path: the images that the generator was trained on, where they are known.
        space: the feature space.
        k: neighbours in precision and recall.
        bootstrap: how many resamples the standard errors are computed from; None for no standard errors.
        extrapolate: whether FID is also extrapolated to infinitely many images.
        cache: keeps what is computed from real images.
        progress: where progress is shown.

    Raises:
        BadInput: images that cannot be read or scored; the message starts with the path of their set.
    """
    (real, real_reading), (fake, fake_reading) = read_set(real_path), read_set(fake_path)
    training, training_reading = (None, None) if training_path is None else read_set(training_path)
    read = [
        f"{reading.name}: {line}"
        for reading in filter(None, (real_reading, fake_reading, training_reading))
        for line in reading.all_lines
    ]
    return compare_images(
        (real_path, real),
        (fake_path, fake),
        None if training is None else (training_path, training),
        space,
        k,
        bootstrap=bootstrap,
        extrapolate=extrapolate,
        cache=cache,
        progress=progress,
        read=[*read, *_lossy(real_reading, fake_reading)],
    )


def compare_images(
    given_real: Named,
    given_fake: Named,
    given_training: Named | None,
    space: FeatureSpace,
    k: int,
    *,
    bootstrap: int | None,
    extrapolate: bool,
    cache: FeatureCache,
    progress: Progress,
    labelled: ImageSet | None = None,
    outside: ImageSet | None = None,
    read: Sequence[str] = (),
) -> Comparison:
    """Score images against others, as `compare` does, each set with what messages call it.

    Labels of the generated images are the classes that they were generated for. Where the space has no classifier, a
    probe that reads them learns from the real images that are `labelled`. The floor is that of the real images that
    are `outside` the reference, by default the training images. What is to be said of how the sets were `read` goes
    before the other notes.

    Raises:
        BadInput: images that cannot be scored; the message starts with what their set is called.
    """
    (real_path, real), (fake_path, fake) = given_real, given_fake
    training_path, training = (real_path, None) if given_training is None else given_training
    for path, images in filter(None, (given_real, given_fake, given_training)):
        with _about(path):
            space.check(images.images)
        if space.resize == "none" and images.images.shape[1:] != real.images.shape[1:]:
            raise BadInput(
                f"{path}: shape {tuple(images.images.shape[1:])}, {real_path} has {tuple(real.images.shape[1:])}: "
                f"feature space '{space.name}' has no resize, all must have one shape"
            )
    with _about(fake_path):
        check_enough(fake, k)
    with _about(real_path):
        reference = Reference.prepare(space, real, k, cache, progress, labelled)
    with _about(training_path):
        scorer = Scorer(reference, training, cache, progress)
        floor = _floor(reference, training if outside is None else outside, len(fake), cache, progress)
    with _about(fake_path):
        features = space(fake.images, progress)
        extrapolated = None
        if extrapolate:
            extrapolated = extrapolated_fid(reference.features, features, derive_generator("extrapolate"))
        scores = scorer.score_features(features, fake.labels)
    known = (("real", real), ("training", training), ("generated", fake))
    found = [(name, images) for name, images in known if images is not None]
    notes = (
        *read,
        *_notes(real, fake, features.shape[1]),
        *said_of_equals(*found),
    )
    for note in notes:
        progress.note(note if note in read else f"note: {note}")
    errors = {}
    if bootstrap is not None:
        errors = bootstrap_errors(scorer, features, fake.labels, bootstrap, derive_generator("bootstrap"), progress)
    return Comparison(
        scores=scores,
        standard_errors=errors,
        floor=floor,
        fid_extrapolated=extrapolated,
        n_real=len(real),
        n_fake=len(fake),
        n_training=None if training is None else len(training),
        features=space.name,
        features_sha256=space.sha256,
        resize=space.resize,
        k=k,
        notes=notes,
    )


def _floor(
    reference: Reference, real: ImageSet | None, n: int, cache: FeatureCache, progress: Progress
) -> dict[str, float] | None:
    """Return precision and recall of n real images that are not in the reference; None where there are not so many."""
    if real is None or len(real) < n:
        return None
    found = PRDC(reference.manifold)
    found.update(cache.features(reference.space, real, progress)[:n])
    return {name: float(value) for name, value in found.compute().items() if name in WITH_FLOOR}


def _notes(real: ImageSet, fake: ImageSet, dim: int) -> Iterator[str]:
    """Yield what a reader must know before comparing these scores with any others."""
    shapes = [tuple(images.images.shape[1:]) for images in (real, fake)]
    if shapes[0][1:] != shapes[1][1:]:
        yield f"REAL has (channels, height, width) {shapes[0]}, FAKE {shapes[1]}: resizes differ too"
    elif shapes[0] != shapes[1]:
        grey, colour = ("REAL", "FAKE") if shapes[0][0] == 1 else ("FAKE", "REAL")
        yield f"{grey} is grey and {colour} in colour: grey is taken for three equal channels"
    if len(real) != len(fake):
        yield f"{len(fake)} images against {len(real)}: FID, recall and coverage depend on both numbers"
    if min(len(real), len(fake)) <= dim:
        yield f"{min(len(real), len(fake))} images in {dim} dimensions: FID is mostly bias, compare it at this n only"


def _lossy(real: Reading, fake: Reading) -> Iterator[str]:
    """Yield a note where the files of one set alone have lost something to compression."""
    if ("JPEG" in real.kinds) != ("JPEG" in fake.kinds):
        lossy, other = ("REAL", "FAKE") if "JPEG" in real.kinds else ("FAKE", "REAL")
        yield f"of {lossy} there are JPEG files, of {other} none: compression alone changes the scores"


@contextmanager
def _about(path: object) -> Iterator[None]:
    """Let errors say which set of images they are about."""
    try:
        yield
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
