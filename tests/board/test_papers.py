"""The papers of a description: found by their identifiers, and linked by nothing else."""

import ast

import pytest

from bench.board.papers import Paper, papers_in
from bench.paths import BASELINES, baseline_names

# Of nobody's paper: the rules of controls, and claims of the public debate.
WITHOUT = {
    "none", "frozen", "real_only", "random_subset", "oracle_filter", "detector", "biased_pool", "assisted_correction",
    "deduplicate", "density_reweight", "teacher",
}  # fmt: skip


def described(name: str) -> str:
    return ast.get_docstring(ast.parse((BASELINES / f"{name}.py").read_text(encoding="utf-8"))) or ""


@pytest.mark.parametrize("name", baseline_names())
def test_every_baseline_of_a_paper_names_it(name: str):
    found = papers_in(described(name))
    assert bool(found) == (name not in WITHOUT)
    assert all(paper.link.startswith("https://") for paper in found)


@pytest.mark.parametrize(
    ("name", "paper"),
    [
        ("neon", Paper("arXiv 2510.03597", "https://arxiv.org/abs/2510.03597", "Alemohammad et al. 2025")),
        ("golden_ratio", Paper("arXiv 2502.18049", "https://arxiv.org/abs/2502.18049", "He, Xu & Cheng 2025")),
        ("self_correction", Paper("arXiv 2402.07087", "https://arxiv.org/abs/2402.07087", "Gillman et al. 2024")),
        ("source_flag", Paper("OpenReview fZfl8xyfPU", "https://openreview.net/forum?id=fZfl8xyfPU", "")),
    ],
)
def test_the_first_paper_of_a_baseline(name: str, paper: Paper):
    assert papers_in(described(name))[0] == paper


def test_a_paper_that_is_named_twice_is_one():
    text = "Doe and Roe 2020 (arXiv 2001.00001) and Poe 2021 (doi 10.1000/xyz-1), as in arXiv:2001.00001."
    assert papers_in(text) == (
        Paper("arXiv 2001.00001", "https://arxiv.org/abs/2001.00001", "Doe and Roe 2020"),
        Paper("doi 10.1000/xyz-1", "https://doi.org/10.1000/xyz-1", "Poe 2021"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "", "no paper", "javascript:alert(1)", "https://evil.example/arxiv.org/abs/2001.00001",
        'arXiv "onclick=alert(1)', "github.com/<script>", "doi 10.1000/<b>", "openreview.net/forum?id=<b>",
    ],
)  # fmt: skip
def test_hostile_text_gives_no_link(text: str):
    assert papers_in(text) == ()
