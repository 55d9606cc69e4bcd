"""From answers to counts of yes, no and unsure per image and class.

An answer to a question says no to every class that it leaves unticked, so five people and 120
classes make 600 votes an image, nearly all of them no. Only ticks and answered questions are
counted, and the rest follows by subtraction: the long table of votes is never built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd

Counts = npt.NDArray[np.int16]


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


def count_votes(answers: pd.DataFrame, questions: Mapping[str, Sequence[str]]) -> Votes:
    """Count votes.

    A tick is a yes. In an answered question an unticked class is a no, unless the annotator was
    unsure: then it is an unsure. A question that was not answered gives nothing.

    Args:
        answers: ``tables.ANSWERS``; at most one row per image, question and annotator.
        questions: class ids of each question.
    """
    answers = answers[~answers["skipped"]]
    rows, image_ids = pd.factorize(answers["image_id"], sort=True)
    columns = {name: at for at, name in enumerate(dict.fromkeys(chain(*questions.values())))}
    shape = (len(image_ids), len(columns))
    unsure_answer = answers["unsure"].to_numpy(bool)

    lengths = answers["ticked"].map(len).to_numpy(np.int64)
    flat = chain.from_iterable(answers["ticked"])
    ticked = np.fromiter((columns[name] for name in flat), np.int64, count=int(lengths.sum()))
    cells = np.repeat(rows, lengths) * shape[1] + ticked
    from_unsure = np.repeat(unsure_answer, lengths)
    yes_sure, yes_unsure = _count(cells[~from_unsure], shape), _count(cells[from_unsure], shape)

    asked_sure = np.zeros(shape, np.int64)
    asked_unsure = np.zeros(shape, np.int64)
    for question, classes in questions.items():
        asked = (answers["question_id"] == question).to_numpy(bool)
        at = [columns[name] for name in classes]
        asked_sure[:, at] += np.bincount(rows[asked & ~unsure_answer], minlength=shape[0])[:, None]
        asked_unsure[:, at] += np.bincount(rows[asked & unsure_answer], minlength=shape[0])[:, None]
    return Votes(
        tuple(image_ids),
        tuple(columns),
        (yes_sure + yes_unsure).astype(np.int16),
        (asked_sure - yes_sure).astype(np.int16),
        (asked_unsure - yes_unsure).astype(np.int16),
    )


def _count(cells: npt.NDArray[np.int64], shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
