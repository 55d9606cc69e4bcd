"""Advice on a taxonomy that loads: what makes mining, questions or prompts worse than need be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from annotate.taxonomy.model import Taxonomy, TaxonomyClass, lookup_key

FEWEST_QUERIES = 2
LONGEST_NAME = 40
MOST_IN_CATEGORY = 20
MOST_HARD = 0.25
_LEADS = ("a photo", "photo of", "photo with", "an image", "image of")

Advice = Iterator[tuple[int, str, str]]
"""Line, id of the class (empty where it is about more than one) and message."""


@dataclass(frozen=True)
class Finding:
    """One piece of advice; it can be printed as it is."""

    level: str
    file: str
    line: int
    class_id: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.level}: {self.message}"


def lint(taxonomy: Taxonomy) -> list[Finding]:
    """All advice on a taxonomy, in the order of its lines."""
    found = (entry for rule in _RULES for entry in rule(taxonomy))
    return [
        Finding("warning", taxonomy.file, line, class_id, message)
        for line, class_id, message in sorted(set(found))
    ]


def _in_use(taxonomy: Taxonomy) -> list[TaxonomyClass]:
    """The classes whose place no other has taken; the entries of the others are a record."""
    return [entry for entry in taxonomy.classes if not entry.replaced_by]


def _replaced_parents(taxonomy: Taxonomy) -> Advice:
    for entry in _in_use(taxonomy):
        for parent in entry.parents:
            heirs = taxonomy.by_id[parent].replaced_by
            if heirs:
                message = f"class {entry.id}: parent {parent} is replaced by {', '.join(heirs)}"
                yield entry.line, entry.id, f"{message}; name what holds its place"


def _class_rule(check: Callable[[TaxonomyClass], Iterable[str]]) -> Callable[[Taxonomy], Advice]:
    """A rule about each class by itself."""

    def rule(taxonomy: Taxonomy) -> Advice:
        for entry in _in_use(taxonomy):
            for message in check(entry):
                yield entry.line, entry.id, f"class {entry.id}: {message}"

    return rule


def _texts(entry: TaxonomyClass) -> Iterator[str]:
    if len(entry.queries) < FEWEST_QUERIES:
        yield f"{len(entry.queries)} queries; {FEWEST_QUERIES} or more find more varied candidates"
    if not entry.description:
        yield "no description; annotators see it, and models can be prompted with it"
    if len(entry.name) > LONGEST_NAME:
        yield f"the name has {len(entry.name)} characters; over {LONGEST_NAME} it is hard to read"


def _wording(entry: TaxonomyClass) -> Iterator[str]:
    text = entry.description
    if text.lower().startswith(_LEADS):
        yield 'the description reads on after "a photo with "; delete its own beginning'
    if text.endswith("."):
        yield "the description ends with a full stop; models see few of those after a label"


def _aliases(entry: TaxonomyClass) -> Iterator[str]:
    own = {lookup_key(entry.id), lookup_key(entry.name)}
    for alias in entry.aliases:
        if lookup_key(alias) in own:
            yield f"alias {alias!r} is the id or the name itself; delete it"


def _shared_queries(taxonomy: Taxonomy) -> Advice:
    owners: dict[str, TaxonomyClass] = {}
    for entry in _in_use(taxonomy):
        for query in entry.queries:
            owner = owners.setdefault(lookup_key(query), entry)
            if owner is not entry:
                message = f"class {entry.id}: query {query!r} finds the images of {owner.id} again"
                yield entry.line, entry.id, message


def _lonely_scenarios(taxonomy: Taxonomy) -> Advice:
    members = defaultdict(list)
    for entry in taxonomy.classes:
        members[entry.scenario].append(entry)
    for scenario, entries in members.items():
        if len(entries) == 1 and len(taxonomy.classes) > 1:
            only = entries[0]
            message = f"class {only.id}: alone in scenario {scenario}; no question can keep to it"
            yield only.line, only.id, message


def _implied_parents(taxonomy: Taxonomy) -> Advice:
    for entry in taxonomy.classes:
        for parent in entry.parents:
            way = [other for other in entry.parents if parent in taxonomy.ancestors(other)]
            if way:
                message = f"class {entry.id}: parent {parent} is implied by {way[0]}; delete it"
                yield entry.line, entry.id, message


def _category_sizes(taxonomy: Taxonomy) -> Advice:
    sizes = Counter(entry.category for entry in taxonomy.classes)
    for category in taxonomy.categories:
        count = sizes[category.id]
        if not count:
            yield category.line, "", f"category {category.id}: no class is in it; delete it"
        if count > MOST_IN_CATEGORY:
            message = f"category {category.id}: {count} classes; people lose the overview over 20"
            yield category.line, "", message


def _hard_share(taxonomy: Taxonomy) -> Advice:
    hard = [entry for entry in taxonomy.classes if entry.difficulty == "hard"]
    if len(hard) > MOST_HARD * len(taxonomy.classes):
        message = (
            f"{len(hard)} of {len(taxonomy.classes)} classes are hard; questions can keep them "
            f"apart up to {MOST_HARD:.0%}"
        )
        yield hard[0].line, "", message


_RULES: tuple[Callable[[Taxonomy], Advice], ...] = (
    _class_rule(_texts),
    _class_rule(_wording),
    _class_rule(_aliases),
    _shared_queries,
    _lonely_scenarios,
    _implied_parents,
    _replaced_parents,
    _category_sizes,
    _hard_share,
)
