"""The questions after a change of the taxonomy: what people have answered keeps its question."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from annotate.questions.planning import Question, QuestionPlan, plan_questions
from annotate.settings import QuestionSettings
from annotate.taxonomy.diff import Diff, Source
from annotate.taxonomy.model import Taxonomy

_NUMBER = re.compile(r"[0-9]+")


def migrate_plan(
    plan: QuestionPlan,
    found: Diff,
    taxonomy: Taxonomy,
    settings: QuestionSettings,
    *,
    taken: Collection[str],
    seed: int = 0,
) -> QuestionPlan:
    """Change a plan as little as can be.

    A question whose classes are what they were stays as it is. One that lost a class, or whose
    class has a new id, gets a new id itself, so that an id always says which classes were shown.
    Classes that nobody was asked for, and those made of others, are asked in questions of their
    own: then an image that needs them is not asked for the others again.

    Args:
        plan: of the old taxonomy.
        found: the change.
        taxonomy: the new one.
        settings: for the questions that are new.
        taken: ids of questions of all earlier plans.
        seed: of the search for them.
    """
    ids = _FreshIds({*taken, *(question.id for question in plan.questions)})
    simple = {
        sources[0].id: name
        for name, sources in found.sources.items()
        if len(sources) == 1 and sources[0].whole
    }
    questions: list[Question] = []
    for question in plan.questions:
        classes = tuple(simple[name] for name in question.classes if name in simple)
        after = tuple(dict.fromkeys(_gates(question.after, found.sources)))
        if classes == question.classes:
            questions.append(replace(question, after=after))
        elif classes:
            questions.append(replace(question, id=ids.next(), classes=classes, after=after))
    asked = {name for question in questions for name in question.classes}
    lacking = [
        name for name in found.sources if name not in asked and _was_asked(name, plan, found)
    ]
    alone = replace(settings, skip=False)
    for category in taxonomy.categories:
        names = [name for name in lacking if taxonomy.by_id[name].category == category.id]
        if names:
            added = plan_questions(taxonomy.subset(names), alone, seed=seed)
            questions += [replace(question, id=ids.next()) for question in added.questions]
    return replace(plan, taxonomy_hash=taxonomy.hash, questions=tuple(questions))


def avoid_closed(
    plan: QuestionPlan,
    closed: Sequence[Mapping[str, tuple[str, ...]]],
    replaced: Mapping[str, tuple[str, ...]],
) -> QuestionPlan:
    """A plan made anew after migrations, in which no id stands for other classes than before.

    Args:
        plan: the new one.
        closed: classes of each question, of all plans before migrations.
        replaced: of the plan that is there. What it asks as well keeps its id.
    """
    known = {name for each in (*closed, replaced) for name in each}
    ids = _FreshIds({*known, *(question.id for question in plan.questions)})
    same = {classes: name for name, classes in replaced.items()}
    questions = tuple(
        replace(question, id=same.get(question.classes) or ids.next())
        for question in plan.questions
    )
    return replace(plan, questions=questions)


def _was_asked(name: str, plan: QuestionPlan, found: Diff) -> bool:
    """Whether a class is new, or follows from classes of the plan; one left out stays out."""
    asked = {each for question in plan.questions for each in question.classes}
    sources = found.sources[name]
    return not sources or any(source.id in asked for source in sources)


def _gates(after: tuple[str, ...], sources: Mapping[str, tuple[Source, ...]]) -> list[str]:
    """The classes that hold the places of those that a question waits for."""
    return [
        name
        for gate in after
        for name, found in sources.items()
        if any(source.id == gate for source in found)
    ]


class _FreshIds:
    """Ids of questions that no plan has had: ``q13`` after ``q12``."""

    def __init__(self, taken: Collection[str]) -> None:
        numbers = [int(digits) for name in taken for digits in _NUMBER.findall(name)[-1:]]
        self._last = max(numbers, default=0)

    def next(self) -> str:
        self._last += 1
        return f"q{self._last:02}"
