"""From answers to counts of yes, no and unsure per image and class.

An answer to a question says no to every class that it leaves unticked, so five people and 120
classes make 600 votes an image, nearly all of them no. Only ticks and answered questions are
counted, and the rest follows by subtraction: the long table of votes is never built.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.answers.packed import Packed, from_frame

Counts = npt.NDArray[np.int16]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Votes:
    """Counts of votes. A cell with three zeros was not asked.

    Attributes:
        image_ids: (N,), sorted.
        class_ids: (C,), in the order of the questions.
        yes, no, unsure: (N, C).
    """

    image_ids: tuple[str, ...]
    class_ids: tuple[str, ...]
    yes: Counts
    no: Counts
    unsure: Counts

    def only(self, images: Collection[str]) -> Votes:
        """Votes on some images; those without votes are left out."""
        keep = np.array([name in images for name in self.image_ids], bool)
        counts = (part[keep] for part in (self.yes, self.no, self.unsure))
        return Votes(tuple(np.array(self.image_ids, object)[keep]), self.class_ids, *counts)


def count_votes(answers: pd.DataFrame | Packed, questions: Mapping[str, Sequence[str]]) -> Votes:
    """Count votes.

    A tick is a yes. In an answered question an unticked class is a no, unless the annotator was
    unsure: then it is an unsure. A question that was not answered gives nothing.

    Args:
        answers: ``tables.ANSWERS``; at most one row per image, question and annotator.
        questions: class ids of each question.
    """
    packed = answers if isinstance(answers, Packed) else from_frame(answers)
    if packed.skipped.any():
        packed = packed.take(np.flatnonzero(~packed.skipped)).compact()
    columns = {name: at for at, name in enumerate(dict.fromkeys(chain(*questions.values())))}
    shape = (len(packed.image.values), len(columns))
    yes, no, unsure = (np.zeros(shape, np.int16) for _ in range(3))
    for asked, doubtful in ((no, False), (unsure, True)):
        rows = packed.unsure == doubtful
        if rows.any():
            ticks = _ticks(packed, rows, columns)
            _add_asked(asked, packed, rows, columns, questions)
            asked -= ticks
            yes += ticks
    return Votes(packed.image.values, tuple(columns), yes, no, unsure)


def _ticks(packed: Packed, rows: Mask, columns: Mapping[str, int]) -> Counts:
    """How often each class was ticked in some rows."""
    shape = (len(packed.image.values), len(columns))
    at = np.flatnonzero(packed.ticks > 0)
    lengths = packed.ticks[at]
    ticked = np.array([columns[name] for name in packed.ticked.values], np.int64)
    cells = np.repeat(packed.image.codes[at].astype(np.int64) * shape[1], lengths)
    cells += ticked[packed.ticked.codes]
    if not rows.all():
        cells = cells[np.repeat(rows[at], lengths)]
    return _count(cells, shape)


def _add_asked(
    counts: Counts,
    packed: Packed,
    rows: Mask,
    columns: Mapping[str, int],
    questions: Mapping[str, Sequence[str]],
) -> None:
    """Add to every class of a question how often the question was answered in some rows."""
    names = packed.question.values
    shape = (len(packed.image.values), len(names))
    image, question = packed.image.codes, packed.question.codes
    if not rows.all():
        image, question = image[rows], question[rows]
    # Rows are mostly sorted: runs of equal image and question are far fewer than rows.
    starts = np.flatnonzero((image[1:] != image[:-1]) | (question[1:] != question[:-1])) + 1
    starts = np.concatenate([[0], starts])
    cells = image[starts].astype(np.int64) * shape[1] + question[starts]
    answered = np.zeros((shape[0], shape[1] + 1), np.int16)  # a last column for no question
    answered[:, :-1] = _count(cells, shape, np.diff(starts, append=len(image)))
    for asking in _askings(names, columns, questions):
        counts += np.take(answered, asking, axis=1)


def _askings(
    names: Sequence[str], columns: Mapping[str, int], questions: Mapping[str, Sequence[str]]
) -> npt.NDArray[np.int64]:
    """(most questions a class is in, C): for each class those questions, then ``len(names)``."""
    asking: list[list[int]] = [[] for _ in columns]
    for at, name in enumerate(names):
        for entry in questions[name]:
            asking[columns[entry]].append(at)
    most = max(map(len, asking), default=0)
    padded = [entry + [len(names)] * (most - len(entry)) for entry in asking]
    return np.array(padded, np.int64).reshape(len(columns), most).T


def _count(
    cells: npt.NDArray[np.int64], shape: tuple[int, int], times: npt.NDArray[np.int64] | None = None
) -> Counts:
    found = np.bincount(cells, times, minlength=shape[0] * shape[1])
    return found.astype(np.int16).reshape(shape)
