"""Answers of all ages in terms of the present taxonomy and its questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from annotate.labels.consolidate import decide
from annotate.migration.carry import Indices, VotedNo, carry_answers, keep_last
from annotate.migration.record import Migration
from annotate.settings import ConsolidateSettings

Questions = Mapping[str, Sequence[str]]
History = Sequence[Migration]


def former_questions(history: History, present: Questions) -> dict[str, tuple[str, ...]]:
    """Classes of the questions of earlier plans that are asked no longer, in ids of their time.

    A migration gives a new id to every question that it changes, so an id says which classes were
    shown.
    """
    return {
        name: classes
        for migration in history
        for name, classes in migration.questions.items()
        if name not in present
    }


def in_present_terms(
    answers: pd.DataFrame, present: Questions, history: History, settings: ConsolidateSettings
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Carry checked answers through all migrations since they were given.

    Args:
        answers: ``tables.ANSWERS``, to present questions and to :func:`former_questions`.
        present: classes of the present questions.
        history: all migrations.
        settings: the default threshold and the least number of votes, by which an image counts as
            voted no for a class that was split.

    Returns:
        Answers sorted by image, question and annotator, and the classes of all their questions.
    """
    former = former_questions(history, present)
    made: dict[str, tuple[str, ...]] = {name: tuple(ids) for name, ids in present.items()}
    if not answers["question_id"].isin(former).any():
        return answers, made
    last = {name: migration for migration in history for name in migration.questions}
    carried = answers.iloc[:0]
    known: dict[str, tuple[str, ...]] = {}
    for migration in history:
        own = {name: former[name] for name in former if last[name] is migration}
        pool = pd.concat([carried, answers[answers["question_id"].isin(own)]], ignore_index=True)
        pool, asked = keep_last(pool, {**known, **own})
        carried, known = carry_answers(pool, asked, migration.step, _voted_no(migration, settings))
    everything = pd.concat([carried, answers[answers["question_id"].isin(made)]], ignore_index=True)
    used = set(carried["question_id"])
    made.update({name: ids for name, ids in known.items() if name in used})
    everything, made = keep_last(everything, made)
    order = ["image_id", "question_id", "annotator_id"]
    return everything.sort_values(order, kind="stable", ignore_index=True), made


def _voted_no(migration: Migration, settings: ConsolidateSettings) -> VotedNo:
    def voted_no(class_id: str, yes: Indices, no: Indices) -> Any:
        limit = migration.thresholds.get(class_id, settings.vote_threshold)
        counts = (yes.astype(np.int16)[:, None], no.astype(np.int16)[:, None])
        return decide(*counts, [limit], settings)[:, 0] == 0

    return voted_no
