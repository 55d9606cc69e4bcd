"""Walks over a graph of parents, given as a mapping from each id to its parents' ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Parents = Mapping[str, Sequence[str]]


def ancestors_of(start: str, parents: Parents) -> tuple[str, ...]:
    """All ids above ``start``, the nearest first, each once.

    >>> ancestors_of("canoe", {"canoe": ["boat", "sport"], "boat": ["vehicle"]})
    ('boat', 'sport', 'vehicle')
    """
    found: dict[str, None] = {}
    level = list(parents.get(start, ()))
    while level:
        fresh = [entry for entry in dict.fromkeys(level) if entry not in found]
        found.update(dict.fromkeys(fresh))
        level = [above for entry in fresh for above in parents.get(entry, ())]
    return tuple(found)


def children_of(parents: Parents) -> dict[str, tuple[str, ...]]:
    """The same graph turned round: each id's direct children, in the mapping's order.

    >>> children_of({"pool": [], "indoor": ["pool"], "outdoor": ["pool"]})
    {'pool': ('indoor', 'outdoor'), 'indoor': (), 'outdoor': ()}
    """
    children: dict[str, list[str]] = {entry: [] for entry in parents}
    for entry, above in parents.items():
        for parent in above:
            children.setdefault(parent, []).append(entry)
    return {entry: tuple(below) for entry, below in children.items()}


def find_cycles(parents: Parents) -> list[tuple[str, ...]]:
    """Cycles that share no id, each as its ids from child to parent.

    >>> find_cycles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]})
    [('a', 'b', 'c')]
    """
    remaining = {entry: [up for up in above if up in parents] for entry, above in parents.items()}
    cycles = []
    while remaining := _without_roots(remaining):
        cycle = _follow(next(iter(remaining)), remaining)
        cycles.append(cycle)
        remaining = {
            entry: [parent for parent in above if parent not in cycle]
            for entry, above in remaining.items()
            if entry not in cycle
        }
    return cycles


def _without_roots(parents: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is left when ids without parents are taken away for as long as there are any."""
    children = children_of(parents)
    missing = {entry: len(above) for entry, above in parents.items()}
    roots = [entry for entry, count in missing.items() if not count]
    for root in roots:
        for child in children[root]:
            missing[child] -= 1
            if not missing[child]:
                roots.append(child)
    return {
        entry: [parent for parent in above if missing[parent]]
        for entry, above in parents.items()
        if missing[entry]
    }


def _follow(start: str, parents: dict[str, list[str]]) -> tuple[str, ...]:
    """Go up from ``start``, where every id has a parent, until an id comes again."""
    path: dict[str, int] = {}
    entry = start
    while entry not in path:
        path[entry] = len(path)
        entry = parents[entry][0]
    return tuple(path)[path[entry] :]
