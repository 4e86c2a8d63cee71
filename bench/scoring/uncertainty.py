"""How sure a score is: its standard error over images, and FID without the bias of a finite number of images."""

import torch
from torch import Tensor

from bench.errors import BadInput
from bench.metrics.frechet import GaussianMoments, frechet_distance
from bench.process.progress import Progress
from bench.scoring.scorer import Scorer

# Sizes at which FID is measured for the extrapolation, evenly spaced in 1/n between half the images and all of them.
EXTRAPOLATION_SIZES = 15


def bootstrap_errors(
    scorer: Scorer,
    features: Tensor,
    labels: Tensor | None,
    resamples: int,
    random: torch.Generator,
    progress: Progress,
) -> dict[str, float]:
    """Return the standard error of each score over draws of the generated images, by the bootstrap (Efron 1979).

    The images are drawn with replacement and scored again; the error is the spread of the scores. It says how much
    another set of images of the same generator would move a score against the same reference. It says nothing of
    training the generator again, which moves FID more: error bars of a method are over seeds. An image that is drawn
    twice is its own neighbour, and a share that is 1 or 0 in the images drawn has no spread: take the errors of
    recall and coverage, and those at the bounds, for an order of magnitude.

    Args:
        scorer: what the images were scored with.
        features: float32, (n, d), of the generated images.
        labels: int64, (n,), those they were generated for; None where there are none.
        resamples: how many times they are drawn, at least 2.
        random: draws the images.
        progress: where progress is shown.
    """
    found: list[dict[str, float | None]] = []
    with progress.bar("bootstrap", resamples, unit="sets") as bar:
        for _ in range(resamples):
            drawn = torch.randint(len(features), (len(features),), generator=random)
            scores = scorer.score_features(
                features[drawn.to(features.device)], None if labels is None else labels[drawn]
            )
            found.append(scores.model_dump(exclude={"kid_standard_error"}))
            bar.update()
    values = {name: [scores[name] for scores in found] for name, value in found[0].items() if value is not None}
    return {name: float(torch.tensor(value, dtype=torch.float64).std()) for name, value in values.items()}


def extrapolated_fid(real: Tensor, generated: Tensor, random: torch.Generator) -> float:
    """Return FID extrapolated to infinitely many images.

    FID of n images is too large by about c/n, with another c for each generator. It is measured on random parts of
    both sets and extended by a straight line to 1/n = 0 (Chong & Forsyth 2020, who shrink the generated set only: that
    leaves the bias of the reference in). By chance it can be below 0. Not comparable with any FID of finite n.

    Args:
        real: float32, (n, d), features.
        generated: float32, (m, d), features.
        random: draws the parts.

    Raises:
        BadInput: half of a set has no covariance of full rank, so that the error is not c/n.
    """
    d, fewest = real.shape[1], min(len(real), len(generated))
    if fewest < 2 * (d + 1):
        raise BadInput(
            f"FID of {fewest} images in {d} dimensions cannot be extrapolated: needed are {2 * (d + 1)} of each"
        )
    inverse = torch.linspace(1, 2, EXTRAPOLATION_SIZES, dtype=torch.float64)
    fids = []
    for shrink in inverse.tolist():
        parts = (_random_part(features, round(len(features) / shrink), random) for features in (real, generated))
        fids.append(frechet_distance(*map(GaussianMoments.of, parts)))
    fid = torch.tensor(fids, dtype=torch.float64)
    slope = ((inverse - inverse.mean()) * (fid - fid.mean())).sum() / (inverse - inverse.mean()).square().sum()
    return float(fid.mean() - slope * inverse.mean())


def _random_part(features: Tensor, n: int, random: torch.Generator) -> Tensor:
    return features[torch.randperm(len(features), generator=random)[:n].to(features.device)]
