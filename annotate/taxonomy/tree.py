"""The hierarchy as rows of a tree, for a page: each class below each of its parents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from annotate.taxonomy.model import Taxonomy, TaxonomyClass
from annotate.taxonomy.prompts import search_queries


@dataclass(frozen=True)
class Counts:
    """What there is of a class: images labelled yes, no and unknown, and candidates mined for it.

    None in ``positives`` where there are no labels yet.
    """

    positives: int | None = None
    negatives: int = 0
    unknown: int = 0
    candidates: int = 0


def tree(taxonomy: Taxonomy, counts: Mapping[str, Counts]) -> list[dict[str, Any]]:
    """The categories with their classes, parents before children.

    A class with several parents stands below each of them; all but the first are marked as
    repeated. A class whose parents are in other categories stands at the top of its own.

    Args:
        taxonomy: the label list.
        counts: by class id; a class may be missing.

    Returns:
        Per category ``name``, ``description``, ``size`` and ``rows``, each with its ``depth``.
    """
    shown: set[str] = set()
    found = []
    for category in taxonomy.categories:
        members = [entry for entry in taxonomy.classes if entry.category == category.id]
        ids = {entry.id for entry in members}
        tops = [entry for entry in members if not ids & set(entry.parents)]
        rows = [
            row for entry in tops for row in _rows(entry, taxonomy, ids, counts, shown, depth=0)
        ]
        found.append(
            {
                "name": category.name,
                "description": category.description,
                "size": len(members),
                "rows": rows,
            }
        )
    return found


def _rows(
    entry: TaxonomyClass,
    taxonomy: Taxonomy,
    members: set[str],
    counts: Mapping[str, Counts],
    shown: set[str],
    depth: int,
) -> Iterator[dict[str, Any]]:
    again = entry.id in shown
    shown.add(entry.id)
    yield _row(entry, taxonomy, members, counts, again=again, depth=depth)
    for child in () if again else taxonomy.children(entry.id):
        if child in members:
            below = taxonomy.by_id[child]
            yield from _rows(below, taxonomy, members, counts, shown, depth + 1)


def _row(
    entry: TaxonomyClass,
    taxonomy: Taxonomy,
    members: set[str],
    counts: Mapping[str, Counts],
    *,
    again: bool,
    depth: int,
) -> dict[str, Any]:
    def names(ids: tuple[str, ...]) -> list[str]:
        return [taxonomy.by_id[each].name for each in ids]

    return {
        "id": entry.id,
        "name": entry.name,
        "description": entry.description,
        "difficulty": entry.difficulty,
        "depth": depth,
        "again": again,
        "elsewhere": names(tuple(each for each in entry.parents if each not in members)),
        "exclusive": names(entry.exclusive_with),
        "replaced_by": names(entry.replaced_by),
        "aliases": list(entry.aliases),
        "queries": list(search_queries(entry)),
        "vote_threshold": entry.vote_threshold,
        "since": entry.since,
        "words": " ".join((*entry.lookup_keys, entry.description.casefold())),
        "counts": counts.get(entry.id, Counts()),
    }
