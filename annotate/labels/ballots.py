"""Who said yes and no to what, laid out for sums over annotators, without a row per vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from annotate.answers.packed import Packed
from annotate.labels.votes import Votes

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ballots:
    """Votes of A annotators on N images and C classes.

    An answered question is a no to all its classes (``groups``), which its ticks take back.

    Attributes:
        shape: A, N, C.
        groups: classes, by number and each once, that the same people were asked on the same
            images, and the (N, A) matrix of who answered what. A class of two questions is in two
            groups.
        annotator, column, cell: (ticks,) who, which class, and ``image * C + class``, sorted by
            cell.
        sure: (ticks,) whether the question's unticked classes are a no.
        cells, starts: each cell with a tick, and its first tick.
    """

    shape: tuple[int, int, int]
    groups: tuple[tuple[Rows | slice, csr_array], ...]
    annotator: Rows
    column: Rows
    cell: Rows
    sure: Mask
    cells: Rows
    starts: Rows

    def sum_ticks(self, weights: Floats) -> tuple[Floats, Floats]:
        """(A, C) sums of a weight per tick: over all ticks, and over the sure ones."""
        people, _, classes = self.shape
        at = self.annotator * classes + self.column
        every = _sums(at, weights, (people, classes))
        if self.sure.all():
            return every, every
        return every, _sums(at[self.sure], weights[self.sure], (people, classes))

    def sum_answered(self, belief: Floats) -> Floats:
        """(A, C) sums of an (N, C) table over the images whose questions each has answered."""
        sums = np.zeros((self.shape[0], self.shape[2]))
        for columns, answered in self.groups:
            sums[:, columns] += answered.T @ belief[:, columns]
        return sums

    def answered(self) -> Floats:
        """(A, C) how many images each has answered the class's question on."""
        counts = np.zeros((self.shape[0], self.shape[2]))
        for columns, answered in self.groups:
            counts[:, columns] += answered.sum(axis=0)[:, None]
        return counts

    def collect(self, of_no: Floats, of_yes: Floats) -> Floats:
        """(N, C) sums over the votes of each cell.

        Args:
            of_no: (A, C) or (A, 1), what a no of each annotator adds.
            of_yes: likewise, a yes.
        """
        _, images, classes = self.shape
        sums = np.zeros((images, classes))
        for columns, answered in self.groups:
            sums[:, columns] += answered @ (of_no if of_no.shape[1] == 1 else of_no[:, columns])
        column = self.column if of_no.shape[1] > 1 else np.zeros_like(self.column)
        added = of_yes[self.annotator, column]
        added -= np.where(self.sure, of_no[self.annotator, column], 0.0)
        if len(added):
            sums.ravel()[self.cells] += np.add.reduceat(added, self.starts)
        return sums


def _sums(at: Rows, weights: Floats, shape: tuple[int, int]) -> Floats:
    sums: Floats = np.bincount(at, weights, shape[0] * shape[1]).astype(np.float64)
    return sums.reshape(shape)


def make_ballots(answers: Packed, questions: Mapping[str, Sequence[str]], votes: Votes) -> Ballots:
    """Lay out answers.

    Args:
        answers: at most one row per image, question and annotator.
        questions: class ids of each question; a class may be in several, as after a migration.
        votes: counted from these answers; gives images and classes their order.
    """
    shape = len(answers.annotator.values), len(votes.image_ids), len(votes.class_ids)
    row_of = np.searchsorted(votes.image_ids, answers.image.values)
    image = row_of.astype(np.int64)[answers.image.codes]
    place = {name: at for at, name in enumerate(votes.class_ids)}
    ticked = np.array([place[name] for name in answers.ticked.values], np.int64)
    counted = ~answers.skipped
    lengths = np.where(counted, answers.ticks, 0)
    kept = slice(None) if counted.all() else np.repeat(counted, answers.ticks)
    column = ticked[answers.ticked.codes][kept]
    cell = np.repeat(image, lengths) * shape[2] + column
    order = np.argsort(cell, kind="stable")
    cell, column = cell[order], column[order]
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    return Ballots(
        shape,
        tuple(_groups(answers, questions, image, place, shape)),
        np.repeat(answers.annotator.codes.astype(np.int64), lengths)[order],
        column,
        cell,
        np.repeat(~answers.unsure, lengths)[order],
        cell[starts],
        starts,
    )


def _groups(
    answers: Packed,
    questions: Mapping[str, Sequence[str]],
    image: Rows,
    place: Mapping[str, int],
    shape: tuple[int, int, int],
) -> list[tuple[Rows | slice, csr_array]]:
    """Classes by who was asked: mostly all questions of an image go to the same people."""
    cells = image * shape[0] + answers.annotator.codes
    sure = ~answers.unsure & ~answers.skipped
    order = np.argsort(answers.question.codes[sure], kind="stable")
    cells = cells[sure][order]
    asked = answers.question.codes[sure][order]
    ends = np.searchsorted(asked, np.arange(len(answers.question.values) + 1))
    found: dict[bytes, list[list[int]]] = {}
    for at, question in enumerate(answers.question.values):
        groups = found.setdefault(np.sort(cells[ends[at] : ends[at + 1]]).tobytes(), [])
        for column in (place[name] for name in questions[question]):
            without = next((group for group in groups if column not in group), None)
            if without is None:
                groups.append([column])
            else:
                without.append(column)
    return [
        (_compact(columns), _incidence(np.frombuffer(own, np.int64), shape))
        for own, groups in found.items()
        for columns in groups
        if own
    ]


def _compact(columns: list[int]) -> Rows | slice:
    """Neighbours as a slice, which NumPy takes without a copy."""
    if columns == list(range(columns[0], columns[0] + len(columns))):
        return slice(columns[0], columns[0] + len(columns))
    return np.array(columns, np.int64)


def _incidence(cells: Rows, shape: tuple[int, int, int]) -> csr_array:
    images, people = np.divmod(cells, max(shape[0], 1))
    return csr_array((np.ones(len(cells)), (images, people)), shape=(shape[1], shape[0]))
