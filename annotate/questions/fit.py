"""How well classes fit together in a question: what the search of ``grouping`` maximises."""

from __future__ import annotations

from collections.abc import Sequence

from annotate.questions.grouping import APART, Grouping
from annotate.questions.likeness import Likeness
from annotate.settings import QuestionSettings
from annotate.taxonomy.model import Taxonomy, TaxonomyClass

SAME_SCENARIO = 400
OTHER_SCENARIO = -1_000  # rather two questions of four than one of six and one that mixes
OTHER_CATEGORY = -190_000  # rather a remainder of two than a class among strangers
EXCLUSIVE = 2_000_000  # more than all strangers of a question cost, less than being alone
SAME_PARENT = 300  # what is asked after one parent only is asked less often
NEIGHBOURS = 20  # classes this far apart in the file gain nothing from being near

Classes = Sequence[TaxonomyClass]


def make_grouping(
    taxonomy: Taxonomy,
    classes: Classes,
    settings: QuestionSettings,
    likeness: Likeness | None = None,
) -> Grouping:
    """What the solver sees of the classes: how well each pair fits, and which are hard.

    Args:
        taxonomy: the hierarchy.
        classes: to be grouped; their order is the solver's numbering.
        settings: sizes and hard classes allowed.
        likeness: of the classes' texts; without it texts play no part.
    """
    above = {entry.id: set(taxonomy.ancestors(entry.id)) for entry in classes}
    place = {entry.id: at for at, entry in enumerate(classes)}

    def fit(a: TaxonomyClass, b: TaxonomyClass) -> int:
        if a.id == b.id:
            return 0
        if a.id in above[b.id] or b.id in above[a.id]:
            return APART
        scenario = SAME_SCENARIO if scenario_of(a) == scenario_of(b) else OTHER_SCENARIO
        exclusive = EXCLUSIVE if are_exclusive(a, b) else 0
        stranger = OTHER_CATEGORY if a.category != b.category else 0
        siblings = SAME_PARENT if settings.skip and set(a.parents) & set(b.parents) else 0
        near = max(0, NEIGHBOURS - abs(place[a.id] - place[b.id]))  # people list like beside like
        alike = likeness.of(a.id, b.id) if likeness else 0
        return scenario + exclusive + stranger + siblings + near + alike

    return Grouping(
        fit=[[fit(a, b) for b in classes] for a in classes],
        hard=[entry.difficulty == "hard" for entry in classes],
        smallest=settings.smallest,
        largest=settings.largest,
        max_hard=settings.max_hard,
    )


def make_blocks(classes: Classes) -> list[list[int]]:
    """Places of the classes that are grouped together, blocks by their first class.

    A block is a category, or several that exclusive classes link: these must be able to meet.
    """
    block = {entry.category: entry.category for entry in classes}
    for at, a in enumerate(classes):
        for b in classes[:at]:
            if are_exclusive(a, b) and block[a.category] != block[b.category]:
                joined, gone = block[b.category], block[a.category]
                block = {name: joined if old == gone else old for name, old in block.items()}
    places: dict[str, list[int]] = {}
    for at, entry in enumerate(classes):
        places.setdefault(block[entry.category], []).append(at)
    return list(places.values())


def are_exclusive(a: TaxonomyClass, b: TaxonomyClass) -> bool:
    """True where no photo shows both."""
    return b.id in a.exclusive_with or a.id in b.exclusive_with


def scenario_of(entry: TaxonomyClass) -> str:
    """The situation in which a class is judged; its category where it names none."""
    return entry.scenario or entry.category
