"""What each way to ask finds, and what skipping saves and loses.

This is the comparison of grouping strategies of the paper's section 3.2, for one's own data.
Precision and recall are measured on golden images with answers: of a plan that was answered as it
is, or by replaying votes for all classes under a plan that skips. Nothing is assumed about ways to
ask that nobody has tried: their figures are None.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from annotate.errors import InputError
from annotate.labels.consolidate import decide, propagate, thresholds, with_ancestors
from annotate.labels.truth import Truth
from annotate.labels.votes import Votes
from annotate.questions.planning import QuestionPlan
from annotate.questions.skipping import Mask, SkipRule, asked_mask, rounds
from annotate.settings import ConsolidateSettings
from annotate.taxonomy.model import Taxonomy


@dataclass(frozen=True)
class Quality:
    """Labels against the truth, over all pairs of a golden image and a class together.

    Attributes:
        images: golden images with votes.
        positives: pairs that are true.
        precision: share of the found pairs that are true; None where none was found.
        recall: share of the true pairs that were found; None where none is true. A label that is
            unknown, because too few voted or nobody was asked, is not found.
    """

    images: int
    positives: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Saving:
    """How much of a plan is asked.

    Attributes:
        basis: votes, or truth where there are no votes: then nobody errs about a parent.
        images: that it was measured on.
        asked: questions an image, on average.
        rounds: times an image is put before annotators, on average.
    """

    basis: str
    images: int
    asked: float
    rounds: float


@dataclass(frozen=True)
class Loss:
    """What skipping loses of the classes that can be skipped, on golden images.

    Attributes:
        positives: true pairs of image and class that it rests on.
        asking_all: recall when everything is asked.
        skipping: recall when children are skipped.
    """

    positives: int
    asking_all: float
    skipping: float

    @property
    def lost(self) -> float:
        """Recall that skipping loses, 0 to 1."""
        return self.asking_all - self.skipping


def votes_for(votes: Votes, classes: Collection[str]) -> Votes:
    """The images that have a vote, or an unsure, on every one of some classes.

    Returns:
        Votes for these images and all classes of ``votes``; no image where a class is missing.
    """
    columns = [at for at, name in enumerate(votes.class_ids) if name in classes]
    seen = (votes.yes + votes.no + votes.unsure)[:, columns] > 0
    keep = seen.all(axis=1) if len(columns) == len(set(classes)) else np.zeros(len(seen), bool)
    images = tuple(np.array(votes.image_ids, object)[keep])
    return replace(
        votes, image_ids=images, yes=votes.yes[keep], no=votes.no[keep], unsure=votes.unsure[keep]
    )


def perfect_votes(truth: Truth, annotators: int) -> Votes:
    """Votes of annotators who make no mistake."""
    yes = truth.positive.astype(np.int16) * np.int16(annotators)
    no = (np.int16(annotators) - yes).astype(np.int16)
    return Votes(truth.image_ids, truth.class_ids, yes, no, np.zeros_like(yes))


def measure_saving(plan: QuestionPlan, votes: Votes, rule: SkipRule, basis: str) -> Saving | None:
    """Replay a plan on images with votes for all its classes; None without any."""
    whole = votes_for(votes, plan_classes(plan))
    if not whole.image_ids:
        return None
    asked = asked_mask(plan, whole.class_ids, whole.yes, whole.no, rule)
    number = np.array(rounds(plan))
    per_round = [asked[:, number == at].any(axis=1) for at in range(int(number.max()) + 1)]
    times = float(np.sum(per_round, axis=0).mean())
    return Saving(basis, len(asked), float(asked.sum(axis=1).mean()), times)


def skip_votes(plan: QuestionPlan, votes: Votes, rule: SkipRule) -> Votes:
    """What is left of the votes for all classes of a plan when its questions are skipped."""
    whole = votes_for(votes, plan_classes(plan))
    asked = asked_mask(plan, whole.class_ids, whole.yes, whole.no, rule)
    kept = np.ones(whole.yes.shape, bool)
    column = {name: at for at, name in enumerate(whole.class_ids)}
    for at, question in enumerate(plan.questions):
        kept[:, [column[name] for name in question.classes]] = asked[:, [at]]
    masked = (np.where(kept, counts, 0) for counts in (whole.yes, whole.no, whole.unsure))
    return Votes(whole.image_ids, whole.class_ids, *(part.astype(np.int16) for part in masked))


def measure_quality(
    votes: Votes,
    truth: Truth,
    classes: Sequence[str],
    taxonomy: Taxonomy,
    settings: ConsolidateSettings,
) -> Quality | None:
    """Consolidate the votes of golden images and compare; None without such an image.

    Args:
        votes: of any images.
        truth: true labels of the golden ones.
        classes: that are scored.
        taxonomy: the hierarchy: a positive makes its ancestors positive.
        settings: threshold and least number of votes.
    """
    said, true = _labels(votes, truth, classes, taxonomy, settings)
    if not len(said):
        return None
    hits, found, positives = (int(part.sum()) for part in (said & true, said, true))
    precision = hits / found if found else None
    recall = hits / positives if positives else None
    return Quality(len(said), positives, precision, recall)


def _labels(
    votes: Votes,
    truth: Truth,
    classes: Sequence[str],
    taxonomy: Taxonomy,
    settings: ConsolidateSettings,
) -> tuple[Mask, Mask]:
    """Labels found and true labels of the golden images, both (images, classes)."""
    place = {image: at for at, image in enumerate(truth.image_ids)}
    rows = [at for at, image in enumerate(votes.image_ids) if image in place]
    wide = with_ancestors(votes, taxonomy)
    limits = thresholds(wide.class_ids, taxonomy, settings)
    voted = decide(wide.yes[rows], wide.no[rows], limits, settings)
    positive = propagate(voted == 1, wide.class_ids, taxonomy)
    scored = [name for name in wide.class_ids if name in set(classes)]
    said: npt.NDArray[np.bool_] = positive[:, [wide.class_ids.index(name) for name in scored]]
    golden = [place[votes.image_ids[at]] for at in rows]
    columns = [truth.class_ids.index(name) for name in scored]
    return said, truth.positive[np.ix_(golden, columns)]


def measure_loss(
    plan: QuestionPlan,
    votes: Votes,
    truth: Truth,
    taxonomy: Taxonomy,
    settings: ConsolidateSettings,
    rule: SkipRule,
) -> Loss | None:
    """Recall of the classes that wait for others, with and without skipping.

    Args:
        plan: questions, some of which wait.
        votes: for all classes of the plan; images with fewer play no part.
        truth: true labels of the golden images.
        taxonomy: the hierarchy.
        settings: of consolidation.
        rule: when a class counts as voted no.

    Returns:
        None where no golden image with all votes shows such a class.
    """
    waiting = [name for question in plan.questions if question.after for name in question.classes]
    whole = votes_for(votes, plan_classes(plan))
    both = [
        measure_quality(each, truth, waiting, taxonomy, settings)
        for each in (whole, skip_votes(plan, votes, rule))
    ]
    full, skipped = both
    if full is None or skipped is None or full.recall is None or skipped.recall is None:
        return None
    return Loss(full.positives, full.recall, skipped.recall)


def check_loss(loss: Loss | None, largest: float) -> None:
    """Refuse a plan that skips too much.

    Raises:
        InputError: it loses more recall than ``largest``.
    """
    if loss is not None and loss.lost > largest:
        raise InputError(
            f"asking parents first would lose {loss.lost:.1%} of recall on golden images (from "
            f"{loss.asking_all:.1%} to {loss.skipping:.1%} of {loss.positives} positives of the "
            f"classes that can be skipped), and [questions] largest_loss is {largest:.1%}. Lower "
            "skip_below, so that a parent with some yes votes is asked on, or plan with --no-skip."
        )


def plan_classes(plan: QuestionPlan, *, first: bool = False) -> list[str]:
    """Classes of all questions, or of those only that wait for nothing."""
    return [
        name
        for question in plan.questions
        if not (first and question.after)
        for name in question.classes
    ]
