"""What has become of each class between two versions of a taxonomy. Standard library only.

Ids are stable, so a class is the same where its id is the same. Where an id is gone, the new file
says what took its place: ``replaced_by`` of the class, where its entry was kept; or an alias of the
class that took it in, which is the old id or name. What was retired before is past.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from annotate.taxonomy.model import Taxonomy, TaxonomyClass, lookup_key

KINDS = (
    "merged",
    "split",
    "new id",
    "removed",
    "added",
    "refined",
    "renamed",
    "parents",
    "reworded",
    "category",
    "exclusive",
    "threshold",
    "details",
)
"""All kinds of change; those that touch votes come first."""

_DETAILS = ("queries", "prompt", "difficulty", "scenario", "aliases", "examples", "since")


@dataclass(frozen=True)
class Source:
    """An old class from whose votes those of a new one follow.

    Attributes:
        id: of the old class.
        whole: every image of the old class shows the new one too. Else the new class is one of
            several that share the old one's place, and only a no carries over.
    """

    id: str
    whole: bool


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        kind: one of :data:`KINDS`.
        old: ids of the old classes concerned.
        new: ids of the new ones.
        text: the difference in words.
        line: where it stands in the new file (in the old one for what was removed).
    """

    kind: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    text: str
    line: int = 0


@dataclass(frozen=True)
class Diff:
    """All differences, and where the votes of each class come from.

    Attributes:
        changes: by kind, then in the order of the new file.
        sources: for each class that the new version asks for, the old classes it follows from;
            empty for a class that nobody was ever asked for.
    """

    changes: tuple[Change, ...]
    sources: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)

    @property
    def moved(self) -> dict[str, tuple[Source, ...]]:
        """The sources of those classes whose votes are not simply their own."""
        return {
            name: sources
            for name, sources in self.sources.items()
            if sources != (Source(name, whole=True),)
        }

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the changes and, for classes whose votes moved, their sources."""
        return {
            "changes": [{**vars(change)} for change in self.changes],
            "sources": {
                name: [{"id": source.id, "whole": source.whole} for source in sources]
                for name, sources in self.moved.items()
            },
        }


def diff(old: Taxonomy, new: Taxonomy) -> Diff:
    """Compare two versions of a taxonomy.

    Args:
        old: the version that votes were given for.
        new: the version that is to be used.

    Returns:
        Nothing in ``changes`` for two that are equal.
    """
    asked = [entry for entry in old.classes if not entry.replaced_by]
    heirs = {entry.id: _heirs(entry, new) for entry in asked}
    sources: dict[str, list[Source]] = {
        entry.id: [] for entry in new.classes if not entry.replaced_by
    }
    for name, taken in heirs.items():
        for heir in taken:
            sources[heir].append(Source(name, whole=len(taken) == 1))
    changes = [*_moves(old, new, heirs, sources), *_additions(new, sources)]
    for entry in asked:
        if heirs[entry.id] == (entry.id,):
            changes.extend(_edits(entry, new.by_id[entry.id]))
    changes.sort(key=lambda change: (KINDS.index(change.kind), change.line))
    return Diff(tuple(changes), {name: tuple(found) for name, found in sources.items()})


def _heirs(entry: TaxonomyClass, new: Taxonomy) -> tuple[str, ...]:
    """Ids of the new classes that hold an old one's place: itself, others, or none."""
    if entry.id in new.by_id:
        return tuple(_in_use(entry.id, new))
    by_key = {key: other.id for other in new.classes for key in other.lookup_keys}
    for word in (entry.id, entry.name):
        if lookup_key(word) in by_key:
            return tuple(_in_use(by_key[lookup_key(word)], new))
    return ()


def _in_use(class_id: str, new: Taxonomy) -> Iterable[str]:
    """The class itself, or those that have taken its place in the end."""
    found: dict[str, None] = {}
    waiting = [class_id]
    for name in waiting:  # the loader has made sure that no chain is a cycle
        following = new.by_id[name].replaced_by
        waiting.extend(following)
        if not following:
            found[name] = None
    return found


def _moves(
    old: Taxonomy,
    new: Taxonomy,
    heirs: Mapping[str, tuple[str, ...]],
    sources: Mapping[str, list[Source]],
) -> Iterator[Change]:
    """Classes whose id is not what it was: removed, split, merged, or called otherwise."""
    for name, taken in heirs.items():
        entry = old.by_id[name]
        if not taken:
            text = (
                f"{entry.name} is gone. If a class took its place, say so: put {name!r} among that "
                "class's aliases, or keep the entry and give it replaced_by"
            )
            yield Change("removed", (name,), (), text, entry.line)
        elif len(taken) > 1:
            text = f"{entry.name} is split into {_names(new, taken)}"
            yield Change("split", (name,), taken, text, new.by_id[taken[0]].line)
    for heir, found in sources.items():
        whole = tuple(source.id for source in found if source.whole)
        if all(name == heir for name in whole):
            continue
        target = new.by_id[heir]
        if len(whole) > 1:
            text = f"{_names(old, whole)} are now one: {target.name}"
            yield Change("merged", whole, (heir,), text, target.line)
        else:
            text = f"{old.by_id[whole[0]].name} has the new id {heir}"
            yield Change("new id", whole, (heir,), text, target.line)


def _names(taxonomy: Taxonomy, ids: Iterable[str]) -> str:
    names = [taxonomy.by_id[name].name for name in ids]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _additions(new: Taxonomy, sources: Mapping[str, list[Source]]) -> Iterator[Change]:
    """New classes; those below a class that was there before refine it."""
    added = [new.by_id[name] for name, found in sources.items() if not found]
    below: dict[str, list[str]] = {}
    for entry in added:
        yield Change("added", (), (entry.id,), f"{entry.name} is new", entry.line)
        for parent in entry.parents:
            if sources.get(parent):
                below.setdefault(parent, []).append(entry.id)
    for parent, children in below.items():
        text = f"{new.by_id[parent].name} stays, and {_names(new, children)} now divide it"
        if len(children) == 1:
            text = f"{new.by_id[parent].name} stays, and {_names(new, children)} is part of it"
        old = tuple(source.id for source in sources[parent])
        yield Change("refined", old, tuple(children), text, new.by_id[children[0]].line)


def _edits(old: TaxonomyClass, new: TaxonomyClass) -> Iterator[Change]:
    """What changed about a class that stayed."""

    def change(kind: str, text: str) -> Change:
        return Change(kind, (old.id,), (new.id,), text, new.line)

    if old.name != new.name:
        yield change("renamed", f"{old.name!r} is now called {new.name!r}")
    if set(old.parents) != set(new.parents):
        yield change("parents", f"parents of {new.name}: {_lists(old.parents, new.parents)}")
    if old.description != new.description:
        text = (
            f"the description of {new.name} is {new.description!r}, it was {old.description!r}. "
            "Votes stay; if it means something else now, give it a new id"
        )
        yield change("reworded", text)
    if old.category != new.category:
        yield change("category", f"{new.name} is in {new.category}, it was in {old.category}")
    if set(old.exclusive_with) != set(new.exclusive_with):
        text = f"{new.name} excludes: {_lists(old.exclusive_with, new.exclusive_with)}"
        yield change("exclusive", text)
    if old.vote_threshold != new.vote_threshold:
        before, after = _threshold(old), _threshold(new)
        yield change("threshold", f"vote_threshold of {new.name}: {before} -> {after}")
    other = [key for key in _DETAILS if getattr(old, key) != getattr(new, key)]
    if other:
        yield change("details", f"{new.name}: {', '.join(other)} changed")


def _lists(old: tuple[str, ...], new: tuple[str, ...]) -> str:
    gone = [f"-{name}" for name in old if name not in new]
    come = [f"+{name}" for name in new if name not in old]
    return " ".join([*gone, *come])


def _threshold(entry: TaxonomyClass) -> str:
    return "the default" if entry.vote_threshold is None else f"{entry.vote_threshold:g}"
