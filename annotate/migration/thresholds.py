"""Vote thresholds of classes that take the place of others: which go over, and which are lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from annotate.taxonomy.diff import Diff
from annotate.taxonomy.model import Taxonomy, TaxonomyClass


@dataclass(frozen=True)
class Replaced:
    """A threshold that is not what it was for every old class.

    Attributes:
        before: thresholds by the old classes' ids, as they were in force.
        now: the one that counts from now on.
    """

    before: dict[str, float]
    now: float


def carried_thresholds(old: Taxonomy, after: Taxonomy, found: Diff) -> dict[str, float]:
    """Thresholds that go over to other classes, where the new label list gives them none.

    A class with a new id takes its own along, merged classes the one that they all have, and the
    parts of a split class that of the whole: what was easily overlooked still is.
    """
    carried = {}
    for name, sources in found.moved.items():
        values = {old.by_id[source.id].vote_threshold for source in sources}
        value = values.pop() if len(values) == 1 else None
        if value is not None and after.by_id[name].vote_threshold is None:
            carried[name] = value
    return carried


def with_thresholds(taxonomy: Taxonomy, values: Mapping[str, float]) -> Taxonomy:
    """The label list with other thresholds for some of its classes."""
    classes = (
        replace(entry, vote_threshold=values.get(entry.id, entry.vote_threshold))
        for entry in taxonomy.classes
    )
    return replace(taxonomy, classes=tuple(classes))


def replaced_thresholds(
    old: Taxonomy, after: Taxonomy, found: Diff, default: float
) -> dict[str, Replaced]:
    """Classes made of others of which one, with a threshold of its own, had another than they have.

    Args:
        old: the label list as it was.
        after: the one of now, with the thresholds that went over.
        found: their difference.
        default: of classes without a threshold of their own.
    """

    def in_force(entry: TaxonomyClass) -> float:
        return default if entry.vote_threshold is None else entry.vote_threshold

    changed = {}
    for name, sources in found.moved.items():
        entries = [old.by_id[source.id] for source in sources]
        before = {entry.id: in_force(entry) for entry in entries}
        now = in_force(after.by_id[name])
        had_own = any(entry.vote_threshold is not None for entry in entries)
        if had_own and set(before.values()) != {now}:
            changed[name] = Replaced(before, now)
    return changed
