"""Answers carried to a changed taxonomy: tables by hand, and laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.labels.votes import count_votes
from annotate.migration.carry import Step, carry_answers, keep_last
from annotate.taxonomy.diff import Source

QUESTIONS = {"q01": ("dog", "cat", "lamp"), "q02": ("pool", "sea")}
SAME = {name: (Source(name, True),) for classes in QUESTIONS.values() for name in classes}
Row = tuple[str, str, str, list[str], str]


def table(rows: list[Row]) -> pd.DataFrame:
    """Rows of (image, question, annotator, ticked, "" or unsure or skipped)."""
    return pd.DataFrame(
        {
            "image_id": [row[0] for row in rows],
            "question_id": [row[1] for row in rows],
            "annotator_id": [row[2] for row in rows],
            "ticked": pd.Series([row[3] for row in rows], dtype=object),
            "none": [not row[3] and not row[4] for row in rows],
            "unsure": pd.Series([row[4] == "unsure" for row in rows], dtype=bool),
            "skipped": pd.Series([row[4] == "skipped" for row in rows], dtype=bool),
            "submitted": pd.Series(
                [f"2026-01-01T00:00:{at:02}.000Z" for at in range(len(rows))], dtype=object
            ),
            "seconds": pd.Series(1.0, index=range(len(rows)), dtype="float32"),
        }
    )


def majority_no(_: str, yes: Any, no: Any) -> Any:
    return no > yes


def counts(
    rows: list[Row], sources: dict[str, tuple[Source, ...]], above: Any = None
) -> dict[tuple[str, str], tuple[int, int, int]]:
    """(yes, no, unsure) of each image and class after the change; three zeros are left out."""
    carried, questions = carry_answers(
        table(rows), QUESTIONS, Step(sources, above or {}), majority_no
    )
    votes = count_votes(carried, questions)
    cells = np.stack([votes.yes, votes.no, votes.unsure], axis=-1)
    return {
        (image, name): tuple(cells[row, column].tolist())
        for row, image in enumerate(votes.image_ids)
        for column, name in enumerate(votes.class_ids)
        if cells[row, column].any()
    }


def without(*names: str) -> dict[str, tuple[Source, ...]]:
    return {name: found for name, found in SAME.items() if name not in names}


def test_a_new_id_takes_the_votes_along() -> None:
    rows: list[Row] = [("i", "q01", "ann", ["dog"], ""), ("i", "q01", "bob", [], "")]
    found = counts(rows, {**without("dog"), "hound": (Source("dog", True),)})
    assert found == {("i", "hound"): (1, 1, 0), ("i", "cat"): (0, 2, 0), ("i", "lamp"): (0, 2, 0)}


def test_merged_classes_are_a_no_only_where_all_are() -> None:
    rows: list[Row] = [
        ("i", "q01", "ann", ["dog"], ""),  # dog: yes
        ("i", "q01", "bob", [], ""),  # neither
        ("i", "q01", "cy", ["lamp"], "unsure"),  # unsure of both
    ]
    pets = (Source("dog", True), Source("cat", True))
    assert counts(rows, {**without("dog", "cat"), "pets": pets}) == {
        ("i", "lamp"): (1, 2, 0),
        ("i", "pets"): (1, 1, 1),
    }


def test_merging_over_questions_needs_both_answers_for_a_no() -> None:
    rows: list[Row] = [
        ("i", "q01", "ann", [], ""),  # cat: no; never asked for the pool
        ("i", "q01", "bob", [], ""),
        ("i", "q02", "bob", [], ""),  # no to both
        ("i", "q02", "cy", ["pool"], ""),  # a yes is enough
        ("i", "q01", "di", [], ""),
        ("i", "q02", "di", ["sea"], "unsure"),  # unsure of the pool
        ("j", "q01", "bob", [], ""),
    ]
    both = (Source("cat", True), Source("pool", True))
    found = counts(rows, {**without("cat", "pool"), "both": both})
    assert found["i", "both"] == (1, 1, 1)
    assert ("j", "both") not in found
    assert found["i", "sea"] == (1, 2, 0)
    assert found["i", "dog"] == (0, 3, 0)


def test_a_class_folded_into_its_parent_needs_only_the_parents_no() -> None:
    rows: list[Row] = [
        ("i", "q02", "ann", [], ""),  # the parent sea: no; never asked for its child lamp
        ("i", "q01", "bob", ["lamp"], ""),
    ]
    sea = (Source("sea", True), Source("lamp", True))
    found = counts(rows, {**without("sea", "lamp"), "sea": sea}, {"lamp": ("sea",)})
    assert found["i", "sea"] == (1, 1, 0)


def test_a_split_carries_a_no_and_nothing_of_a_yes() -> None:
    parts = {name: (Source("pool", False),) for name in ("indoor", "outdoor")}
    rows: list[Row] = [
        ("denied", "q02", "ann", [], ""),
        ("denied", "q02", "bob", ["pool", "sea"], ""),
        ("denied", "q02", "cy", [], "unsure"),
        ("denied", "q02", "di", [], ""),
        ("shown", "q02", "ann", ["pool"], ""),
        ("shown", "q02", "bob", [], ""),
    ]
    assert counts(rows, {**without("pool"), **parts}) == {
        ("denied", "sea"): (1, 2, 1),
        ("denied", "indoor"): (0, 2, 1),
        ("denied", "outdoor"): (0, 2, 1),
        ("shown", "sea"): (0, 2, 0),  # and nobody was asked for the parts
    }


def test_votes_on_a_removed_class_go_and_nothing_else() -> None:
    rows: list[Row] = [("i", "q02", "ann", ["pool"], ""), ("i", "q01", "ann", [], "skipped")]
    assert counts(rows, without("pool")) == {("i", "sea"): (0, 1, 0)}
    gone = carry_answers(table(rows), QUESTIONS, Step(without("pool", "sea"), {}), majority_no)
    assert list(gone[0]["question_id"]) == ["q01"]


def test_of_two_votes_of_one_annotator_the_later_stands() -> None:
    questions = {**QUESTIONS, "q03": ("dog", "sea")}
    rows: list[Row] = [
        ("i", "q01", "ann", ["dog", "lamp"], ""),
        ("i", "q03", "ann", [], ""),
        ("i", "q01", "bob", ["dog"], ""),
        ("j", "q03", "bob", [], ""),
    ]
    kept, made = keep_last(table(rows), questions)
    votes = count_votes(kept, made)
    at = votes.class_ids.index("dog")
    assert votes.yes[:, at].tolist() == [1, 0]
    assert votes.no[:, at].tolist() == [1, 1]
    assert votes.yes[0, votes.class_ids.index("lamp")] == 1
    assert len(kept) == len(rows)


@st.composite
def answers(draw: Any) -> list[Row]:
    keys = draw(
        st.sets(
            st.tuples(
                st.sampled_from(["i", "j"]),
                st.sampled_from(list(QUESTIONS)),
                st.sampled_from(["ann", "bob", "cy"]),
            ),
            min_size=1,
        )
    )
    return [
        (
            *key,
            sorted(draw(st.sets(st.sampled_from(QUESTIONS[key[1]])))),
            draw(st.sampled_from(["", "", "unsure"])),
        )
        for key in sorted(keys)
    ]


@given(answers())
@settings(max_examples=50, deadline=None)
def test_without_a_change_nothing_changes(rows: list[Row]) -> None:
    carried, questions = carry_answers(table(rows), QUESTIONS, Step(SAME, {}), majority_no)
    pd.testing.assert_frame_equal(carried, table(rows), check_dtype=False)
    assert questions == QUESTIONS


@given(answers())
@settings(max_examples=100, deadline=None)
def test_composed_votes_equal_those_of_each_person_by_herself(rows: list[Row]) -> None:
    """One person at a time, by the definition: any yes, else any unsure, else all no."""
    merged = (Source("cat", True), Source("pool", True))
    found = counts(rows, {**without("cat", "pool"), "both": merged})
    expected: dict[str, list[int]] = {}
    for image in ("i", "j"):
        for person in ("ann", "bob", "cy"):
            said = []
            for name in ("cat", "pool"):
                for row in rows:
                    if row[0] == image and row[2] == person and name in QUESTIONS[row[1]]:
                        said.append("yes" if name in row[3] else row[4] or "no")
            if "yes" in said:
                expected.setdefault(image, [0, 0, 0])[0] += 1
            elif len(said) == 2:
                expected.setdefault(image, [0, 0, 0])[2 if "unsure" in said else 1] += 1
    assert {
        image: list(cell) for (image, name), cell in found.items() if name == "both"
    } == expected
