"""The taxonomy in memory: classes, categories and the hierarchy. Standard library only."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from annotate.errors import InputError, closest
from annotate.taxonomy.hierarchy import ancestors_of, children_of


@dataclass(frozen=True)
class Category:
    """A group of classes."""

    id: str
    name: str
    description: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class TaxonomyClass:
    """A class of the taxonomy. ``fields.CLASS_FIELDS`` says what each attribute means.

    ``vote_threshold`` is None where the class has none of its own and the workspace's holds.
    ``exclusive_with`` is symmetric, whichever side the file names. ``line`` is where the class
    stands in its file, 0 for one that was not read from a file.
    """

    id: str
    name: str
    category: str
    description: str = ""
    parents: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    prompt: str = "name"
    vote_threshold: float | None = None
    difficulty: str = "medium"
    exclusive_with: tuple[str, ...] = ()
    scenario: str = ""
    aliases: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    since: str | None = None
    replaced_by: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)

    @property
    def lookup_keys(self) -> tuple[str, ...]:
        """Everything that the class is found by, as :func:`lookup_key` spells it, each once."""
        return tuple(dict.fromkeys(map(lookup_key, (self.id, self.name, *self.aliases))))


@dataclass(frozen=True)
class Taxonomy:
    """A label list, checked. Build one with ``load_taxonomy``; the methods rely on its checks."""

    name: str
    version: str
    categories: tuple[Category, ...]
    classes: tuple[TaxonomyClass, ...]
    file: str = field(default="", compare=False)

    @cached_property
    def by_id(self) -> Mapping[str, TaxonomyClass]:
        """Each class by its id, in file order."""
        return MappingProxyType({entry.id: entry for entry in self.classes})

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of all classes, in file order."""
        return tuple(self.by_id)

    @cached_property
    def _by_key(self) -> dict[str, TaxonomyClass]:
        return {key: entry for entry in self.classes for key in entry.lookup_keys}

    def resolve(self, name: str) -> TaxonomyClass:
        """Find a class by its id, name or alias, in any case.

        Raises:
            InputError: there is none; the closest names are given.
        """
        found = self._by_key.get(lookup_key(name))
        if found is None:
            known = [
                word for entry in self.classes for word in (entry.id, entry.name, *entry.aliases)
            ]
            hint = closest(name, known) or "; `mumic-annotate taxonomy show` lists all classes"
            raise InputError(f"unknown class {name!r}{hint}")
        return found

    @cached_property
    def _parents(self) -> dict[str, tuple[str, ...]]:
        return {entry.id: entry.parents for entry in self.classes}

    @cached_property
    def _children(self) -> dict[str, tuple[str, ...]]:
        return children_of(self._parents)

    @cached_property
    def ancestor_table(self) -> Mapping[str, tuple[str, ...]]:
        """For each id, the ids above it, the nearest first: what a positive label implies."""
        return MappingProxyType({entry: ancestors_of(entry, self._parents) for entry in self.ids})

    @cached_property
    def descendant_table(self) -> Mapping[str, tuple[str, ...]]:
        """For each id, the ids below it, the nearest first: what a negative label implies."""
        return MappingProxyType({entry: ancestors_of(entry, self._children) for entry in self.ids})

    def ancestors(self, class_id: str) -> tuple[str, ...]:
        """Ids above a class, the nearest first."""
        return self.ancestor_table[class_id]

    def descendants(self, class_id: str) -> tuple[str, ...]:
        """Ids below a class, the nearest first."""
        return self.descendant_table[class_id]

    def children(self, class_id: str) -> tuple[str, ...]:
        """Ids directly below a class, in file order."""
        return self._children[class_id]

    def closure_rows(self) -> list[list[bool]]:
        """Square table in file order: row i, column j is true where class i implies class j.

        A class implies itself and its ancestors.
        """
        implied = [{entry, *above} for entry, above in self.ancestor_table.items()]
        return [[other in row for other in self.ids] for row in implied]

    def exclusive_pairs(self) -> tuple[tuple[str, str], ...]:
        """Pairs of classes that no photo shows together, each once, in file order."""
        place = {entry: at for at, entry in enumerate(self.ids)}
        pairs = {
            (min(place[entry.id], place[other]), max(place[entry.id], place[other]))
            for entry in self.classes
            for other in entry.exclusive_with
        }
        return tuple((self.ids[one], self.ids[other]) for one, other in sorted(pairs))

    def subset(self, ids: Iterable[str]) -> Taxonomy:
        """The taxonomy of some classes only, in file order.

        Where a parent is left out, the nearest ancestors that are kept take its place, so labels
        still reach them. Categories without a class go.

        Raises:
            InputError: an id is unknown.
        """
        kept = set(ids)
        for class_id in sorted(kept - set(self.ids)):
            raise InputError(f"unknown class id {class_id!r}{closest(class_id, self.ids)}")
        classes = tuple(self._pruned(entry, kept) for entry in self.classes if entry.id in kept)
        used = {entry.category for entry in classes}
        return replace(
            self,
            classes=classes,
            categories=tuple(entry for entry in self.categories if entry.id in used),
        )

    def _pruned(self, entry: TaxonomyClass, kept: set[str]) -> TaxonomyClass:
        return replace(
            entry,
            parents=self._kept_above(entry, kept),
            exclusive_with=tuple(other for other in entry.exclusive_with if other in kept),
            replaced_by=tuple(other for other in entry.replaced_by if other in kept),
        )

    def _kept_above(self, entry: TaxonomyClass, kept: set[str]) -> tuple[str, ...]:
        if kept.issuperset(entry.parents):
            return entry.parents
        above = [other for other in self.ancestors(entry.id) if other in kept]
        implied = {further for other in above for further in self.ancestors(other)}
        return tuple(other for other in above if other not in implied)

    def as_dict(self) -> dict[str, Any]:
        """The content in the form of the file; what equals its default is left out."""
        return {
            "version": self.version,
            "name": self.name,
            "categories": [_stated(entry) for entry in self.categories],
            "classes": [_stated(entry) for entry in self.classes],
        }

    def to_json(self) -> str:
        """The content as JSON, which is YAML too: ``load_taxonomy`` reads it back as equal."""
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n"

    @cached_property
    def hash(self) -> str:
        """16 hex digits that change with the content, not with comments or the order of keys."""
        content = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode("ascii")).hexdigest()[:16]


def lookup_key(text: str) -> str:
    """A name in the one spelling in which names are compared: no case, single spaces, NFC.

    >>> lookup_key("  Swimming   POOL ")
    'swimming pool'
    """
    return unicodedata.normalize("NFC", " ".join(text.split()).casefold())


def _stated(entry: Category | TaxonomyClass) -> dict[str, Any]:
    stated = {}
    for each in fields(entry):
        value = getattr(entry, each.name)
        if each.compare and (each.default is MISSING or value != each.default):
            stated[each.name] = list(value) if isinstance(value, tuple) else value
    return stated
