"""What the board says to a question: its verdict, what that holds for, and the numbers that it rests on."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bench.board.questions import Question
from bench.board.seed_statistics import Estimate

Verdict = Literal["supported", "refuted", "undecided"]
# Of a claim that a remedy stops the decline, where it does not and is better than none; where no cell can decide; and
# of a task whose cells nobody has run.
AnswerVerdict = Literal[Verdict, "helps, does not stop it", "not yet testable", "not run yet"]
HELPS: AnswerVerdict = "helps, does not stop it"
NOT_RUN: AnswerVerdict = "not run yet"


@dataclass(frozen=True)
class Missing:
    """Something that would have to be there.

    Attributes:
        text: what it is, in words.
        command: the command line that makes it; None where there is none.
    """

    text: str
    command: str | None


@dataclass(frozen=True)
class ItemAnswer:
    """What one item of the evidence says.

    Attributes:
        label: what it shows, in words.
        decides: whether it enters the verdict.
        verdict: of this item alone.
        measured: what the number is, in words.
        of: the cells, in words.
        against: the cells that they are compared with, in words; None for none.
        expected: what the claim expects, in words.
        margin: why the value expected is what it is; None where it is "no difference".
        estimate: the number, a ratio where `ratio` is true; None where there is none.
        ratio: whether the number is a ratio, 1 where nothing differs.
        shown: the number with its interval, as a page shows it; empty where there is none.
        why: why it is undecided, and how many seeds it would take; empty where it is decided.
        seeds: that the number is computed from.
        cells: the ids of the cells, in the order of the seeds.
        against_cells: the ids of those that they are compared with; empty for none.
        missing: what is not there.
        control: the control of the cells, in words; None for none.
        control_cells: the ids of its cells.
        against_control: the control of those that they are compared with, likewise.
        against_control_cells: likewise.
        task: of the cells; empty where it cannot be measured.
        tier: likewise.
        helps: whether it says that a remedy helps, and decides nothing.
        of_earlier_files: whether any of the cells were run with a file that their method had before.
    """

    label: str
    decides: bool
    verdict: Verdict
    measured: str
    of: str
    against: str | None
    expected: str
    margin: str | None
    estimate: Estimate | None
    ratio: bool
    shown: str
    why: str
    seeds: tuple[int, ...]
    cells: tuple[str, ...]
    against_cells: tuple[str, ...]
    missing: tuple[Missing, ...]
    control: str | None = None
    control_cells: tuple[str, ...] = ()
    against_control: str | None = None
    against_control_cells: tuple[str, ...] = ()
    helps: bool = False
    task: str = ""
    tier: str = ""
    of_earlier_files: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the item as JSON values; an end of an interval that one seed does not give is null."""
        number = None
        if self.estimate is not None:
            ends = {name: getattr(self.estimate, name) for name in ("mean", "low", "high")}
            number = {name: value if math.isfinite(value) else None for name, value in ends.items()}
        return asdict(self) | {"estimate": number}


@dataclass(frozen=True)
class Scope:
    """What the records of one task and tier say to a question.

    Attributes:
        task: whose cells they are.
        tier: of the cells.
        seeds: that the number is computed from whose effect is told.
        verdict: of the numbers that decide alone; "not run yet" where there is no seed of any of them.
        effect: the number that decides it, in words; of those that are shown the first. Of an undecided one also why.
    """

    task: str
    tier: str
    seeds: int
    verdict: AnswerVerdict
    effect: str


@dataclass(frozen=True)
class Answer:
    """A question with its verdict, and what it holds for."""

    question: Question
    verdict: AnswerVerdict
    scopes: tuple[Scope, ...]
    items: tuple[ItemAnswer, ...]

    @property
    def decided_by(self) -> str | None:
        """The number that decides it, in words: that of the first task with its verdict; None where no task has it."""
        return next((scope.effect for scope in self.scopes if scope.verdict == self.verdict), None)

    @property
    def missing(self) -> list[Missing]:
        """What is not there for any of the items, each once."""
        return list(dict.fromkeys(missing for item in self.items for missing in item.missing))

    def to_json(self) -> dict[str, Any]:
        """Return question and answer as JSON values."""
        question = self.question
        return {
            "key": question.key,
            "title": question.title,
            "background": question.background,
            "decided": question.decided,
            "combine": question.combine,
            "since": {"date": question.since.date.isoformat(), "commit": question.since.commit},
            "verdict": self.verdict,
            "scopes": [asdict(scope) for scope in self.scopes],
            "items": [item.to_json() for item in self.items],
        }
