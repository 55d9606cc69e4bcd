"""Answers laid out for counting by annotator: seven million rows as a few arrays of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.answers.packed import Packed
from annotate.labels.votes import Votes, count_votes

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sheet:
    """Answers and the votes in them.

    Attributes:
        names: (P,) annotators.
        votes: all votes, N images by C classes.
        member: (Q, C), whether a question asks a class.
        image, question, annotator: (A,) of each answer.
        sure: (A,), whether unticked classes are a no.
        submitted: (A,), when each was sent, as numbers; answers of one response share it.
        seconds: (A,), for the whole response; NaN where it is not known.
        tick_row: (T,), the answer of each tick.
        tick_class: (T,), its class.
    """

    names: tuple[str, ...]
    votes: Votes
    member: Mask
    image: Rows
    question: Rows
    annotator: Rows
    sure: Mask
    submitted: Rows
    seconds: npt.NDArray[np.float32]
    tick_row: Rows
    tick_class: Rows

    def by_question(self, table: npt.NDArray[Any]) -> Floats:
        """(N, Q) sums of an (N, C) table over the classes of each question."""
        sums: Floats = table.astype(np.float64) @ self.member.T
        return sums

    def per_answer(self, table: npt.NDArray[Any]) -> Floats:
        """(A,) sums of an (N, C) table over the classes that each answer was asked."""
        return self.by_question(table)[self.image, self.question]

    def at_ticks(self, table: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(T,) values of an (N, C) table where somebody ticked."""
        found: npt.NDArray[Any] = table[self.image[self.tick_row], self.tick_class]
        return found

    def over_answers(self, values: npt.NDArray[Any]) -> Floats:
        """(P,) sums of a value per answer over each annotator's."""
        sums: Floats = np.bincount(self.annotator, values, len(self.names)).astype(np.float64)
        return sums

    def over_ticks(self, values: npt.NDArray[Any]) -> Floats:
        """(P,) sums of a value per tick over each annotator's."""
        people = self.annotator[self.tick_row]
        sums: Floats = np.bincount(people, values, len(self.names)).astype(np.float64)
        return sums


def make_sheet(answers: Packed, questions: Mapping[str, Sequence[str]]) -> Sheet:
    """Lay out answers; skipped ones play no part.

    Args:
        answers: at most one per image, question and annotator.
        questions: class ids of each question.
    """
    packed = answers.take(np.flatnonzero(~answers.skipped)).compact()
    votes = count_votes(packed, questions)
    column = {name: at for at, name in enumerate(votes.class_ids)}
    member = np.zeros((len(packed.question.values), len(column)), bool)
    for at, name in enumerate(packed.question.values):
        member[at, [column[entry] for entry in questions[name]]] = True
    place = np.array([column[name] for name in packed.ticked.values], np.int64)
    return Sheet(
        packed.annotator.values,
        votes,
        member,
        packed.image.codes.astype(np.int64),
        packed.question.codes.astype(np.int64),
        packed.annotator.codes.astype(np.int64),
        ~packed.unsure,
        packed.submitted.codes.astype(np.int64),
        packed.seconds,
        np.repeat(np.arange(len(packed)), packed.ticks),
        place[packed.ticked.codes],
    )
