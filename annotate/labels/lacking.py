"""Images that fewer people have answered than should have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.answers.checking import UNKNOWN_IMAGE
from annotate.answers.packed import Packed
from annotate.answers.packing import Answers
from annotate.labels.votes import Votes
from annotate.tables import LACKING
from annotate.tasks.manifest import TaskLine

FILE = "lacking.parquet"
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


@dataclass(frozen=True)
class Lacking:
    """Images with a question that too few people answered.

    Attributes:
        people: by image, sorted: how many people answered the question that fewest did; 0: nobody.
        wanted: how many should have.
    """

    people: Mapping[str, int]
    wanted: int

    @property
    def summary(self) -> dict[str, Any]:
        """``images``: how many, ``wanted``, and ``examples``."""
        examples = list(self.people)[:EXAMPLES]
        return {"images": len(self.people), "wanted": self.wanted, "examples": examples}

    @property
    def table(self) -> pd.DataFrame:
        """``tables.LACKING``."""
        columns = (list(self.people), list(self.people.values()))
        return pd.DataFrame(dict(zip(LACKING.columns, columns, strict=True)))


def find_lacking(
    votes: Votes, questions: Mapping[str, Sequence[str]], answers: Answers, wanted: Wanted
) -> Lacking:
    """Images with a question that they were asked and that too few people answered.

    They were asked what anybody answered or skipped, what the tasks ask, and what is among the
    rejects. People are counted by class, which a migration can leave in several questions.

    Args:
        votes: what counts.
        questions: class ids of each question.
        answers: that the votes are of, those that were skipped and set aside with them.
        wanted: how many people, and of what.
    """
    people = votes.yes + votes.no + votes.unsure
    found: dict[str, int] = {}

    def note(images: Sequence[str], fewest: npt.NDArray[np.int16]) -> None:
        for image, count in zip(images, fewest.tolist(), strict=True):
            found[image] = min(count, found.get(image, count))

    short = np.flatnonzero(((people > 0) & (people < wanted.annotators)).any(axis=1))
    some = people[short]
    most = np.int16(np.iinfo(np.int16).max)
    note([votes.image_ids[at] for at in short], np.where(some > 0, some, most).min(1, initial=most))
    index = pd.Index(votes.image_ids, dtype=object)
    column = {name: at for at, name in enumerate(votes.class_ids)}
    for asked, images in _asked(questions, answers, wanted.tasks):
        rows = index.get_indexer(pd.Index(images, dtype=object))
        columns = [column[name] for question in asked for name in questions[question]]
        fewest = np.where(rows < 0, np.int16(0), most)
        counts = people[rows[rows >= 0]][:, columns]
        fewest[rows >= 0] = counts.min(axis=1, initial=most)
        few = np.flatnonzero(fewest < wanted.annotators)
        note([images[at] for at in few], fewest[few])
    return Lacking(dict(sorted(found.items())), wanted.annotators)


def _asked(
    questions: Mapping[str, Sequence[str]], answers: Answers, tasks: Sequence[TaskLine]
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Questions, and images that tasks, rejects and skipped answers name with them."""
    asked: dict[tuple[str, ...], list[str]] = {}
    for task in tasks:
        asked.setdefault(task.questions, []).append(task.image_id)
    rejects = answers.rejects
    known = rejects["image_id"].notna() & (rejects["reason"] != UNKNOWN_IMAGE)
    named: Any = rejects.loc[known, ["image_id", "question_id"]].drop_duplicates()
    for question, images in named.groupby("question_id", dropna=False)["image_id"]:
        own = (question,) if question in questions else ()
        asked.setdefault(own, []).extend(images)
    for question, skipped in _skipped(answers.packed):
        asked.setdefault((question,), []).extend(skipped)
    yield from asked.items()


def _skipped(packed: Packed) -> Iterator[tuple[str, list[str]]]:
    """Images that somebody skipped, by question."""
    rows = np.flatnonzero(packed.skipped)  # mostly few or none
    questions, images = packed.question.codes[rows], packed.image.codes[rows]
    for code in np.unique(questions).tolist():
        of_one = np.unique(images[questions == code]).tolist()
        yield packed.question.values[code], [packed.image.values[at] for at in of_one]
