"""From classes to questions: groups of classes that annotators see together.

Peers report that questions of similar concepts are answered better than random groups
(Stureborg et al., CHI 2023, arXiv 2302.02990) and faster than one class at a time (Deng et al.,
CHI 2014), hence the fit that :func:`plan_questions` maximises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotate.errors import InputError, closest
from annotate.questions.fit import Classes, make_blocks, make_grouping, scenario_of
from annotate.questions.grouping import solve
from annotate.questions.likeness import Likeness
from annotate.settings import QuestionSettings, TaskSettings
from annotate.taxonomy.model import Taxonomy, TaxonomyClass

STRATEGIES = ("grouped", "category", "binary")
SMALLEST_REMAINDER = 2


@dataclass(frozen=True)
class Question:
    """Classes shown together.

    Attributes:
        id: ``q01``, ``q02``, ...; answers are stored under it.
        title: shown to annotators.
        classes: class ids, in the order in which they are shown.
        after: class ids of earlier questions; it is asked of an image only if one of them was not
            voted no. Empty: it is always asked.
    """

    id: str
    title: str
    classes: tuple[str, ...]
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class QuestionPlan:
    """All questions.

    Attributes:
        taxonomy_hash: of the taxonomy that they were planned for.
        strategy: grouped, category or binary.
        questions: in the order in which they are asked.
        similarity: the model whose view of the classes' texts was used; empty: none.
    """

    taxonomy_hash: str
    strategy: str
    questions: tuple[Question, ...]
    similarity: str = ""


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
    return tuple(entry for entry in taxonomy.classes if not entry.replaced_by)


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
    if not 0 <= settings.largest_loss <= 1:
        raise InputError(
            f"[questions] largest_loss = {settings.largest_loss}: a loss of recall is 0 to 1."
        )
    if settings.max_hard < 1:
        raise InputError("[questions] max_hard must be 1 or more: a hard class needs a place too.")


def plan_questions(
    taxonomy: Taxonomy,
    settings: QuestionSettings,
    *,
    seed: int = 0,
    likeness: Likeness | None = None,
) -> QuestionPlan:
    """Put every class into one question.

    ``grouped`` maximises the fit of the classes of a question (exclusive classes together, one
    category, one scenario, texts alike) under the rules of
    :func:`annotate.questions.rules.lint_plan`; ``category`` asks each category at once and
    ``binary`` each class alone, for comparison. With ``settings.skip``, classes without a parent
    come first, and a question about others names those above them in ``after``. The same taxonomy,
    settings, seed and likeness give the same plan.

    Args:
        taxonomy: the classes.
        settings: strategy, sizes, and whether parents come first.
        seed: of the search.
        likeness: of the classes' texts; used by ``grouped`` only.

    Raises:
        InputError: see :func:`check_settings`; or the taxonomy has no class to ask for.
    """
    check_settings(settings)
    classes = asked_classes(taxonomy)
    if not classes:
        raise InputError(
            "the taxonomy has no class to ask for; see `mumic-annotate taxonomy show`."
        )
    groups: list[Classes] = []
    for stage in _stages(classes) if settings.skip else [classes]:
        if settings.strategy == "binary":
            groups.extend([entry] for entry in stage)
        elif settings.strategy == "category":
            groups.extend(_categories(stage))
        else:
            found = solve(
                make_grouping(taxonomy, stage, settings, likeness), make_blocks(stage), seed=seed
            )
            groups.extend([stage[item] for item in group] for group in found)
    used = likeness.model if likeness and settings.strategy == "grouped" else ""
    questions = _questions(taxonomy, groups, skip=settings.skip)
    return QuestionPlan(taxonomy.hash, settings.strategy, questions, used)


def _questions(
    taxonomy: Taxonomy, groups: Sequence[Classes], *, skip: bool
) -> tuple[Question, ...]:
    """Groups with ids, titles and, where parents come first, the classes that they wait for."""
    width = max(2, len(str(len(groups))))
    asked = {entry.id for group in groups for entry in group}
    first = {name for name in asked if not asked & set(taxonomy.by_id[name].parents)}
    questions = []
    for number, (title, group) in enumerate(zip(_titles(taxonomy, groups), groups, strict=True), 1):
        above = {name for entry in group for name in taxonomy.ancestors(entry.id)} & first
        after = tuple(name for name in taxonomy.ids if skip and name in above)
        classes = tuple(entry.id for entry in group)
        questions.append(Question(f"q{number:0{width}}", title, classes, after))
    return tuple(questions)


def _stages(classes: Classes) -> list[Classes]:
    """First the classes without a parent, then all others.

    Two stages, however deep the hierarchy: each costs a service's fee once more, and a round of
    people's work. So a class waits for the topmost classes above it.
    """
    asked = {entry.id for entry in classes}
    first = [entry for entry in classes if not asked & set(entry.parents)]
    later = [entry for entry in classes if asked & set(entry.parents)]
    return [stage for stage in (first, later) if stage]


def _categories(classes: Classes) -> list[list[TaxonomyClass]]:
    """The classes of each category, categories by their first class."""
    found: dict[str, list[TaxonomyClass]] = {}
    for entry in classes:
        found.setdefault(entry.category, []).append(entry)
    return list(found.values())


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
    ``money = objects · fee_per_object + hours · pay_per_hour``, or ``+ answers · pay_per_answer``
    where that is set: the service's fee is per image, however many people and questions it has.

    Args:
        plan: the questions.
        settings: fee, pay, time and number of annotators.
        images: that are asked.
    """
    return price_work(plan, settings, objects=images, asked=images * len(plan.questions))


def price_work(
    plan: QuestionPlan, settings: TaskSettings, *, objects: int, asked: float
) -> Forecast:
    """What some work on a plan costs; see :func:`forecast`.

    Args:
        plan: the questions.
        settings: fee, pay, time and number of annotators.
        objects: images put before annotators; one that is asked in two rounds counts twice.
        asked: questions in total over all objects, whoever answers them.
    """
    answers = objects * settings.annotators
    hours = asked * settings.annotators * settings.seconds_per_question / 3600
    pay = answers * settings.pay_per_answer or hours * settings.pay_per_hour
    money = objects * settings.fee_per_object + pay
    return Forecast(
        plan.strategy, len(plan.questions), objects, answers, hours, money, settings.currency
    )
