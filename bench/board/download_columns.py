"""What is in the downloads: every file, and a line on each of its columns."""

from dataclasses import dataclass

from bench.board.metrics import METRICS

ESTIMATE = ("", "_low", "_high", "_p")  # what an estimate's columns end in: mean, 95% interval, p-value of it being 0
LAST = ("_first", "_last", "_last_low", "_last_high")


@dataclass(frozen=True)
class Download:
    """A file of the downloads.

    Attributes:
        name: of the file.
        what: is in it.
        columns: some of its columns, and what they say; none of a file that is no table.
    """

    name: str
    what: str
    columns: tuple[tuple[tuple[str, ...], str], ...] = ()


def _estimate(name: str) -> tuple[str, ...]:
    return tuple(name + ending for ending in ESTIMATE)


def _group(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_CELL = (
    (("task", "task_version", "tier"), "what is learned, in which version, and how much is computed"),
    (("generator",), "the model that is trained on its own output"),
    (("kind",), "the loop: fully_synthetic, synthetic_augmentation or fresh_data"),
    (_group("n_initial n_real n_synthetic"), "real data of generation 1, real and synthetic data of each later one"),
    (("pool",), "whose synthetic data a generation trains on"),
    (("sampling_bias",), "below 1: quality is preferred to diversity in sampling"),
    (("generations", "protocol"), "how many; trained from scratch, or fine-tuned"),
    (("contamination",), "share of synthetic data among what is taken for real; empty where the loop has none"),
    (("method", "params"), "its name, and its parameters as JSON"),
    (("control",), "whether it is given what no method is given"),
)

CELLS = Download(
    "cells.csv",
    "what each cell is: a row for each cell and feature space",
    (
        (("cell_id", "features"), "the key: which cell, scored in which feature space"),
        *_CELL,
        (("seed",), "of the whole loop"),
        (("method_sha256",), "of the method's file"),
        (("uses",), "what the method declares to use beyond what the loop hands to everybody; empty in older records"),
        (("date",), "when it was begun, in UTC; empty in older records"),
        (
            _group("features_sha256 reference_sha256 data_sha256"),
            "of the feature network, the reference and the training data",
        ),
        (("n", "k"), "how many were scored against as many, and the neighbours of precision and recall"),
        (("pinned",), "whether the data are those that the task names"),
    ),
)
SCORES = Download(
    "scores.csv",
    "every score of every generation: a row for each cell, feature space and generation",
    (
        (("cell_id", "features", "generation"), "the key; generation 0 is real data against real data"),
        (("fid", "kid", "kid_standard_error"), "distances from the reference, lower is better"),
        (("precision", "density"), "quality"),
        (("recall", "coverage"), "diversity"),
        (("f1",), "harmonic mean of precision and recall, 0 where both are 0"),
        (("authpct", "training_distance_ratio"), "low where training data are copied"),
        (("label_agreement", "class_imbalance"), "whether data are what they should be, and all classes there"),
        (("images_trained", "network_evaluations"), "training and sampling"),
        (("real_images", "method_state_bytes"), "different real data touched; bytes that the method keeps"),
        (("peak_memory_bytes", "fit_seconds", "sample_seconds", "score_seconds"), "of the machine that it ran on"),
        (("retrained", "retrained_share"), "how the weights came about, and with which share of the budget"),
        (("trained_on_real", "trained_on_synthetic"), "different data that they were trained on"),
        (("drawn",), "share of the scored data that the benchmark's generator drew"),
    ),
)
RESULTS = Download(
    "results.csv",
    "the rows of the tables, with all digits; a name with _low, _high and _p is an estimate: mean, 95% interval, "
    "and the p-value of its being 0",
    (
        (("table", "features"), "the table"),
        *_CELL,
        (("earlier_file",), "whether it was made with a file that the method had before"),
        (("seeds", "cells"), "of the row; the ids are those of cells.csv and scores.csv"),
        (("rank", "rank_lowest", "rank_highest"), "in its loop, and the range that ties leave"),
        (("unranked_because",), "why it has no rank"),
        (("word", "against"), "what can be said of it, and against which line"),
        (("better_in", "worse_in"), "what it trades"),
        (("marks", "marks_because"), "what a reader must know of it, and why"),
        (("retrained",), "how the weights of its later generations came about"),
        (("uses", "undeclared"), "what it declares to use, and what the engine saw it use besides"),
        (("adjusted_p", "adjusted_f1_p"), "of the two figures, for all entries of the loop together"),
        (("reads_score_features",), "whether it chooses in the feature space of the score"),
        (("trust", "warnings"), "self-reported, reproduced or verified; what is known against it"),
        (_group("fid_rises precision_falls recall_falls"), "the ways of going MAD: shown, not shown, cannot be told"),
        (("cells_mad",), "in how many of its cells FID rises, each by itself"),
        (_estimate("log_fid_area_difference"), "FID over the loop against the line: the logarithm of the ratio"),
        (_estimate("f1_area_difference"), "F1 over the loop against the line"),
        (_estimate("f1_area"), "its own F1 over the loop"),
        (_estimate("log_fid_trend"), "slope of log FID per generation"),
        *((_estimate(f"{key}_trend"), f"slope of {key} per generation") for key in ("precision", "recall")),
        *(
            (tuple(metric.key + ending for ending in LAST), f"{metric.title} in generation 1 and in the last one")
            for metric in METRICS
        ),
        *(
            (_estimate(f"{metric.key}_last_difference"), f"{metric.title} in the last generation against the line")
            for metric in METRICS
        ),
        (("training_ratio", "evaluations_ratio"), "training and sampling, as multiples of the line's"),
        (_group("images_trained network_evaluations real_images state_bytes seconds"), "cost of a cell"),
        (("authpct_last", "authpct_real"), "AuthPct in the last generation, and of real data"),
        (("coverage_last",), "coverage in the last generation"),
        (("precision_of_real", "recall_of_real"), "share of what real data reach among themselves"),
    ),
)
LOOKS = Download(
    "robustness.csv",
    "whether the order of a loop stays under another look: a row for each loop and look",
    (
        (("table", "features", "generator"), "the table, and the model"),
        (
            _group("kind n_real n_synthetic n_initial sampling_bias generations protocol contamination"),
            "the loop, as in cells.csv",
        ),
        (("figure", "look"), "of which figure, and what was looked at in its place"),
        (("correlation", "methods"), "rank correlation of the two orders, and of how many methods"),
    ),
)
DOWNLOADS = (
    RESULTS,
    SCORES,
    CELLS,
    LOOKS,
    Download("results.json", "the rows of results.csv as JSON, with null for what is empty"),
    Download("questions.json", "the answers with what they hold for and the cells that they rest on"),
)
