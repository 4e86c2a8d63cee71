"""What an entry retrained and what its method may know, by its records or, where they are of before, by its file."""

from bench.board.known_methods import declared_uses, is_known
from bench.board.tables import Entry
from bench.cells.retraining import Kind, Use, in_order


def retraining(entry: Entry) -> Kind | None:
    """Return how the weights of an entry's later generations came about.

    "not" where nothing was trained in any of them, "from scratch" where weights were drawn anew in all; None where
    there is one generation, or where neither the records nor the file of the method say.
    """
    later = [result.retrained for record in entry.records.values() for result in record.generations[1:]]
    if not later:
        return None
    kinds = {each.kind for each in later if each is not None}
    if len(kinds) == 1 and None not in later:
        (kind,) = kinds
        return kind
    if kinds - {"from scratch"}:
        return "gone on from"
    if not is_known(entry.cell.method):
        return None
    return "from scratch" if entry.cell.loop.protocol == "scratch" else "gone on from"


def reuses_weights(entry: Entry) -> bool:
    """Return whether a record says that weights of earlier generations are used, where the plain loop's are not."""
    return any(record.reuses_weights for record in entry.records.values())


def another_generator(entry: Entry) -> bool:
    """Return whether a record says that most images of a generation were not drawn by the benchmark's generator."""
    return any(record.another_generator for record in entry.records.values())


def uses(entry: Entry) -> tuple[Use, ...] | None:
    """Return what the method declares to use; None where neither the records nor its file say."""
    declared = [record.uses for record in entry.records.values()]
    known = [each for each in declared if each is not None]
    if len(known) < len(declared):
        of_file = declared_uses(entry.cell.method)
        if of_file is None:
            return None
        known.append(of_file)
    return in_order({use for each in known for use in each})


def undeclared(entry: Entry) -> tuple[Use, ...]:
    """Return what the engine saw the method use that it does not declare."""
    return in_order({use for record in entry.records.values() for use in record.undeclared})
