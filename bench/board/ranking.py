"""What each entry of a track did, beside the plain loop: its numbers over seeds, its word, its marks and its rank.

The plain loop is what the board compares with; `autophagy compare` takes any other entry for it.

The rules in words are in leaderboard/site/rules.html.jinja; docs/scoring.md has a worked example.
"""

import math
from collections.abc import Mapping, Sequence
from typing import get_args

from bench.board.cost import Cost
from bench.board.decline import directions, fid_trend
from bench.board.lines import verdicts_of
from bench.board.marks import UNRANKED, Changes, Mark, marks_of
from bench.board.ranks import ranks_of
from bench.board.retraining import another_generator, retraining, undeclared, uses
from bench.board.row import Row
from bench.board.seed_statistics import FEWEST_SEEDS, estimate
from bench.board.tables import Entry, Track
from bench.board.trust import Level, Trust
from bench.board.verdict import Verdict, Word
from bench.cells.retraining import Kind

FEWEST_RANKED = 3  # with fewer, only what is shown to be better than the plain loop has a rank
WORD_ORDER: tuple[Word | None, ...] = ("cures", "helps", "trades", "no difference shown", "hurts", None)


def rank_track(
    track: Track, trust: Mapping[str, Trust], reference: Entry | None, fine_tuned: Entry | None = None
) -> list[Row]:
    """Return the rows of a track: ranked ones first, by rank and then by F1; the plain loop last of all.

    Args:
        track: the entries.
        trust: of each cell, by its id.
        reference: the entry that the others are compared with; None where it has not been run.
        fine_tuned: the plain loop of the same track with the protocol `finetune`; None where it has not been run.
    """
    plain = track.plain.records if track.plain else {}
    trusts = [least_trust([trust[record.cell_id] for record in entry.records.values()]) for entry in track.entries]
    # Another generator's own first generation is what it declines from.
    changes = [Changes.of(entry.records, {} if another_generator(entry) else plain) for entry in track.entries]
    retrained = [retraining(entry) for entry in track.entries]
    marks = [marks_of(*each) for each in zip(track.entries, changes, retrained, strict=True)]
    verdicts = verdicts_of(track, reference, fine_tuned, changes, retrained, marks)
    reasons = [
        _unranked_because(track, reference, *each)
        for each in zip(track.entries, verdicts, marks, retrained, trusts, strict=True)
    ]
    ranked = [place for place, reason in enumerate(reasons) if reason is None]
    if len(ranked) < FEWEST_RANKED:
        for place in ranked:
            if verdicts[place][0].word == "no difference shown":
                reasons[place] = f"no difference shown, among fewer than {FEWEST_RANKED}"
        ranked = [place for place in ranked if reasons[place] is None]
    ranks = dict(zip(ranked, ranks_of([track.entries[place] for place in ranked]), strict=True))
    rows = []
    for place, entry in enumerate(track.entries):
        records = list(entry.records.values())
        areas = list(entry.areas["f1"].values())
        rows.append(
            Row(
                entry,
                track,
                mad=directions(records),
                trends={seed: trend for seed, record in entry.records.items() if (trend := fid_trend(record))},
                f1_area=estimate(areas) if areas else None,
                changes=changes[place],
                retrained=retrained[place],
                marks=marks[place],
                uses=uses(entry),
                undeclared=undeclared(entry),
                cost=Cost.of(records),
                trust=trusts[place],
                verdicts=verdicts[place],
                rank=ranks[place][0] if place in ranks else None,
                rank_range=ranks.get(place),
                unranked_because=reasons[place],
                reference=reference,
            )
        )
    return sorted(rows, key=_row_order)


def least_trust(trusts: Sequence[Trust]) -> Trust:
    """Return the lowest level of some cells, with the reproductions and the warnings of all of them."""
    return Trust(
        level=min((trust.level for trust in trusts), key=get_args(Level).index),
        reproductions=tuple(each for trust in trusts for each in trust.reproductions),
        warnings=tuple(dict.fromkeys(each for trust in trusts for each in trust.warnings)),
    )


def _unranked_because(
    track: Track,
    reference: Entry | None,
    entry: Entry,
    verdicts: tuple[Verdict, ...],
    marks: tuple[Mark, ...],
    retrained: Kind | None,
    trust: Trust,
) -> str | None:
    if entry in track.superseded:
        return "made again with the present file"
    if entry.is_plain:
        return "the plain loop"
    if entry is reference:
        return "the reference"
    if entry.is_control:
        return "control"
    kinds = [mark.kind for mark in marks]
    if kind := next((kind for kind in UNRANKED if kind in kinds), None):
        return kind
    if retrained is None and len(entry.generations) > 1:
        return "it is not known what it retrained"
    if found := undeclared(entry):
        return f"uses what it does not declare: {', '.join(found)}"
    if not verdicts:
        other = "plain loop" if reference in (None, track.plain) else reference.cell.method.option
        return f"no {other} with these seeds" if len(entry.generations) > 1 else "one generation"
    if verdicts[0].comparison.seeds < FEWEST_SEEDS:
        return f"fewer than {FEWEST_SEEDS} seeds"
    if verdicts[0].word in ("trades", "hurts"):
        return verdicts[0].word
    return "warning" if trust.warnings else None


def _row_order(row: Row) -> tuple[float, ...]:
    figure = row.comparison.log_fid_area.mean if row.comparison else math.inf
    f1 = row.f1_area.mean if row.f1_area else 0.0
    last = (row.is_plain, row.entry.is_control)
    if row.rank is not None:
        return (row.rank, *last, 0, -f1, figure)
    return (math.inf, *last, WORD_ORDER.index(row.word), -f1, figure)
