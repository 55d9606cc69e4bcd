"""What each annotator did, beside the others and beside golden labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.annotators.sheet import Floats, Sheet
from annotate.golden.rates import share
from annotate.labels.intervals import wilson_interval

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Tasks:
    """One row per annotator and image: (K,) arrays.

    Attributes:
        annotator, image: whose, and of what.
        seconds: that the task took in all; NaN where a part of it is not known.
        ticks: classes ticked in all questions.
    """

    annotator: npt.NDArray[np.int64]
    image: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float32]
    ticks: npt.NDArray[np.int64]


def find_tasks(sheet: Sheet) -> Tasks:
    """Answers to all questions of an image by one person, put together."""
    images = len(sheet.votes.image_ids)
    keys, task = np.unique(sheet.annotator * images + sheet.image, return_inverse=True)
    ticks = np.bincount(task[sheet.tick_row], minlength=len(keys))
    seconds = _seconds(sheet, task, len(keys))
    return Tasks(keys // max(images, 1), keys % max(images, 1), seconds, ticks)


def _seconds(sheet: Sheet, task: npt.NDArray[np.int64], tasks: int) -> npt.NDArray[np.float32]:
    """Seconds of each task: those of its responses, each of which says so in all its answers.

    Parents first, or asked again after a change, an image takes a person several responses.
    """
    values, at = np.unique(sheet.seconds, return_inverse=True)
    moments = int(sheet.submitted.max(initial=0)) + 1
    responses = np.unique((task * moments + sheet.submitted) * len(values) + at)
    of_task, at = np.divmod(responses, max(len(values), 1))
    return np.bincount(of_task // moments, values[at], tasks).astype(np.float32)


def annotator_facts(sheet: Sheet, golden: npt.NDArray[np.int8] | None) -> pd.DataFrame:
    """Work, agreement and golden figures of each annotator.

    Agreement is over pairs of a vote of hers and one of somebody else on the same image and class.
    Nearly all votes are no, so that the share of equal votes is high for whoever ticks nothing:
    ``agreement_yes`` looks at ticks only, as Dice's coefficient does: 2 both yes / (her yes + their
    yes). On golden labels, what she was unsure about and is there counts as missed. Golden images
    count the same, however they were drawn: the figures are of these images, not of all.

    Args:
        sheet: all answers.
        golden: (N, C) labels by experts, 1, 0 or -1: unknown; None: there are none.

    Returns:
        A row per annotator, in the order of ``sheet.names``. Shares are NaN where there is nothing
        to take a share of.
    """
    yes, no = sheet.votes.yes.astype(np.int64), sheet.votes.no.astype(np.int64)
    tasks = find_tasks(sheet)
    people = len(sheet.names)
    none = np.bincount(tasks.annotator, tasks.ticks == 0, people)
    done = np.bincount(tasks.annotator, minlength=people)
    facts = pd.DataFrame({"annotator_id": sheet.names})
    facts["images"] = done
    facts["answers"] = np.bincount(sheet.annotator, minlength=people)
    facts["ticks_per_image"] = share(sheet.over_ticks(np.ones(len(sheet.tick_row))), done)
    facts["none_share"] = share(none, done)
    facts["unsure_share"] = share(sheet.over_answers(~sheet.sure), facts["answers"].to_numpy())
    facts["seconds"] = _medians(tasks, people)
    facts["agreement"], facts["agreement_yes"] = _agreement(sheet, yes, no)
    return facts.join(_golden(sheet, golden))


def _medians(tasks: Tasks, people: int) -> Floats:
    known = ~np.isnan(tasks.seconds)
    medians = pd.Series(tasks.seconds[known]).groupby(tasks.annotator[known]).median()
    return np.asarray(medians.reindex(range(people)), np.float64)


def _agreement(
    sheet: Sheet, yes: npt.NDArray[np.int64], no: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Share of equal pairs, and Dice's coefficient of ticks."""
    sure = sheet.sure
    sure_tick = sure[sheet.tick_row]
    others_yes, others_no = sheet.at_ticks(yes) - 1, sheet.at_ticks(no)
    size = sheet.member.sum(axis=1)[sheet.question]
    # Of a sure answer every class is a vote; of an unsure one the ticks only.
    no_pairs = np.where(sure, sheet.per_answer(no) - size, 0.0)
    all_pairs = np.where(sure, sheet.per_answer(yes + no) - size, 0.0)
    other_yes = np.where(sure, sheet.per_answer(yes), 0.0)
    both_yes = sheet.over_ticks(others_yes)
    equal = (
        sheet.over_answers(no_pairs)
        - sheet.over_ticks(np.where(sure_tick, others_no - 1, 0))
        + both_yes
    )
    pairs = sheet.over_answers(all_pairs) + sheet.over_ticks(
        np.where(sure_tick, 0, others_yes + others_no)
    )
    theirs = (
        sheet.over_answers(other_yes)
        - sheet.over_ticks(sure_tick)
        + sheet.over_ticks(np.where(sure_tick, 0, others_yes))
    )
    hers = sheet.over_ticks(others_yes + others_no)
    return share(equal, pairs), share(2 * both_yes, hers + theirs)


def _golden(sheet: Sheet, golden: npt.NDArray[np.int8] | None) -> pd.DataFrame:
    people = len(sheet.names)
    if golden is None:
        golden = np.full(sheet.votes.yes.shape, -1, np.int8)
    at_tick = sheet.at_ticks(golden)
    hits = sheet.over_ticks(at_tick == 1)
    found = hits + sheet.over_ticks(at_tick == 0)
    positives = sheet.over_answers(sheet.per_answer(golden == 1))
    table = pd.DataFrame(
        {"golden_positives": positives.astype(int), "golden_ticks": found.astype(int)}
    )
    for name, total in (("precision", found), ("recall", positives)):
        table[f"golden_{name}"] = share(hits, total)
        intervals = [
            wilson_interval(hits[at], total[at], CONFIDENCE) or (np.nan, np.nan)
            for at in range(people)
        ]
        table[f"golden_{name}_low"] = [low for low, _ in intervals]
        table[f"golden_{name}_high"] = [high for _, high in intervals]
    return table
