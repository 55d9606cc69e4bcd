"""From classes to questions: groups of classes that annotators see together.

Peers report that questions of similar concepts are answered better than random groups
(Stureborg et al., CHI 2023, arXiv 2302.02990) and faster than one class at a time (Deng et al.,
CHI 2014), hence the fit that :func:`plan_questions` maximises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotate.errors import InputError, closest
from annotate.questions.grouping import APART, Grouping, solve
from annotate.settings import QuestionSettings, TaskSettings
from annotate.taxonomy.model import Taxonomy, TaxonomyClass

STRATEGIES = ("grouped", "category", "binary")
SMALLEST_REMAINDER = 2
SAME_SCENARIO = 400
OTHER_SCENARIO = -1_000  # rather two questions of four than one of six and one that mixes
EXCLUSIVE = 800
OTHER_CATEGORY = -200_000  # rather a remainder of two than a class among strangers
NEIGHBOURS = 20  # classes this far apart in the file gain nothing from being near


@dataclass(frozen=True)
class Question:
    """Classes shown together.

    Attributes:
        id: ``q01``, ``q02``, ...; answers are stored under it.
        title: shown to annotators.
        classes: class ids, in the order in which they are shown.
    """

    id: str
    title: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class QuestionPlan:
    """All questions, and the hash of the taxonomy that they were planned for."""

    taxonomy_hash: str
    strategy: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Forecast:
    """What asking costs.

    Attributes:
        strategy: of the plan.
        questions: asked of each image.
        objects: images.
        answers: images times annotators.
        hours: people-hours.
        money: service fees and pay, in ``currency``.
        currency: of ``money``.
    """

    strategy: str
    questions: int
    objects: int
    answers: int
    hours: float
    money: float
    currency: str


def asked_classes(taxonomy: Taxonomy) -> tuple[TaxonomyClass, ...]:
    """The classes that questions are about: all whose place no other class has taken."""
    return tuple(entry for entry in taxonomy.classes if entry.replaced_by is None)


def check_settings(settings: QuestionSettings) -> None:
    """Make sure that a plan can be made by these settings.

    Raises:
        InputError: an unknown strategy or sizes that contradict each other.
    """
    if settings.strategy not in STRATEGIES:
        raise InputError(
            f"[questions] strategy {settings.strategy!r} is none of {', '.join(STRATEGIES)}"
            f"{closest(settings.strategy, STRATEGIES)}"
        )
    if not SMALLEST_REMAINDER <= settings.smallest <= settings.largest:
        raise InputError(
            f"[questions] smallest = {settings.smallest} and largest = {settings.largest}: "
            f"set {SMALLEST_REMAINDER} <= smallest <= largest."
        )
    if settings.max_hard < 1:
        raise InputError("[questions] max_hard must be 1 or more: a hard class needs a place too.")


def plan_questions(
    taxonomy: Taxonomy, settings: QuestionSettings, *, seed: int = 0
) -> QuestionPlan:
    """Put every class into one question.

    ``grouped`` maximises the fit of the classes of a question (one scenario, exclusive classes
    together, one category) under the rules of :func:`annotate.questions.rules.lint_plan`;
    ``category`` asks each category at once and ``binary`` each class alone, for comparison.
    The same taxonomy, settings and seed give the same plan.

    Raises:
        InputError: see :func:`check_settings`; or the taxonomy has no class to ask for.
    """
    check_settings(settings)
    classes = asked_classes(taxonomy)
    if not classes:
        raise InputError(
            "the taxonomy has no class to ask for; see `mumic-annotate taxonomy show`."
        )
    groups = _STRATEGIES[settings.strategy](taxonomy, classes, settings, seed)
    width = max(2, len(str(len(groups))))
    titles = _titles(taxonomy, groups)
    questions = tuple(
        Question(f"q{number:0{width}}", title, tuple(entry.id for entry in group))
        for number, (title, group) in enumerate(zip(titles, groups, strict=True), 1)
    )
    return QuestionPlan(taxonomy.hash, settings.strategy, questions)


Classes = Sequence[TaxonomyClass]


def _binary(
    taxonomy: Taxonomy, classes: Classes, settings: QuestionSettings, seed: int
) -> list[Classes]:
    return [[entry] for entry in classes]


def _category(
    taxonomy: Taxonomy, classes: Classes, settings: QuestionSettings, seed: int
) -> list[Classes]:
    return [[classes[item] for item in block] for block in _blocks(classes)]


def _grouped(
    taxonomy: Taxonomy, classes: Classes, settings: QuestionSettings, seed: int
) -> list[Classes]:
    grouping = make_grouping(taxonomy, classes, settings)
    groups = solve(grouping, _blocks(classes), seed=seed)
    return [[classes[item] for item in group] for group in groups]


_STRATEGIES = {"grouped": _grouped, "category": _category, "binary": _binary}


def _blocks(classes: Classes) -> list[list[int]]:
    """Places of the classes of each category, categories by their first class."""
    blocks: dict[str, list[int]] = {}
    for place, entry in enumerate(classes):
        blocks.setdefault(entry.category, []).append(place)
    return list(blocks.values())


def make_grouping(taxonomy: Taxonomy, classes: Classes, settings: QuestionSettings) -> Grouping:
    """What the solver sees of the classes: how well each pair fits, and which are hard."""
    above = {entry.id: set(taxonomy.ancestors(entry.id)) for entry in classes}

    place = {entry.id: at for at, entry in enumerate(classes)}

    def fit(a: TaxonomyClass, b: TaxonomyClass) -> int:
        if a.id == b.id:
            return 0
        if a.id in above[b.id] or b.id in above[a.id]:
            return APART
        scenario = SAME_SCENARIO if scenario_of(a) == scenario_of(b) else OTHER_SCENARIO
        exclusive = EXCLUSIVE if b.id in a.exclusive_with or a.id in b.exclusive_with else 0
        stranger = OTHER_CATEGORY if a.category != b.category else 0
        near = max(0, NEIGHBOURS - abs(place[a.id] - place[b.id]))  # people list like beside like
        return scenario + exclusive + stranger + near

    return Grouping(
        fit=[[fit(a, b) for b in classes] for a in classes],
        hard=[entry.difficulty == "hard" for entry in classes],
        smallest=settings.smallest,
        largest=settings.largest,
        max_hard=settings.max_hard,
    )


def scenario_of(entry: TaxonomyClass) -> str:
    """The situation in which a class is judged; its category where it names none."""
    return entry.scenario or entry.category


def _titles(taxonomy: Taxonomy, groups: Sequence[Classes]) -> list[str]:
    """A title for each group; groups that share one are numbered."""
    plain = [_title(taxonomy, group) for group in groups]
    seen: dict[str, int] = {}
    titles = []
    for title in plain:
        seen[title] = seen.get(title, 0) + 1
        titles.append(f"{title} {seen[title]}" if plain.count(title) > 1 else title)
    return titles


def _title(taxonomy: Taxonomy, group: Classes) -> str:
    if len(group) == 1:
        return group[0].name
    names = {category.id: category.name for category in taxonomy.categories}
    scenarios = list(dict.fromkeys(scenario_of(entry) for entry in group))
    if len(scenarios) > 1:
        return " and ".join(dict.fromkeys(names[entry.category] for entry in group))
    return names.get(scenarios[0]) or scenarios[0].replace("_", " ").capitalize()


def forecast(plan: QuestionPlan, settings: TaskSettings, *, images: int) -> Forecast:
    """What it costs to ask all questions of a plan.

    ``hours = answers · questions · seconds_per_question / 3600`` and
    ``money = objects · fee_per_object + hours · pay_per_hour``: the service's fee is per image,
    however many people and questions it has.

    Args:
        plan: the questions.
        settings: fee, pay, time and number of annotators.
        images: that are asked.
    """
    answers = images * settings.annotators
    hours = answers * len(plan.questions) * settings.seconds_per_question / 3600
    money = images * settings.fee_per_object + hours * settings.pay_per_hour
    return Forecast(
        plan.strategy, len(plan.questions), images, answers, hours, money, settings.currency
    )
