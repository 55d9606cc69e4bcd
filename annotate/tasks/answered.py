"""Which images have all their answers, and are not asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
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
    places = pd.DataFrame(
        {
            "image_id": packed.image.codes,
            "annotator_id": packed.annotator.codes,
            "question_id": packed.question.codes,
        }
    )
    wrong = _coded_rejects(answers).merge(places, how="left", indicator=True)
    wrong = wrong.loc[wrong["_merge"] == "left_only", ["image_id", "annotator_id"]]
    people = places[["image_id", "annotator_id"]].drop_duplicates()
    people = people.merge(wrong.drop_duplicates(), how="left", indicator=True)
    people = people[people["_merge"] == "left_only"]
    count = np.bincount(people["image_id"], minlength=len(packed.image.values))
    return {packed.image.values[at] for at in np.flatnonzero(count >= annotators)}


def _coded_rejects(answers: Answers) -> pd.DataFrame:
    """Image, annotator and question of the rejects, as codes of what counts; -1: not among it.

    A question of an earlier plan, which nobody knows any more, says nothing of the present ones.
    """
    packed, rejects = answers.packed, answers.rejects
    rejects = rejects[rejects["reason"] != UNKNOWN_QUESTION]
    named = (
        ("image_id", packed.image),
        ("annotator_id", packed.annotator),
        ("question_id", packed.question),
    )
    return pd.DataFrame(
        {
            name: pd.Index(column.values, dtype=object).get_indexer(
                pd.Index(rejects[name], dtype=object)
            )
            for name, column in named
        },
        dtype=np.int32,
    )
