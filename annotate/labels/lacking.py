"""Images that fewer people have answered than should have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from annotate.answers.checking import UNKNOWN_IMAGE
from annotate.labels.votes import Votes
from annotate.tasks.manifest import TaskLine

EXAMPLES = 5


@dataclass(frozen=True)
class Wanted:
    """What people should answer.

    Attributes:
        annotators: people for each question of an image.
        tasks: images with the questions that each is asked in any case.
    """

    annotators: int
    tasks: Sequence[TaskLine] = ()


def find_lacking(
    votes: Votes,
    questions: Mapping[str, Sequence[str]],
    rejects: pd.DataFrame,
    wanted: Wanted,
) -> dict[str, Any]:
    """Images with a question that they were asked and that too few people answered.

    They were asked what anybody answered, what the tasks ask, and what is among the rejects. People
    are counted by class, which a migration can leave in several questions.

    Args:
        votes: what counts.
        questions: class ids of each question.
        rejects: ``tables.ANSWER_REJECTS``.
        wanted: how many people, and of what.

    Returns:
        ``images``: how many, ``wanted``, and ``examples``.
    """
    people = votes.yes + votes.no + votes.unsure
    short = ((people > 0) & (people < wanted.annotators)).any(axis=1)
    lacking = set(np.array(votes.image_ids, object)[short])
    index = pd.Index(votes.image_ids, dtype=object)
    column = {name: at for at, name in enumerate(votes.class_ids)}
    for asked, images in _asked(questions, rejects, wanted.tasks).items():
        rows = index.get_indexer(pd.Index(images, dtype=object))
        columns = [column[name] for question in asked for name in questions[question]]
        seen = rows >= 0
        few = ~seen
        few[seen] = (people[rows[seen]][:, columns] < wanted.annotators).any(axis=1)
        lacking.update(np.array(images, object)[few])
    return {
        "images": len(lacking),
        "wanted": wanted.annotators,
        "examples": sorted(lacking)[:EXAMPLES],
    }


def _asked(
    questions: Mapping[str, Sequence[str]], rejects: pd.DataFrame, tasks: Sequence[TaskLine]
) -> dict[tuple[str, ...], list[str]]:
    """Images by the questions that tasks and rejects name of them."""
    asked: dict[tuple[str, ...], list[str]] = {}
    for task in tasks:
        asked.setdefault(task.questions, []).append(task.image_id)
    known = rejects["image_id"].notna() & (rejects["reason"] != UNKNOWN_IMAGE)
    named: Any = rejects.loc[known, ["image_id", "question_id"]].drop_duplicates()
    for question, images in named.groupby("question_id", dropna=False)["image_id"]:
        own = (question,) if question in questions else ()
        asked.setdefault(own, []).extend(images)
    return asked
