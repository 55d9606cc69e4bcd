"""Answers that were given for an older taxonomy, in terms of the next one.

A pure function over the table of answers. What an answer said stays what it said:

- A class that was renamed or got a new id keeps its votes.
- Of merged classes, a yes to one is a yes to the new one; a no to all of them is a no.
- Of a class that was split, a no carries over to its parts, where the image as a whole was voted
  no. A yes does not say which part was seen, so such an image is as if it had not been asked.
- A class that is gone takes its votes with it; its question's other votes stay.

Everything else is not asked, which is not a no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.taxonomy.diff import Source

Questions = Mapping[str, Sequence[str]]
Indices = npt.NDArray[np.int64]
VotedNo = Callable[[str, Indices, Indices], npt.NDArray[np.bool_]]
"""Of an old class, yes and no votes per image: where it counts as voted no."""

NO, UNSURE, YES = 0, 1, 2


@dataclass(frozen=True)
class Step:
    """One change of the taxonomy.

    Attributes:
        sources: for each class of the new taxonomy, the old ones that it follows from.
        above: for each old class, those above it in the old hierarchy.
    """

    sources: Mapping[str, tuple[Source, ...]]
    above: Mapping[str, tuple[str, ...]]

    @property
    def new_ids(self) -> dict[str, str]:
        """Old ids whose votes go over as they are, with their new ids."""
        return {
            found[0].id: name
            for name, found in self.sources.items()
            if len(found) == 1 and found[0].whole
        }

    @property
    def composed(self) -> dict[str, tuple[Source, ...]]:
        """New classes whose votes are made of others' or of a part of one's."""
        simple = set(self.new_ids.values())
        return {name: found for name, found in self.sources.items() if found and name not in simple}

    def covering(self, name: str) -> tuple[str, ...]:
        """The sources that must all be voted no for a no: those that no other one includes."""
        ids = [source.id for source in self.sources[name]]
        return tuple(each for each in ids if not set(self.above.get(each, ())) & set(ids))


def carry_answers(
    answers: pd.DataFrame, questions: Questions, step: Step, voted_no: VotedNo
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Translate answers to questions of the old taxonomy.

    Args:
        answers: ``tables.ANSWERS``, to these questions only; at most one answer of an annotator
            to a class of an image.
        questions: classes of each question, in old ids.
        step: the change.
        voted_no: decides whether an image as a whole was voted no for a class that was split.

    Returns:
        The same rows, in their order, less those of questions of which nothing is left, with ticks
        in new ids; and the classes of their questions. Where answers to one question carry over
        differently, they are of different questions now: ``q01``, ``q01+indoor``.
    """
    answers = answers.reset_index(drop=True)
    new_ids = step.new_ids
    votes = _Votes.of(answers, questions)
    placed: list[pd.DataFrame] = []
    for name in step.composed:
        found = _compose(name, step, votes, voted_no)
        placed.append(found.assign(name=name))
    extra = pd.concat(placed, ignore_index=True) if placed else _nothing()
    kept = {
        question: tuple(new_ids[each] for each in classes if each in new_ids)
        for question, classes in questions.items()
    }
    touched = {name for name, classes in questions.items() if kept[name] != tuple(classes)}
    frame, made = _rewritten(answers, kept, new_ids, extra, touched)
    used = frame["question_id"].map(lambda name: bool(made[name])).to_numpy(bool)
    return (
        frame[used].reset_index(drop=True),
        {name: classes for name, classes in made.items() if classes},
    )


def keep_last(
    answers: pd.DataFrame, questions: Questions
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Of two votes of one annotator on one class of an image, keep the later.

    They come about where somebody was asked again after a change.

    Args:
        answers: ``tables.ANSWERS``, each row in the terms of the present taxonomy.
        questions: classes of each question.

    Returns:
        The same rows, where need be to questions without the class, and the questions' classes.
    """
    answers = answers.reset_index(drop=True)
    votes = _Votes.of(answers, questions)
    submitted = answers["submitted"].fillna("").to_numpy(str)
    dropped: dict[int, set[str]] = {}
    for class_id in dict.fromkeys(name for classes in questions.values() for name in classes):
        cast = votes.on(class_id)
        twice = cast[cast.duplicated("key", keep=False)]
        if len(twice):
            ordered = twice.assign(submitted=submitted[twice["row"]]).sort_values(
                ["submitted", "row"], kind="stable"
            )
            for row in ordered[ordered.duplicated("key", keep="last")]["row"]:
                dropped.setdefault(int(row), set()).add(class_id)
    if not dropped:
        return answers, {name: tuple(classes) for name, classes in questions.items()}
    made = {name: tuple(classes) for name, classes in questions.items()}
    question_ids = answers["question_id"].to_numpy(object).copy()
    ticked = answers["ticked"].to_numpy(object).copy()
    for row, gone in dropped.items():
        before = question_ids[row]
        question_ids[row] = "-".join([before, *sorted(gone)])
        made[question_ids[row]] = tuple(each for each in made[before] if each not in gone)
        ticked[row] = [each for each in ticked[row] if each not in gone]
    return answers.assign(
        question_id=pd.Series(question_ids, dtype=object), ticked=pd.Series(ticked, dtype=object)
    ), made


@dataclass(frozen=True)
class _Votes:
    """Answers by question, for the votes on single classes."""

    answers: pd.DataFrame
    questions: Questions
    rows: Mapping[str, Indices]
    keys: Indices  # of each row: its image and annotator, as one number
    images: Indices

    @classmethod
    def of(cls, answers: pd.DataFrame, questions: Questions) -> _Votes:
        images, _ = pd.factorize(answers["image_id"])
        people, names = pd.factorize(answers["annotator_id"])
        cast = np.flatnonzero(~answers["skipped"].to_numpy(bool))
        found = (
            answers["question_id"].iloc[cast].groupby(answers["question_id"].iloc[cast].to_numpy())
        )
        rows = {str(name): cast[np.asarray(places)] for name, places in found.indices.items()}
        return cls(
            answers,
            questions,
            rows,
            images.astype(np.int64) * max(len(names), 1) + people,
            images.astype(np.int64),
        )

    def on(self, class_id: str) -> pd.DataFrame:
        """Votes on one old class: ``row``, ``key``, ``image`` and ``vote``."""
        rows = [
            self.rows[question]
            for question, classes in self.questions.items()
            if class_id in classes and question in self.rows
        ]
        row = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        ticked = self.answers["ticked"].to_numpy(object)[row]
        yes = np.fromiter((class_id in each for each in ticked), bool, len(row))
        unsure = self.answers["unsure"].to_numpy(bool)[row]
        vote = np.where(yes, YES, np.where(unsure, UNSURE, NO))
        return pd.DataFrame(
            {"row": row, "key": self.keys[row], "image": self.images[row], "vote": vote}
        )


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({"row": pd.Series([], dtype=np.int64), "vote": [], "name": []})


def _compose(name: str, step: Step, votes: _Votes, voted_no: VotedNo) -> pd.DataFrame:
    """Votes on a new class: ``row`` (the answer that it stands in from now on) and ``vote``.

    A vote stands in an answer that said so itself, whose other boxes therefore fit it: a yes in one
    with a tick, an unsure in one that was unsure.
    """
    parts = []
    for source in step.sources[name]:
        found = votes.on(source.id)
        if not source.whole:
            found = _only_no(found, source.id, voted_no)
        parts.append(found.assign(source=source.id))
    cast = pd.concat(parts, ignore_index=True)
    # For each annotator and image the strongest vote: yes before unsure before no.
    best = cast.sort_values(["vote", "row"], ascending=[False, True], kind="stable")
    best = best.drop_duplicates("key")
    covering = step.covering(name)
    asked = cast[cast["source"].isin(covering)].groupby("key")["source"].nunique()
    complete = best["key"].map(asked).fillna(0).to_numpy() == len(covering)
    kept: pd.DataFrame = best.loc[complete | (best["vote"] == YES).to_numpy(), ["row", "vote"]]
    return kept


def _only_no(found: pd.DataFrame, class_id: str, voted_no: VotedNo) -> pd.DataFrame:
    """The votes that are no, on images that were voted no as a whole."""
    images, at = np.unique(found["image"].to_numpy(np.int64), return_inverse=True)
    count = [
        np.bincount(at[(found["vote"] == vote).to_numpy()], minlength=len(images))
        for vote in (YES, NO)
    ]
    denied = voted_no(class_id, *count)
    return found[denied[at] & (found["vote"] != YES).to_numpy()]


def _rewritten(
    answers: pd.DataFrame,
    kept: Mapping[str, tuple[str, ...]],
    new_ids: Mapping[str, str],
    extra: pd.DataFrame,
    touched: set[str],
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Answers with the classes that their questions keep, and what was composed beside them."""
    added: dict[int, list[tuple[str, int]]] = {}
    for row, vote, name in extra[["row", "vote", "name"]].itertuples(index=False):
        added.setdefault(int(row), []).append((name, int(vote)))
    questions = dict(kept)
    question_ids = answers["question_id"].to_numpy(object).copy()
    ticked = answers["ticked"].to_numpy(object).copy()
    for row in np.flatnonzero(answers["question_id"].isin(touched)):
        question, more = question_ids[row], added.get(int(row), ())
        names = [name for name, _ in more]
        question_ids[row] = "+".join([question, *names])
        questions[question_ids[row]] = (*kept[question], *names)
        ticked[row] = list(_ticks(ticked[row], new_ids, more))
    frame = answers.assign(
        question_id=pd.Series(question_ids, dtype=object), ticked=pd.Series(ticked, dtype=object)
    )
    return frame, questions


def _ticks(
    before: Sequence[str], new_ids: Mapping[str, str], more: Sequence[tuple[str, int]]
) -> Iterator[str]:
    named: dict[str, Any] = {new_ids[each]: None for each in before if each in new_ids}
    named.update({name: None for name, vote in more if vote == YES})
    yield from sorted(named)
