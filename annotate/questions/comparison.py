"""One row per way to ask: what it costs and what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from annotate.labels.truth import Truth
from annotate.labels.votes import Votes
from annotate.questions.likeness import Likeness
from annotate.questions.planning import (
    STRATEGIES,
    Forecast,
    QuestionPlan,
    forecast,
    plan_questions,
    price_work,
)
from annotate.questions.quality import (
    Loss,
    Quality,
    Saving,
    measure_loss,
    measure_quality,
    measure_saving,
    perfect_votes,
    plan_classes,
    skip_votes,
    votes_for,
)
from annotate.questions.skipping import SkipRule, rounds
from annotate.settings import Settings, TaskSettings
from annotate.taxonomy.model import Taxonomy


@dataclass(frozen=True)
class Evidence:
    """What is known about a workspace's images when plans are compared.

    Attributes:
        votes: for classes, however they were asked; None without any.
        truth: true labels of golden images; None without any.
        own_votes: by name of a plan (:func:`plan_name`), votes of golden images that were asked
            just its questions.
    """

    votes: Votes | None
    truth: Truth | None
    own_votes: Mapping[str, Votes]


@dataclass(frozen=True)
class Comparison:
    """A way to ask.

    Attributes:
        plan: its questions.
        cost: objects, answers, people-hours, money.
        saving: None where the plan skips nothing, or where nothing is known about the images: then
            ``cost`` is the most that it can be.
        loss: of recall by skipping; None where it skips nothing or is not known.
        quality: of its labels on golden images; None where nobody was asked this way.
    """

    plan: QuestionPlan
    cost: Forecast
    saving: Saving | None
    loss: Loss | None
    quality: Quality | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": plan_name(self.plan),
            **asdict(self.cost),
            "parents_first": skips(self.plan),
            "saving": asdict(self.saving) if self.saving else None,
            "loss": asdict(self.loss) | {"lost": self.loss.lost} if self.loss else None,
            "precision": self.quality.precision if self.quality else None,
            "recall": self.quality.recall if self.quality else None,
            "golden_images": self.quality.images if self.quality else 0,
            "golden_positives": self.quality.positives if self.quality else 0,
        }


def skips(plan: QuestionPlan) -> bool:
    """Whether some questions wait for others."""
    return any(question.after for question in plan.questions)


def plan_name(plan: QuestionPlan) -> str:
    """The strategy, and whether parents come first."""
    return f"{plan.strategy}, parents first" if skips(plan) else plan.strategy


def plan_ways(
    plan: QuestionPlan,
    taxonomy: Taxonomy,
    settings: Settings,
    *,
    skip: bool,
    likeness: Likeness | None = None,
) -> list[QuestionPlan]:
    """A plan among the other ways to ask, as ``questions plan`` would write them.

    Args:
        plan: stands among them as it is, with whatever people have edited.
        taxonomy: the classes.
        settings: of the other plans.
        skip: also ask parents first, by the plan's own strategy; left out where no class has a
            parent.
        likeness: of the classes' texts.

    Returns:
        A plan per strategy, then the one with parents first.
    """
    ways = [(strategy, False) for strategy in STRATEGIES]
    ways += [(plan.strategy, True)] if skip else []
    found = []
    for strategy, first in ways:
        if (strategy, first) == (plan.strategy, skips(plan)):
            found.append(plan)
            continue
        way = replace(settings.questions, strategy=strategy, skip=first)
        made = plan_questions(taxonomy, way, seed=settings.project.seed, likeness=likeness)
        if skips(made) == first:
            found.append(made)
    return found


def compare_plans(
    plans: Sequence[QuestionPlan],
    evidence: Evidence,
    taxonomy: Taxonomy,
    settings: Settings,
    *,
    images: int,
) -> list[Comparison]:
    """Cost and quality of some plans.

    Args:
        plans: each with another :func:`plan_name`.
        evidence: what is known about images.
        taxonomy: of the plans.
        settings: fee, pay, time, consolidation and the rule of skipping.
        images: that are asked.
    """
    return [_compare(plan, evidence, taxonomy, settings, images) for plan in plans]


def _compare(
    plan: QuestionPlan, evidence: Evidence, taxonomy: Taxonomy, settings: Settings, images: int
) -> Comparison:
    quality = _quality(plan, evidence, taxonomy, settings)
    if not skips(plan):
        return Comparison(plan, forecast(plan, settings.tasks, images=images), None, None, quality)
    saving = find_saving(plan, evidence, settings)
    cost = _skip_cost(plan, saving, settings.tasks, images)
    return Comparison(plan, cost, saving, find_loss(plan, evidence, taxonomy, settings), quality)


def _skip_cost(
    plan: QuestionPlan, saving: Saving | None, settings: TaskSettings, images: int
) -> Forecast:
    """Each round puts an image before annotators, and so costs the service's fee, once more."""
    if saving is None:
        asked, objects = images * len(plan.questions), images * (1 + max(rounds(plan)))
        return price_work(plan, settings, objects=objects, asked=asked)
    objects = round(images * saving.rounds)
    return price_work(plan, settings, objects=objects, asked=images * saving.asked)


def find_saving(plan: QuestionPlan, evidence: Evidence, settings: Settings) -> Saving | None:
    """How much of a plan is asked, by votes, else by the truth; None without either."""
    rule = SkipRule.of(settings)
    if evidence.votes is not None:
        found = measure_saving(plan, evidence.votes, rule, "votes")
        if found is not None:
            return found
    if evidence.truth is None:
        return None
    votes = perfect_votes(evidence.truth, max(settings.tasks.annotators, rule.min_votes))
    return measure_saving(plan, votes, rule, "truth")


def find_loss(
    plan: QuestionPlan, evidence: Evidence, taxonomy: Taxonomy, settings: Settings
) -> Loss | None:
    """Recall that skipping loses; None without golden images that have votes for all classes."""
    if evidence.votes is None or evidence.truth is None:
        return None
    rule = SkipRule.of(settings)
    return measure_loss(plan, evidence.votes, evidence.truth, taxonomy, settings.consolidate, rule)


def _quality(
    plan: QuestionPlan, evidence: Evidence, taxonomy: Taxonomy, settings: Settings
) -> Quality | None:
    """Measured where people answered this plan; for one that skips, else replayed on any votes."""
    if evidence.truth is None:
        return None
    candidates = []
    if plan_name(plan) in evidence.own_votes:
        own = evidence.own_votes[plan_name(plan)]
        candidates.append(votes_for(own, plan_classes(plan, first=True)))
    if skips(plan):
        rule = SkipRule.of(settings)
        known = (evidence.own_votes.get(plan.strategy), evidence.votes)
        candidates += [skip_votes(plan, votes, rule) for votes in known if votes is not None]
    for votes in candidates:
        classes = plan_classes(plan)
        found = measure_quality(votes, evidence.truth, classes, taxonomy, settings.consolidate)
        if found is not None:
            return found
    return None
