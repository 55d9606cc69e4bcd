"""What must hold between the entries of a taxonomy file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from annotate.errors import closest
from annotate.taxonomy.hierarchy import Parents, ancestors_of, find_cycles
from annotate.taxonomy.model import lookup_key
from annotate.taxonomy.problems import MOST_SHOWN, Problems
from annotate.taxonomy.prompts import TEMPLATE
from annotate.taxonomy.records import Marked, Record
from annotate.taxonomy.tokens import CONTEXT_LENGTH, count_tokens, fits


def check_categories(categories: Sequence[Record], problems: Problems) -> None:
    """Ids and names of categories are unique."""
    for key in ("id", "name"):
        named = ((entry, [entry.singles[key]]) for entry in categories if key in entry.singles)
        _check_unique(named, "category", problems)


def check_classes(
    classes: Sequence[Record], categories: Sequence[Record], problems: Problems
) -> None:
    """Everything between classes: names, references, the hierarchy, exclusions and text lengths."""
    _check_unique(((entry, _names(entry)) for entry in classes), "class", problems)
    _check_references(classes, categories, problems)
    _check_hierarchy(classes, problems)
    for entry in classes:
        _check_texts(entry, problems)


def _names(entry: Record) -> list[Marked]:
    singles = [entry.singles[key] for key in ("id", "name") if key in entry.singles]
    return [*singles, *entry.texts("aliases")]


def _check_unique(
    named: Iterable[tuple[Record, list[Marked]]], what: str, problems: Problems
) -> None:
    """No two entries are found by the same word, whatever its case."""
    owners: dict[str, tuple[Record, Marked]] = {}
    for entry, names in named:
        for name in names:
            owner, first = owners.setdefault(lookup_key(name.text), (entry, name))
            if owner is not entry:
                problems.add(
                    name.line,
                    f"{what} {_label(entry)}: {name.text!r} is taken by {what} {_label(owner)} "
                    f"in line {first.line}; ids, names and aliases must differ in more than case",
                )


def _check_references(
    classes: Sequence[Record], categories: Sequence[Record], problems: Problems
) -> None:
    known = [entry.text("id") for entry in classes if "id" in entry.singles]
    groups = [entry.text("id") for entry in categories if "id" in entry.singles]
    for entry in classes:
        where = f"class {_label(entry)}"
        if "category" in entry.singles:
            category = entry.singles["category"]
            _check_known(category, groups, f"{where}: category: unknown category", problems)
        for key in ("parents", "exclusive_with", "replaced_by"):
            for value in entry.texts(key):
                _check_known(value, known, f"{where}: {key}: unknown class", problems)
        _check_itself(entry, where, problems)


def _check_known(value: Marked, known: Sequence[str], what: str, problems: Problems) -> None:
    if value.text not in known:
        # Looking for close names takes long in a long list, and nobody reads that many.
        hint = closest(value.text, known) if len(problems) < MOST_SHOWN else ""
        hint = hint or "; add it or correct the id"
        problems.add(value.line, f"{what} {value.text!r}{hint}")


def _check_itself(entry: Record, where: str, problems: Problems) -> None:
    for key in ("exclusive_with", "replaced_by"):
        for value in entry.texts(key):
            if value.text == entry.text("id"):
                problems.add(value.line, f"{where}: {key}: names the class itself; delete it")


def _check_hierarchy(classes: Sequence[Record], problems: Problems) -> None:
    """No cycles; and, where there are none, no class that its exclusions make impossible."""
    by_id = {entry.text("id"): entry for entry in classes if "id" in entry.singles}
    _check_cycles(by_id, _links(by_id, "replaced_by"), "replaced_by", problems)
    parents = _links(by_id, "parents")
    if not _check_cycles(by_id, parents, "parents", problems):
        _check_exclusions(by_id, parents, problems)


def _links(by_id: dict[str, Record], key: str) -> Parents:
    return {
        name: [value.text for value in entry.texts(key) if value.text in by_id]
        for name, entry in by_id.items()
    }


def _check_cycles(by_id: dict[str, Record], links: Parents, key: str, problems: Problems) -> bool:
    """Name the cycles, and say whether there are any."""
    # One that names itself has been named as such.
    own = {name: [to for to in above if to != name] for name, above in links.items()}
    cycles = find_cycles(links if key == "parents" else own)
    for cycle in cycles:
        line = next(v.line for v in by_id[cycle[0]].texts(key) if v.text in cycle)
        path = " -> ".join([*cycle, cycle[0]])
        problems.add(line, f"class {cycle[0]}: {key} form a cycle: {path}; remove one of them")
    return bool(cycles)


def _check_exclusions(by_id: dict[str, Record], parents: Parents, problems: Problems) -> None:
    """No class may imply two classes that exclude each other."""
    lines = {
        frozenset((name, value.text)): value.line
        for name, entry in by_id.items()
        for value in entry.texts("exclusive_with")
        if value.text in by_id and value.text != name
    }
    excluded: dict[str, set[str]] = {}
    for pair in lines:
        for name in pair:
            excluded.setdefault(name, set()).update(pair - {name})
    implied = {name: {name, *ancestors_of(name, parents)} for name in by_id} if lines else {}
    for name, held in implied.items():
        for one in sorted(held & excluded.keys()):
            for other in sorted(held & excluded[one]):
                line = lines[frozenset((one, other))]
                if name == one:
                    problems.add(line, _own_ancestor(one, other))
                elif one < other and other not in implied[one] and one not in implied[other]:
                    problems.add(by_id[name].line, _implies_both(name, one, other, line))


def _own_ancestor(name: str, ancestor: str) -> str:
    return (
        f"class {name}: exclusive_with its own ancestor {ancestor}, which it always comes with; "
        "remove the exclusion or the parent"
    )


def _implies_both(name: str, one: str, other: str, line: int) -> str:
    return (
        f"class {name}: implies both {one} and {other}, which exclude each other by line {line}; "
        "remove a parent or the exclusion"
    )


def _check_texts(entry: Record, problems: Problems) -> None:
    """What CLIP reads is short enough for it; it would silently cut the rest."""
    for key, text, line in _model_texts(entry):
        if not fits(text):
            problems.add(
                line,
                f"class {_label(entry)}: {key}: {text[:40]!r}... has {count_tokens(text)} tokens "
                f"with start and end, and CLIP reads {CONTEXT_LENGTH}; shorten it",
            )
    if entry.text("prompt") == "description" and "description" not in entry.singles:
        problems.add(
            entry.line_of("prompt"),
            f"class {_label(entry)}: prompt: asks for the description, and there is none; "
            "write one or use `prompt: name`",
        )


def _model_texts(entry: Record) -> Iterator[tuple[str, str, int]]:
    """Every text of a class that a model reads: its key, the text as it is read, its line."""
    for query in entry.texts("queries"):
        yield "queries", query.text, query.line
    for key in ("name", "description"):
        if key in entry.singles:
            yield key, TEMPLATE.format(entry.text(key)), entry.line_of(key)


def _label(entry: Record) -> str:
    return entry.text("id") or entry.text("name") or f"in line {entry.line}"
