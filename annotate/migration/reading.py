"""Answers of all ages in terms of the present taxonomy and its questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.answers.coded import Coded
from annotate.answers.packed import Packed, from_frame, to_frame
from annotate.answers.packing import Answers
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
    answers: Answers, present: Questions, history: History, settings: ConsolidateSettings
) -> tuple[Answers, dict[str, tuple[str, ...]]]:
    """Carry checked answers through all migrations since they were given.

    Args:
        answers: to present questions and to :func:`former_questions`.
        present: classes of the present questions.
        history: all migrations.
        settings: the default threshold and the least number of votes, by which an image counts as
            voted no for a class that was split.

    Returns:
        The answers, and the classes of all their questions. Only those to questions that are asked
        no longer, and later ones about the same classes, ever become texts and lists.
    """
    packed = answers.packed
    former = former_questions(history, present)
    made: dict[str, tuple[str, ...]] = {name: tuple(ids) for name, ids in present.items()}
    is_former = _to_questions(packed, former)
    if not is_former.any():
        return answers, made
    carried, known = _carried(to_frame(packed.take(np.flatnonzero(is_former))), history, settings)
    used = set(carried["question_id"])
    known = {name: ids for name, ids in known.items() if name in used}
    touched = {name for ids in known.values() for name in ids}
    shared = {name: ids for name, ids in made.items() if touched.intersection(ids)}
    is_shared = _to_questions(packed, shared)
    later = to_frame(packed.take(np.flatnonzero(is_shared)))
    rows = pd.concat([carried, later], ignore_index=True) if len(later) else carried
    rows, changed = keep_last(rows, {**known, **shared})
    rest = packed.take(np.flatnonzero(~(is_former | is_shared)))
    return replace(answers, packed=_joined(rest, _packed(rows))), {**made, **changed}


def _to_questions(packed: Packed, questions: Questions) -> npt.NDArray[np.bool_]:
    named = np.array([name in questions for name in packed.question.values], bool)
    return named[packed.question.codes]


def _carried(
    answers: pd.DataFrame, history: History, settings: ConsolidateSettings
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Old answers, step by step: each enters with the migration that closed its question."""
    last = {name: migration for migration in history for name in migration.questions}
    carried = answers.iloc[:0]
    known: dict[str, tuple[str, ...]] = {}
    for migration in history:
        own = {name: ids for name, ids in migration.questions.items() if last[name] is migration}
        rows = answers[answers["question_id"].isin(own)]
        pool = pd.concat([carried, rows], ignore_index=True) if len(carried) else rows
        pool, asked = keep_last(pool, {**known, **own})
        carried, known = carry_answers(pool, asked, migration.step, _voted_no(migration, settings))
    return carried, known


def _packed(rows: pd.DataFrame) -> Packed:
    return replace(
        from_frame(rows),
        none=rows["none"].to_numpy(bool),
        submitted=Coded.of(rows["submitted"].fillna("")),
        seconds=rows["seconds"].to_numpy(np.float32),
    )


def _joined(one: Packed, other: Packed) -> Packed:
    """Two tables as one, sorted by image, question and annotator."""
    table = Packed.join([one, other])
    order = np.lexsort((table.annotator.codes, table.question.codes, table.image.codes))
    return table.take(order)


def _voted_no(migration: Migration, settings: ConsolidateSettings) -> VotedNo:
    def voted_no(class_id: str, yes: Indices, no: Indices) -> Any:
        limit = migration.thresholds.get(class_id, settings.vote_threshold)
        counts = (yes.astype(np.int16)[:, None], no.astype(np.int16)[:, None])
        return decide(*counts, [limit], settings)[:, 0] == 0

    return voted_no
