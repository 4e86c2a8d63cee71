"""The lines that an entry is compared with, and what can be said of it against each.

An entry that learns anew is compared with the plain loop. One that reuses the weights of earlier generations is not:
what it keeps is generation 1, and a method that trains nothing would keep all of it. It is compared with the control
`frozen`, which is generation 1 for ever, and where it goes on training with the plain loop that is fine-tuned.
"""

from collections.abc import Sequence

from bench.board.marks import Changes, Mark
from bench.board.tables import Entry, Track
from bench.board.verdict import Verdict, compare_entries, verdict
from bench.cells.retraining import Kind

PLAIN_LINE = "the plain loop"
FINE_TUNED_LINE = "the plain loop, fine-tuned"
FROZEN = "frozen"  # the name of the control


def verdicts_of(
    track: Track,
    reference: Entry | None,
    fine_tuned: Entry | None,
    changes: Sequence[Changes],
    retrained: Sequence[Kind | None],
    marks: Sequence[tuple[Mark, ...]],
) -> list[tuple[Verdict, ...]]:
    """Return what can be said of each entry against its lines, the one that decides first.

    Nothing of the reference itself, of what no line has a seed in common with, of what another generator made, and of
    what was made again since.

    Args:
        track: the entries; the sequences have one value for each of them.
        reference: what they are compared with; the plain loop on the board.
        fine_tuned: the plain loop of the same track with the protocol `finetune`, None where it has not been run.
        changes: from generation 1 to the last.
        retrained: how weights came about.
        marks: of each entry.
    """
    if reference is None:
        return [()] * len(track.entries)
    plain_holds = track.plain is not None and changes[track.entries.index(track.plain)].holds
    lines = [
        _lines(track, reference, fine_tuned, entry, kind, each)
        for entry, kind, each in zip(track.entries, retrained, marks, strict=True)
    ]
    pairs = [(place, name, line) for place, found in enumerate(lines) for name, line in found]
    comparisons = compare_entries([(track.entries[place], line) for place, _, line in pairs])
    verdicts: list[list[Verdict]] = [[] for _ in track.entries]
    for (place, name, _), comparison in zip(pairs, comparisons, strict=True):
        if comparison:
            may_cure = not plain_holds and retrained[place] != "not"
            verdicts[place].append(verdict(name, comparison, changes[place], marks[place], may_cure=may_cure))
    return [_deciding_first(found) for found in verdicts]


def _lines(
    track: Track,
    reference: Entry,
    fine_tuned: Entry | None,
    entry: Entry,
    retrained: Kind | None,
    marks: tuple[Mark, ...],
) -> list[tuple[str, Entry]]:
    kinds = {mark.kind for mark in marks}
    if entry is reference or entry in track.superseded or "another generator" in kinds:
        return []
    if reference is not track.plain:
        return [(reference.cell.method.option, reference)]
    if "reuses weights" not in kinds or entry.is_control:
        return [(PLAIN_LINE, reference)]
    frozen = next((each for each in track.entries if each.cell.method.name == FROZEN and each.is_control), None)
    going_on = (PLAIN_LINE, reference) if track.cell.loop.protocol == "finetune" else (FINE_TUNED_LINE, fine_tuned)
    lines = [(FROZEN, frozen)] if retrained == "not" else [going_on, (FROZEN, frozen)]
    return [(name, line) for name, line in lines if line is not None]


def _deciding_first(verdicts: list[Verdict]) -> tuple[Verdict, ...]:
    """Put first the verdict that decides: that of the first line; but "cures" and "helps" must hold against all."""
    if verdicts and verdicts[0].is_good:
        verdicts = sorted(verdicts, key=lambda each: each.is_good)
    return tuple(verdicts)
