"""What makes a question good, and which questions of a plan fall short of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from annotate.questions.fit import scenario_of
from annotate.questions.planning import (
    SMALLEST_REMAINDER,
    Question,
    QuestionPlan,
    asked_classes,
)
from annotate.settings import QuestionSettings
from annotate.taxonomy.model import Taxonomy


@dataclass(frozen=True)
class Finding:
    """A rule that a question breaks.

    Attributes:
        rule: size, parent, hard or after; missing, scenario, exclusive, gate or taxonomy where it
            is advice.
        question: id of the question; empty where it is about the whole plan.
        message: what is wrong, with names of classes.
        advice: True for what may stay as it is.
    """

    rule: str
    question: str
    message: str
    advice: bool

    def __str__(self) -> str:
        """One line for people."""
        place = f"{self.question}: " if self.question else ""
        return f"{'advice' if self.advice else 'broken'} {self.rule:<9}  {place}{self.message}"


def lint_plan(plan: QuestionPlan, taxonomy: Taxonomy, settings: QuestionSettings) -> list[Finding]:
    """Name every rule that a plan breaks, broken ones first.

    Sizes and hard classes are rules of grouped plans only; the others hold for every strategy.

    Args:
        plan: a plan all of whose classes are in the taxonomy.
        taxonomy: the classes.
        settings: sizes and hard classes allowed.
    """
    findings: list[Finding] = []
    for question in plan.questions:
        if plan.strategy == "grouped":
            findings.extend(_size(question, settings))
            findings.extend(_hard(question, taxonomy, settings))
        findings.extend(_parents(question, taxonomy))
        findings.extend(_scenarios(question, taxonomy))
    findings.extend(_exclusive(plan, taxonomy))
    findings.extend(_after(plan, taxonomy))
    findings.extend(_whole(plan, taxonomy))
    return sorted(findings, key=lambda finding: (finding.advice, finding.question))


def _size(question: Question, settings: QuestionSettings) -> Iterator[Finding]:
    size = len(question.classes)
    if size > settings.largest:
        yield Finding("size", question.id, f"{size} classes, at most {settings.largest}", False)
    elif size < SMALLEST_REMAINDER and not question.after:  # a lone class below others may wait
        message = f"{size} class, at least {SMALLEST_REMAINDER}; put it into another question"
        yield Finding("size", question.id, message, False)


def _hard(question: Question, taxonomy: Taxonomy, settings: QuestionSettings) -> Iterator[Finding]:
    entries = [taxonomy.by_id[class_id] for class_id in question.classes]
    hard = [entry.name for entry in entries if entry.difficulty == "hard"]
    if len(hard) > settings.max_hard:
        message = f"{len(hard)} hard classes ({', '.join(hard)}), at most {settings.max_hard}"
        yield Finding("hard", question.id, message, False)


def _parents(question: Question, taxonomy: Taxonomy) -> Iterator[Finding]:
    for class_id in question.classes:
        for above in taxonomy.ancestors(class_id):
            if above in question.classes:
                message = (
                    f"{taxonomy.by_id[class_id].name} stands beside {taxonomy.by_id[above].name}, "
                    "which it implies"
                )
                yield Finding("parent", question.id, message, False)


def _scenarios(question: Question, taxonomy: Taxonomy) -> Iterator[Finding]:
    counts = Counter(scenario_of(taxonomy.by_id[class_id]) for class_id in question.classes)
    if len(counts) > 1:
        message = f"mixes the scenarios {', '.join(sorted(counts))}"
        yield Finding("scenario", question.id, message, True)


def _exclusive(plan: QuestionPlan, taxonomy: Taxonomy) -> Iterator[Finding]:
    place = {class_id: entry.id for entry in plan.questions for class_id in entry.classes}
    for a, b in taxonomy.exclusive_pairs():
        if plan.strategy == "grouped" and place.get(a, "") != place.get(b, "") and a in place:
            message = (
                f"{taxonomy.by_id[a].name} and {taxonomy.by_id[b].name} are exclusive, but apart"
            )
            yield Finding("exclusive", place[a], message, True)


def _after(plan: QuestionPlan, taxonomy: Taxonomy) -> Iterator[Finding]:
    """What a question waits for stands in an earlier one, and its classes lie below that."""
    earlier: set[str] = set()
    for question in plan.questions:
        names = [taxonomy.by_id[c].name for c in question.after if c not in earlier]
        if names:
            message = f"waits for {', '.join(names)}, which no earlier question asks"
            yield Finding("after", question.id, message, False)
        earlier.update(question.classes)
        for class_id in question.classes if question.after else ():
            if not set(question.after) & set(taxonomy.ancestors(class_id)):
                message = (
                    f"{taxonomy.by_id[class_id].name} implies no class that the question waits "
                    "for: it stays unknown wherever these are voted no"
                )
                yield Finding("gate", question.id, message, True)


def _whole(plan: QuestionPlan, taxonomy: Taxonomy) -> Iterator[Finding]:
    placed = {class_id for question in plan.questions for class_id in question.classes}
    for entry in asked_classes(taxonomy):
        if entry.id not in placed:
            yield Finding("missing", "", f"{entry.name} ({entry.id}) is in no question", True)
    if plan.taxonomy_hash != taxonomy.hash:
        yield Finding("taxonomy", "", "the taxonomy has changed since this plan was made", True)
