"""Ways to ask side by side: what each found, how long it took and what it cost, as measured.

This is the comparison of grouping strategies of the paper's section 3.2 on one's own golden images,
each of which was answered under every plan. Nothing is forecast; ``questions cost`` does that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.golden.cells import UNKNOWN, Cells
from annotate.golden.rates import (
    Counts,
    Rate,
    count_class,
    quantiles,
    rates,
    resample,
    resampled_rates,
)
from annotate.questions.planning import QuestionPlan
from annotate.questions.quality import plan_classes
from annotate.questions.skipping import rounds
from annotate.settings import ConsolidateSettings, TaskSettings
from annotate.taxonomy.model import Taxonomy

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pilot:
    """A plan and what people answered to it.

    Attributes:
        name: of the plan, for the reader.
        plan: the questions.
        answers: ``tables.ANSWERS`` about the images of ``cells``.
        cells: golden labels and the votes in these answers.
    """

    name: str
    plan: QuestionPlan
    answers: pd.DataFrame
    cells: Cells


@dataclass(frozen=True)
class Seconds:
    """Time of one person for one image.

    Attributes:
        tasks: pairs of a person and an image.
        missing: of these, how many have no time.
        median, mean: seconds, over the others; None without any.
    """

    tasks: int
    missing: int
    median: float | None
    mean: float | None


@dataclass(frozen=True)
class Strategy:
    """One way to ask.

    Attributes:
        name: of the plan.
        strategy: how it was planned.
        questions: in the plan.
        images: golden images that it is measured on.
        people: who answered an image, on average.
        positives: golden pairs of image and class that are true.
        precision, recall: of all pairs together, with intervals over properties.
        precision_change, recall_change: against the first plan, on the same images; None for the
            first, and where the images differ.
        seconds: of one person for one image.
        cost: of one image, all people and the service's fee together, in the currency; None where
            people are paid by the hour and no time is known.
    """

    name: str
    strategy: str
    questions: int
    images: int
    people: float
    positives: int
    precision: Rate
    recall: Rate
    precision_change: Rate | None
    recall_change: Rate | None
    seconds: Seconds
    cost: float | None


def compare_pilots(
    pilots: Sequence[Pilot],
    limits: Mapping[str, float],
    taxonomy: Taxonomy,
    settings: tuple[ConsolidateSettings, TaskSettings],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Strategy]:
    """Measure some ways to ask on the classes that all of them ask.

    A label that is unknown, because its question was skipped, is not found.

    Args:
        pilots: answered on golden images; the first is what the others are compared with.
        limits: vote threshold of each class.
        taxonomy: the hierarchy.
        settings: the least number of votes, and fee and pay.
        resamples: of whole properties.
        seed: of the resamples.
    """
    consolidate, tasks = settings
    shared = set.intersection(*(set(plan_classes(pilot.plan)) for pilot in pilots))
    first: tuple[Floats, Floats] | None = None
    found: list[Strategy] = []
    for pilot in pilots:
        same = pilot.cells.votes.image_ids == pilots[0].cells.votes.image_ids
        counts = _counts(pilot.cells, shared, limits, taxonomy, consolidate)
        drawn = resampled_rates(counts, resample(pilot.cells.groups, resamples, seed))
        precision, recall = (values[0] for values in rates(counts, drawn, simple=False))
        changes: tuple[Rate | None, Rate | None] = None, None
        if first is not None and same:
            changes = (
                _change(precision, found[0].precision, drawn[0], first[0]),
                _change(recall, found[0].recall, drawn[1], first[1]),
            )
        first = first or drawn
        images = len(pilot.cells.votes.image_ids)
        seconds = measure_seconds(pilot.answers)
        found.append(
            Strategy(
                pilot.name,
                pilot.plan.strategy,
                len(pilot.plan.questions),
                images,
                seconds.tasks / images,
                int(counts.raw[2, 0]),
                precision,
                recall,
                changes[0],
                changes[1],
                seconds,
                _cost(pilot, seconds, tasks),
            )
        )
    return found


def measure_seconds(answers: pd.DataFrame) -> Seconds:
    """Seconds of one person for one image.

    A response says how long it took as a whole, whatever number of questions it answers; where
    somebody answered an image in several responses, as with parents first, they add up.

    Args:
        answers: ``tables.ANSWERS``.
    """
    task = ["image_id", "annotator_id"]
    responses = answers.drop_duplicates([*task, "submitted", "seconds"])
    times = responses.groupby(task)["seconds"]
    whole = times.sum()[times.count() == times.size()].to_numpy(np.float64)
    tasks = times.ngroups
    if not whole.size:
        return Seconds(tasks, tasks, None, None)
    return Seconds(tasks, tasks - whole.size, float(np.median(whole)), float(whole.mean()))


def _counts(
    cells: Cells,
    classes: set[str],
    limits: Mapping[str, float],
    taxonomy: Taxonomy,
    settings: ConsolidateSettings,
) -> Counts:
    """Sums over some classes by property, of one label set."""
    labels = cells.labels_at([limits[name] for name in cells.class_ids], taxonomy, settings)
    labels = np.where(labels == UNKNOWN, 0, labels).astype(np.int8)
    groups = int(cells.groups.max()) + 1
    sums, raw = np.zeros((3, groups, 1)), np.zeros((3, 1), np.int64)
    for at, name in enumerate(cells.class_ids):
        if name in classes:
            counts = count_class(cells, labels[:, [at]], at)
            sums[:, counts.groups] += np.stack([counts.hits, counts.found, counts.true])
            raw += counts.raw
    return Counts(np.arange(groups), sums[0], sums[1], sums[2], raw)


def _change(now: Rate, before: Rate, drawn: Floats, first: Floats) -> Rate:
    if now.value is None or before.value is None:
        return Rate(None)
    return Rate(now.value - before.value, *quantiles(drawn[:, 0] - first[:, 0]))


def _cost(pilot: Pilot, seconds: Seconds, settings: TaskSettings) -> float | None:
    """Each round puts an image before people, and so costs the service's fee, once more."""
    number = dict(zip((q.id for q in pilot.plan.questions), rounds(pilot.plan), strict=True))
    asked = pilot.answers.assign(round=pilot.answers["question_id"].map(number))
    images = len(pilot.cells.votes.image_ids)
    fee = len(asked[["image_id", "round"]].drop_duplicates()) * settings.fee_per_object
    if settings.pay_per_answer:
        parts = asked[["image_id", "annotator_id", "round"]].drop_duplicates()
        return (fee + len(parts) * settings.pay_per_answer) / images
    if seconds.mean is None:
        return None
    hours = seconds.tasks * seconds.mean / 3600
    return (fee + hours * settings.pay_per_hour) / images
