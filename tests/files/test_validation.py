"""The one line that a failed validation becomes."""

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bench.files.validation import one_line, problems, raise_problems, validate_strictly


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int = Field(ge=1)

    @model_validator(mode="after")
    def _not_thirteen(self) -> "Inner":
        if self.count == 13:
            raise ValueError("count is 13: choose any other number")
        return self


class Outer(BaseModel):
    name: str
    inner: Inner


def line_for(content: dict[str, object], model: type[BaseModel] = Outer) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(content)
    return one_line(caught.value)


def test_a_wrong_value_is_named_with_its_path_and_what_is_allowed():
    assert line_for({"name": "a", "inner": {"count": 0}}) == (
        "inner.count = 0: input should be greater than or equal to 1"
    )


def test_a_missing_key_is_named_with_its_path():
    assert line_for({"name": "a", "inner": {}}) == "inner.count is missing"


def test_an_unknown_key_is_named_with_its_path():
    assert line_for({"name": "a", "inner": {"count": 1, "cuont": 1}}) == "inner.cuont is not a known key"


def test_a_rule_of_our_own_keeps_its_words_after_the_section():
    assert line_for({"name": "a", "inner": {"count": 13}}) == "inner: count is 13: choose any other number"


def test_a_rule_of_the_whole_file_keeps_its_words_alone():
    assert line_for({"count": 13}, Inner) == "count is 13: choose any other number"


def test_the_other_errors_are_counted():
    assert line_for({"inner": {"count": 0}}) == "name is missing (and 1 more)"


def test_a_misspelt_key_is_named_before_the_missing_one_that_it_stands_for():
    assert line_for({"name": "a", "inner": {"cuont": 1}}) == "inner.cuont is not a known key (and 1 more)"


def test_a_value_with_line_breaks_stays_on_one_line():
    assert "\n" not in line_for({"name": "a", "inner": {"count": "1\n2"}})


def test_a_long_value_is_cut():
    line = line_for({"name": "a", "inner": {"count": "x" * 10_000}})
    assert line.startswith("inner.count = 'xxx")
    assert "xxx...: input should be" in line
    assert len(line) < 250


def test_a_key_of_characters_that_cannot_be_shown_is_quoted():
    line = line_for({"name": "a", "inner": {"count": 1, "a\n\u202e": 1}})
    assert line == r"inner.'a\n\u202e' is not a known key"


def test_a_long_key_is_cut():
    line = line_for({"name": "a", "inner": {"count": 1, "x" * 10_000: 1}})
    assert line.endswith("xxx... is not a known key")
    assert len(line) < 200


def test_problems_of_the_parts_of_a_value_are_said_with_their_keys():
    class Numbers(BaseModel):
        of: dict[str, int]

        @field_validator("of")
        @classmethod
        def _even(cls, found: dict[str, int]) -> dict[str, int]:
            raise_problems(f"{key} is {value}: choose even numbers" for key, value in found.items() if value % 2)
            return found

    with pytest.raises(ValidationError) as caught:
        validate_strictly(Numbers, {"of": {"a": 1, "b": 2, "c": 3}})
    assert problems(caught.value) == ["of.a is 1: choose even numbers", "of.c is 3: choose even numbers"]
    assert one_line(caught.value) == "of.a is 1: choose even numbers (and 1 more)"
