"""What a generation retrained, and what its method was allowed to know, in the words of a record."""

from collections.abc import Iterable
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bench.errors import choose
from bench.files.limits import Count, Ratio

# What a method may use beyond what the loop hands to everybody; the order is that in which they are shown.
Use = Literal["real statistics", "real images", "stronger model", "labels"]
USES: tuple[Use, ...] = get_args(Use)
Kind = Literal["from scratch", "gone on from", "not"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LEAST_DRAWN = 0.5  # share of the scored images that the benchmark's generator must have drawn
LEAST_FINETUNED = 0.5  # share of the budget, in the protocol in which the plain loop goes on from weights too


def in_order(uses: Iterable[str]) -> tuple[Use, ...]:
    """Return uses once each, in the order of USES.

    Raises:
        ValueError: a word that is none of them.
    """
    given = tuple(uses)
    if unknown := [use for use in given if use not in USES]:
        raise ValueError(f"{unknown[0]!r}: {choose(USES, str(unknown[0]))}")
    return tuple(use for use in USES if use in given)


def _ordered(uses: tuple[Use, ...]) -> tuple[Use, ...]:
    if uses != in_order(uses):
        raise ValueError(f"give, each once and in this order, {', '.join(USES)}")
    return uses


Uses = Annotated[tuple[Use, ...], Field(max_length=len(USES)), AfterValidator(_ordered)]


class TrainedOn(BaseModel):
    """How many different images the scored weights were trained on in their generation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    real: Count
    synthetic: Count


class Retrained(BaseModel):
    """How the weights came about that the scored images of a generation were drawn with.

    Attributes:
        kind: "from scratch" where they are made of weights that were drawn anew in this generation, "gone on from"
            where weights of earlier generations are in them, "not" where nothing was trained.
        share: how many images went through a training step for them, as a share of a generation's budget.
        on: what they were trained on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: Kind
    share: Ratio
    on: TrainedOn


def undeclared(observed: Iterable[Use], declared: Iterable[Use]) -> tuple[Use, ...]:
    """Return what was seen to be used and is not declared; who may keep real images may know their statistics."""
    covered = set(declared)
    if "real images" in covered:
        covered.add("real statistics")
    return in_order(set(observed) - covered)
