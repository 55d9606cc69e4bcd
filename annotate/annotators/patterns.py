"""Patterns that no honest work shows: no tick where something is, ticks at random, copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotate.annotators.facts import find_tasks
from annotate.annotators.sheet import Sheet
from annotate.answers.packed import ranges
from annotate.labels.intervals import wilson_interval

CONFIDENCE = 0.99
HALF = 0.5  # the whole interval must lie above
FEWEST_TASKS = 20
FEWEST_PEOPLE = 4  # three others, so that one more such person does not move their median
FEWEST_TICKS = 10
FEWEST_VOTES = 4  # in a cell: two people besides the pair


@dataclass(frozen=True)
class AlwaysNone:
    """Somebody who ticks nothing where most see something: ``empty`` of ``tasks`` such images."""

    annotator_id: str
    tasks: int
    empty: int


@dataclass(frozen=True)
class Copies:
    """Two people who tick the same where nobody else does.

    Attributes:
        annotator_id, other_id: the two; who copied whom is not known.
        odd: ticks of the first that nobody except perhaps the other shares.
        same: of these, how many the other has ticked too.
    """

    annotator_id: str
    other_id: str
    odd: int
    same: int


def find_always_none(sheet: Sheet) -> list[AlwaysNone]:
    """Annotators who tick nothing at all on most images where most of the votes say something."""
    shows = np.asarray((sheet.votes.yes > sheet.votes.no).any(axis=1))
    tasks = find_tasks(sheet)
    there = shows[tasks.image]
    total = np.bincount(tasks.annotator[there], minlength=len(sheet.names))
    empty = np.bincount(tasks.annotator[there & (tasks.ticks == 0)], minlength=len(sheet.names))
    return [
        AlwaysNone(name, int(total[at]), int(empty[at]))
        for at, name in enumerate(sheet.names)
        if total[at] >= FEWEST_TASKS and _mostly(empty[at], total[at])
    ]


def find_strangers(
    agreement: npt.NDArray[np.float64], tasks: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Annotators whose ticks agree less than half as well as is usual: often random clicks.

    Args:
        agreement: (P,) agreement on ticks with the others; NaN where it is not known.
        tasks: (P,) images of each. Who did few is not judged, nor is a crowd of two or three.

    Returns:
        (P,).

    >>> find_strangers(np.array([0.6, 0.58, 0.62, 0.19]), np.array([50, 50, 50, 50])).tolist()
    [False, False, False, True]
    """
    judged = (tasks >= FEWEST_TASKS) & ~np.isnan(agreement)
    if judged.sum() < FEWEST_PEOPLE:
        return np.zeros(len(agreement), bool)
    usual = float(np.median(agreement[judged]))
    strange: npt.NDArray[np.bool_] = judged & (np.nan_to_num(agreement) * 2 < usual)
    return strange


def find_copies(sheet: Sheet) -> list[Copies]:
    """Pairs of annotators who share their odd ticks.

    A tick is odd where nobody else, the other of the pair aside, has ticked the class. Two people
    who work apart seldom make the same mistake; who copies makes nearly all of them. Agreement in
    general tells nothing: good annotators agree.
    """
    people, classes = len(sheet.names), len(sheet.votes.class_ids)
    votes = sheet.votes.yes.astype(np.int64) + sheet.votes.no
    yes = sheet.at_ticks(sheet.votes.yes)
    judged = sheet.at_ticks(votes) >= FEWEST_VOTES
    who = sheet.annotator[sheet.tick_row]
    cell = sheet.image[sheet.tick_row] * classes + sheet.tick_class

    pair = np.flatnonzero(judged & (yes == 2))
    pair = pair[np.argsort(cell[pair], kind="stable")]
    one, other = who[pair[::2]], who[pair[1::2]]
    same = np.bincount(one * people + other, minlength=people * people)
    same = same + np.bincount(other * people + one, minlength=people * people)

    alone, beside = _lone_ticks(sheet, np.flatnonzero(judged & (yes == 1)))
    odd = same + np.bincount(who[alone] * people + beside, minlength=people * people)
    found = []
    for at in np.flatnonzero((odd >= FEWEST_TICKS) & (same * 2 > odd)):
        if _mostly(same[at], odd[at]):
            first, second = divmod(int(at), people)
            found.append(
                Copies(sheet.names[first], sheet.names[second], int(odd[at]), int(same[at]))
            )
    return sorted(found, key=lambda pair: -pair.same / pair.odd)


def _lone_ticks(
    sheet: Sheet, ticks: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Ticks that nobody shares, each as often as others answered the question, and who they are."""
    key = sheet.image * sheet.member.shape[0] + sheet.question
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    wanted = key[sheet.tick_row[ticks]]
    starts = np.searchsorted(ordered, wanted)
    lengths = np.searchsorted(ordered, wanted, side="right") - starts
    repeated = np.repeat(ticks, lengths)
    rows = order[ranges(starts, lengths)]
    beside = (rows != sheet.tick_row[repeated]) & sheet.sure[rows]
    return repeated[beside], sheet.annotator[rows[beside]]


def _mostly(part: float, whole: float) -> bool:
    interval = wilson_interval(part, whole, CONFIDENCE)
    return interval is not None and interval[0] > HALF
