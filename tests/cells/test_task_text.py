"""Task files as text: what is put in is there, and all else stays as it was."""

import tomllib

import pytest

from bench import paths
from bench.cells.task import task_names
from bench.cells.task_sections import FeaturesSection
from bench.cells.task_text import toml_lines, toml_value, with_own_features

SECTION = FeaturesSection(
    name="mine", network="cnn", weights="features/mine.safetensors", sha256="a" * 64, accuracy=0.91234
)
VALUES = {
    "name": "mine",
    "network": "cnn",
    "weights": "features/mine.safetensors",
    "sha256": "a" * 64,
    "accuracy": 0.9123,
}


@pytest.mark.parametrize(
    "value",
    [
        1, 0.002, 1e-05, True, "plain", 'quo"ted \\ \n \t \x7f \u20ac \U0001f600', ["a", "b"], [], [1, 2.5],
        {"a": 1, "b": [True]}, {},
    ],
)  # fmt: skip
def test_a_value_is_read_back(value: object):
    assert tomllib.loads("\n".join(toml_lines({"key": value}))) == {"key": value}


def test_a_table_stands_in_one_line():
    assert toml_value({"n": 1, "of": ["a"]}) == '{ n = 1, of = ["a"] }'


@pytest.mark.parametrize("name", task_names())
def test_a_shipped_file_gets_the_section_and_keeps_the_rest(name: str):
    text = (paths.TASKS / f"{name}.toml").read_text(encoding="utf-8")
    content, found = tomllib.loads(text), tomllib.loads(with_own_features(text, SECTION))
    assert found.pop("features") == VALUES
    content.pop("features", None)
    for tier in content["tiers"].values():
        tier.pop("features", None)
    assert found == content


@pytest.mark.parametrize("name", ["digits", "cifar10"])
def test_comments_and_order_stay(name: str):
    text = (paths.TASKS / f"{name}.toml").read_text(encoding="utf-8")
    changed = ("name = ", "network = ", "weights = ", "sha256 = ", "accuracy = ", "features = ", "[features]", "\n")
    kept = [line for line in text.splitlines(keepends=True) if not line.startswith(changed)]
    found = with_own_features(text, SECTION).splitlines(keepends=True)
    assert [line for line in found if not line.startswith(changed)] == kept


def test_a_second_time_changes_nothing():
    text = (paths.TASKS / "cifar10.toml").read_text(encoding="utf-8")
    once = with_own_features(text, SECTION)
    assert with_own_features(once, SECTION) == once


def test_the_section_stands_before_the_score():
    lines = with_own_features((paths.TASKS / "cifar10.toml").read_text(encoding="utf-8"), SECTION).splitlines()
    headers = [line for line in lines if line.startswith("[")]
    assert headers[:4] == ["[data]", "[features]", "[score]", "[tiers.smoke]"]
    assert lines[lines.index("[features]") - 1] == ""


@pytest.mark.parametrize(
    "text",
    [
        'tiers.smoke = { features = "identity" }',
        '[tiers]\nsmoke.features = "identity"',
        '["tiers".smoke]\nfeatures = "a"',
    ],
)
def test_a_file_that_is_written_in_another_way_is_left_alone(text: str):
    with pytest.raises(ValueError, match=r"its sections are not written as \[features\] and \[tiers.NAME\]"):
        with_own_features(text, SECTION)
