"""Which images have all their answers, and are not asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.answers.checking import UNKNOWN_QUESTION
from annotate.answers.packing import Answers
from annotate.labels.stage import check_answers
from annotate.workspace import Workspace


def answered_images(
    workspace: Workspace, questions: Mapping[str, Sequence[str]], annotators: int
) -> set[str]:
    """Ids of the images that as many people have answered as were to be asked.

    Answers count as for ``consolidate``, those that came late too.

    Args:
        workspace: with a catalogue.
        questions: classes of the present questions.
        annotators: distinct people that an image needs.

    Raises:
        MissingError: no catalogue.
    """
    settings = replace(workspace.settings.consolidate, until="")
    return answered_in(check_answers(workspace, questions, settings), annotators)


def answered_in(answers: Answers, annotators: int) -> set[str]:
    """Ids of the images with enough people.

    A person counts where each question that she gave an answer to has one of hers that counts.

    Args:
        answers: what counts and what does not.
        annotators: distinct people that an image needs.
    """
    packed = answers.packed
    people, questions = len(packed.annotator.values), len(packed.question.values)
    pair = packed.image.codes.astype(np.int64) * people + packed.annotator.codes
    image, annotator, question = _coded_rejects(answers)
    wrong = image * people + annotator
    mended = np.isin(wrong * questions + question, pair * questions + packed.question.codes)
    mended &= question >= 0
    whole = np.setdiff1d(pair, wrong[(annotator >= 0) & ~mended])
    count = np.bincount(whole // max(people, 1), minlength=len(packed.image.values))
    return {packed.image.values[at] for at in np.flatnonzero(count >= annotators)}


def _coded_rejects(answers: Answers) -> list[npt.NDArray[np.int64]]:
    """Image, annotator and question of rejects, as codes of what counts; -1: not among it.

    Left out are those of images of which nothing counts, and those to questions of an earlier plan,
    which nobody knows any more: they say nothing of the present ones. So do submissions without any
    answer, which a later one may follow.
    """
    packed, rejects = answers.packed, answers.rejects
    rejects = rejects[(rejects["reason"] != UNKNOWN_QUESTION) & rejects["question_id"].notna()]
    codes = [
        pd.Index(column.values, dtype=object).get_indexer(pd.Index(rejects[name], dtype=object))
        for name, column in (
            ("image_id", packed.image),
            ("annotator_id", packed.annotator),
            ("question_id", packed.question),
        )
    ]
    return [found[codes[0] >= 0].astype(np.int64) for found in codes]
