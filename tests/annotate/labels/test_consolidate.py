"""Labels from votes: by hand, against crowd-kit, and laws that hold for every vote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotate.answers.files import RawAnswers
from annotate.answers.packing import check_answers
from annotate.errors import InputError
from annotate.labels.consolidate import UNKNOWN, consolidate, decide, decide_labels, propagate
from annotate.labels.lacking import Wanted, find_lacking
from annotate.labels.summary import summarise
from annotate.labels.votes import Votes, count_votes
from annotate.settings import ConsolidateSettings
from annotate.tables import LABELS, read, write
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

CROWD = next(
    parent.parent / "shared" / "data" / "crowd"
    for parent in Path(__file__).resolve().parents
    if (parent / "pyproject.toml").is_file()
)
DEFAULTS = ConsolidateSettings()


def taxonomy_of(**classes: dict[str, Any]) -> Taxonomy:
    """Classes by id, each with the attributes given."""
    return Taxonomy(
        "test",
        "1",
        (Category("all", "All"),),
        tuple(TaxonomyClass(name, name, "all", **more) for name, more in classes.items()),
    )


# water > pool > indoor; water > sea; indoor also below inside. inside is never asked.
TREE = taxonomy_of(
    water={},
    inside={},
    pool={"parents": ("water",)},
    sea={"parents": ("water",)},
    indoor={"parents": ("pool", "inside"), "vote_threshold": 0.4},
    snow={"exclusive_with": ("sea",)},
)
QUESTIONS = {"q01": ("water", "snow"), "q02": ("pool", "sea"), "q03": ("indoor",)}


def votes_of(table: dict[tuple[str, str], tuple[int, int, int]], classes: tuple[str, ...]) -> Votes:
    """From {(image, class): (yes, no, unsure)}."""
    images = sorted({image for image, _ in table})
    counts = np.zeros((3, len(images), len(classes)), np.int16)
    for (image, name), cell in table.items():
        counts[:, images.index(image), classes.index(name)] = cell
    return Votes(tuple(images), tuple(classes), *counts)


def rows_of(labels: Any) -> dict[tuple[str, str], tuple[Any, ...]]:
    """{(image, class): (label, rate, decided)}."""
    return {
        (row.image_id, row.class_id): (
            None if pd.isna(row.label) else int(row.label),
            None if pd.isna(row.rate) else row.rate,
            row.decided,
        )
        for row in labels.itertuples()
    }


def test_by_hand(tmp_path: Path) -> None:
    votes = votes_of(
        {
            ("i1", "water"): (0, 5, 0),
            ("i1", "indoor"): (2, 3, 0),
            ("i1", "pool"): (1, 1, 3),
            ("i2", "water"): (3, 2, 0),
            ("i2", "sea"): (2, 3, 0),
            ("i2", "pool"): (2, 0, 3),
            ("i3", "snow"): (0, 0, 5),
        },
        ("water", "snow", "pool", "sea", "indoor"),
    )
    labels = consolidate(votes, TREE, DEFAULTS)
    assert rows_of(labels) == {
        # 2 of 5 reach the 0.4 of indoor; all above it follows, asked or not, whatever the votes
        ("i1", "indoor"): (1, 0.4, "voted"),
        ("i1", "pool"): (1, 0.5, "propagated"),
        ("i1", "water"): (1, 0.0, "propagated"),
        ("i1", "inside"): (1, None, "propagated"),
        ("i2", "water"): (1, 0.6, "voted"),
        ("i2", "sea"): (0, 0.4, "voted"),
        ("i2", "pool"): (None, 1.0, "unknown"),
        ("i3", "snow"): (None, None, "unknown"),
    }
    assert labels["class_id"].tolist()[:4] == ["water", "inside", "pool", "indoor"]
    write(LABELS, labels, tmp_path / "labels.parquet")
    assert rows_of(read(LABELS, tmp_path / "labels.parquet")) == rows_of(labels)


def test_thresholds_are_exact() -> None:
    yes, no = (grid.ravel().astype(np.int16) for grid in np.mgrid[0:30, 0:30])
    for percent in range(1, 101):
        limits = [percent / 100]
        found = decide(yes[:, None], no[:, None], limits, ConsolidateSettings(min_votes=1))[:, 0]
        for y, n, label in zip(yes.tolist(), no.tolist(), found.tolist(), strict=True):
            expected = 100 * y >= percent * (y + n) if y + n else UNKNOWN
            assert label == expected, (percent, y, n)


@pytest.mark.parametrize(
    "wrong",
    [
        {"vote_threshold": 0.0},
        {"vote_threshold": 1.01},
        {"min_votes": 0},
        {"vote_threshold": float("nan")},
    ],
)
def test_settings_that_decide_nothing(wrong: Any) -> None:
    with pytest.raises(InputError):
        consolidate(
            votes_of({("i", "sea"): (1, 1, 1)}, ("sea",)), TREE, ConsolidateSettings(**wrong)
        )


def test_no_votes_at_all() -> None:
    nothing = Votes((), ("sea",), *np.zeros((3, 0, 1), np.int16))
    assert consolidate(nothing, TREE, DEFAULTS).empty


masks = arrays(bool, (4, len(TREE.ids)))


@given(masks)
def test_propagation_is_idempotent_and_closed(positive: npt.NDArray[np.bool_]) -> None:
    once = propagate(positive, TREE.ids, TREE)
    np.testing.assert_array_equal(propagate(once, TREE.ids, TREE), once)
    assert (once >= positive).all()
    closure = np.array(TREE.closure_rows())
    np.testing.assert_array_equal(once, (positive.astype(int) @ closure) > 0)


@given(masks, masks)
def test_propagation_is_monotone(one: Any, more: Any) -> None:
    assert (propagate(one | more, TREE.ids, TREE) >= propagate(one, TREE.ids, TREE)).all()


counts = arrays(np.int16, (3, 3, 5), elements=st.integers(0, 6))
ASKED = ("water", "snow", "pool", "sea", "indoor")


@settings(max_examples=60)
@given(counts, st.integers(0, 2), st.integers(0, 4))
def test_one_more_yes_never_turns_a_yes_to_no(cells: Any, image: Any, column: int) -> None:
    before = Votes(("i1", "i2", "i3"), ASKED, *cells)
    yes = before.yes.copy()
    yes[image, column] += 1
    after = Votes(before.image_ids, ASKED, yes, before.no, before.unsure)
    old, new = (rows_of(consolidate(v, TREE, DEFAULTS)) for v in (before, after))
    for key, (label, _, _) in old.items():
        if label == 1:
            assert new[key][0] == 1, key


@settings(max_examples=30)
@given(st.randoms(use_true_random=False))
def test_names_and_order_of_annotators_are_irrelevant(random: Any) -> None:
    def answers(names: list[str], shuffled: bool) -> pd.DataFrame:
        lines = []
        for at, image in enumerate(["i1", "i2"]):
            for number, name in enumerate(names):
                content = {
                    question: {**{c: (number + at + k) % 3 == 0 for k, c in enumerate(classes)}}
                    for question, classes in QUESTIONS.items()
                }
                content = {q: {**b, "__none__": not any(b.values())} for q, b in content.items()}
                lines.append(
                    RawAnswers("a", 1, image, [{"workerId": name, "answerContent": content}])
                )
        if shuffled:
            random.shuffle(lines)
        return check_answers(lines, QUESTIONS, {"i1", "i2"}).answers

    names = ["ann", "bob", "cy", "di", "ed"]
    renamed = random.sample(["v", "w", "x", "y", "z"], 5)
    one, other = (
        consolidate(count_votes(table, QUESTIONS), TREE, DEFAULTS)
        for table in (answers(names, False), answers(renamed, True))
    )
    pd.testing.assert_frame_equal(one, other)


def _crowd_answers(frame: pd.DataFrame) -> pd.DataFrame:
    """Binary crowd answers as answers to a question with one class."""
    return pd.DataFrame(
        {
            "image_id": frame["item"].astype(str),
            "question_id": "q",
            "annotator_id": frame["worker"],
            "ticked": [["sea"] if value else [] for value in frame["answer"]],
            "unsure": False,
            "skipped": False,
        }
    )


def _majority(frame: pd.DataFrame) -> pd.Series[int]:
    from crowdkit.aggregation import MajorityVote

    table = frame.rename(columns={"item": "task", "answer": "label"})[["task", "worker", "label"]]
    return MajorityVote().fit_predict(table)


def _labels_of(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.Index[str]]:
    votes = count_votes(_crowd_answers(frame), {"q": ("sea",)})
    labels = consolidate(votes, TREE, ConsolidateSettings(min_votes=1, vote_threshold=0.5))
    labels = labels[labels["class_id"] == "sea"].set_index("image_id")
    untied = labels.index[labels["yes"] != labels["no"]]
    return labels, untied


@pytest.mark.filterwarnings("ignore")
def test_equals_crowd_kits_majority_where_there_is_one() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        [(item, f"w{w}", int(rng.random() < 0.4)) for item in range(200) for w in range(5)],
        columns=["item", "worker", "answer"],
    )
    majority = _majority(frame)
    votes = count_votes(_crowd_answers(frame), {"q": ("sea",)})
    # Of five votes the majority is three, which is the default 0.6 exactly.
    table = consolidate(votes, TREE, DEFAULTS)
    labels = table[table["class_id"] == "sea"].set_index("image_id")["label"]
    majority.index = majority.index.astype(str)
    assert (labels.astype(int) == majority.loc[labels.index]).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "accuracy"), [("bluebirds", 0.75), ("rte", 0.85)])
def test_real_crowds(name: str, accuracy: float) -> None:
    if not (CROWD / name).is_dir():
        pytest.skip("the shared crowd answers are not here")
    frame = pd.read_csv(CROWD / name / "votes.csv")
    gold = pd.read_csv(CROWD / name / "gold.csv").set_index("item")["answer"]
    labels, untied = _labels_of(frame)
    majority = _majority(frame)
    for series in (gold, majority):
        series.index = series.index.astype(str)
    assert len(untied) > 0.9 * len(labels)
    assert (labels.loc[untied, "label"].astype(int) == majority.loc[untied]).all()
    assert (labels["label"].astype(int) == gold.loc[labels.index]).mean() > accuracy


def test_summary_names_conflicts_and_short_images() -> None:
    def answer(worker: Any, *ticked: str) -> dict[str, Any]:
        content = {
            question: {name: name in ticked for name in classes}
            for question, classes in QUESTIONS.items()
        }
        content = {q: {**b, "__none__": not any(b.values())} for q, b in content.items()}
        return {"workerId": worker, "answerContent": content}

    full = [answer(f"w{at}", "sea", "snow") for at in range(4)] + [answer("w4", "sea", "water")]
    found = [
        RawAnswers("a", 1, "i1", full),
        RawAnswers(
            "a", 2, "i2", [answer("w0", "pool"), answer("w1", "pool"), answer("w2", "water")]
        ),
        RawAnswers("a", 3, "i9", [answer("w0")]),
    ]
    answers = check_answers(found, QUESTIONS, {"i1", "i2"})
    votes = count_votes(answers.answers, QUESTIONS)
    labels = consolidate(votes, TREE, DEFAULTS)
    decisions = decide_labels(votes, TREE, DEFAULTS)
    summary = summarise(answers.packed, answers.rejects, votes, decisions, TREE)
    assert summary["images"] == 2
    assert summary["reasons"] == {"unknown image": 1}
    lacking = find_lacking(votes, QUESTIONS, answers, Wanted(5))
    assert lacking.summary == {"images": 1, "wanted": 5, "examples": ["i2"]}
    assert summary["conflicts"]["exclusive"] == [
        {"classes": ["sea", "snow"], "images": 1, "examples": ["i1"]}
    ]
    assert summary["conflicts"]["parent_voted_no"] == [
        {"child": "pool", "parent": "water", "images": 1, "examples": ["i2"]},
        {"child": "sea", "parent": "water", "images": 1, "examples": ["i1"]},
    ]
    assert summary["positives"] == int((labels["label"] == 1).sum())
    assert summary["classes"]["sea"] == {"positive": 1, "negative": 1, "unknown": 0}
