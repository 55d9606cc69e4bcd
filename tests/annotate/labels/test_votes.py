"""Counting votes without building them, against a count that builds every one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.labels.votes import count_votes

QUESTIONS = {"q01": ("dog", "cat"), "q02": ("pool", "sea", "snow")}


Row = tuple[str, str, str, list[str], bool]


def answers_table(rows: Any) -> pd.DataFrame:
    """Rows of (image, question, annotator, ticked, unsure) as the table of answers."""
    return pd.DataFrame(
        {
            "image_id": [row[0] for row in rows],
            "question_id": [row[1] for row in rows],
            "annotator_id": [row[2] for row in rows],
            "ticked": [list(row[3]) for row in rows],
            "none": [not row[3] and not row[4] for row in rows],
            "unsure": pd.Series([row[4] for row in rows], dtype=bool),
            "skipped": pd.Series([False] * len(rows), dtype=bool),
        }
    )


@st.composite
def answer_rows(draw: Any) -> list[Row]:
    keys = draw(
        st.sets(
            st.tuples(
                st.sampled_from(["i1", "i2", "i3"]),
                st.sampled_from(list(QUESTIONS)),
                st.sampled_from(["ann", "bob", "cy", "di", "ed"]),
            ),
            min_size=1,
        )
    )
    return [
        (*key, sorted(draw(st.sets(st.sampled_from(QUESTIONS[key[1]])))), draw(st.booleans()))
        for key in sorted(keys)
    ]


def _long_count(rows: Any) -> dict[tuple[str, str, str], int]:
    counts: dict[tuple[str, str, str], int] = {}
    for image, question, _, ticked, unsure in rows:
        for name in QUESTIONS[question]:
            vote = "yes" if name in ticked else "unsure" if unsure else "no"
            counts[image, name, vote] = counts.get((image, name, vote), 0) + 1
    return counts


@settings(max_examples=60)
@given(answer_rows())
def test_equals_a_count_of_every_vote(rows: Any) -> None:
    votes = count_votes(answers_table(rows), QUESTIONS)
    expected = _long_count(rows)
    for vote in ("yes", "no", "unsure"):
        for row, image in enumerate(votes.image_ids):
            for column, name in enumerate(votes.class_ids):
                found = getattr(votes, vote)[row, column]
                assert found == expected.get((image, name, vote), 0), (image, name, vote)


def test_by_hand() -> None:
    rows = [
        ("i1", "q01", "ann", ["dog"], False),
        ("i1", "q01", "bob", [], False),
        ("i1", "q01", "cy", ["dog"], True),  # sure of the dog, not of the cat
        ("i2", "q02", "ann", ["sea", "snow"], False),
    ]
    votes = count_votes(answers_table(rows), QUESTIONS)
    assert votes.image_ids == ("i1", "i2")
    assert votes.class_ids == ("dog", "cat", "pool", "sea", "snow")
    np.testing.assert_array_equal(votes.yes, [[2, 0, 0, 0, 0], [0, 0, 0, 1, 1]])
    np.testing.assert_array_equal(votes.no, [[1, 2, 0, 0, 0], [0, 0, 1, 0, 0]])
    np.testing.assert_array_equal(votes.unsure, [[0, 1, 0, 0, 0], [0, 0, 0, 0, 0]])


def test_skipped_answers_and_no_answers_give_nothing() -> None:
    table = answers_table([("i1", "q01", "ann", ["dog"], False)])
    votes = count_votes(table.assign(skipped=True), QUESTIONS)
    assert votes.image_ids == ()
    assert votes.yes.shape == (0, 5)
