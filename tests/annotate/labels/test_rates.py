"""Voting rates against crowd-kit's, and answers with several choices against a plain count."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from annotate.answers.packed import from_frame
from annotate.labels.consolidate import consolidate
from annotate.labels.dawid_skene import dawid_skene
from annotate.labels.votes import count_votes
from annotate.settings import ConsolidateSettings
from tests.annotate.labels.test_consolidate import CROWD, QUESTIONS, taxonomy_of

FIGURES = Path(__file__).resolve().parents[3] / "docs" / "figures" / "crowds.json"


def answers_of(rows: list[tuple[str, str, str, list[str]]]) -> pd.DataFrame:
    """From (image, question, annotator, classes ticked); nobody is unsure or skips."""
    columns = ["image_id", "question_id", "annotator_id", "ticked"]
    return pd.DataFrame(rows, columns=columns).assign(unsure=False, skipped=False)


def long_votes(answers: pd.DataFrame, questions: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """A row per vote, as crowd-kit takes it."""
    rows = zip(*(answers[name] for name in answers.columns[:4]), strict=True)
    return pd.DataFrame(
        [
            (name, image, person, int(name in ticked))
            for image, question, person, ticked in rows
            for name in questions[question]
        ],
        columns=["class", "task", "worker", "label"],
    )


def majority_rates(votes: pd.DataFrame) -> dict[tuple[str, str], float]:
    """crowd-kit's share of yes of each image and class."""
    from crowdkit.aggregation import MajorityVote

    found: dict[tuple[str, str], float] = {}
    for name, own in votes.groupby("class"):
        shares = MajorityVote().fit_predict_proba(own)
        # An answer that nobody gave has no column.
        yes = shares.reindex(columns=[0, 1], fill_value=0.0)[1]
        found |= {(str(image), str(name)): value for image, value in yes.items()}
    return found


def assert_rates_equal_crowd_kit_s(
    answers: pd.DataFrame, questions: dict[str, tuple[str, ...]]
) -> None:
    votes = count_votes(answers, questions)
    classes = taxonomy_of(**{name: {} for name in votes.class_ids})
    table = consolidate(votes, classes, ConsolidateSettings(min_votes=1))
    rates = table.set_index(["image_id", "class_id"])["rate"]
    expected = majority_rates(long_votes(answers, questions))
    assert sorted(expected) == sorted(rates.index)
    np.testing.assert_allclose(rates, [expected[cell] for cell in rates.index], atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_rates_equal_crowd_kit_s() -> None:
    """One to nine people answer each question of an image."""
    rng = np.random.default_rng(0)
    rows = [
        (f"i{image:03d}", question, f"w{person}", [n for n in classes if rng.random() < 0.4])
        for image in range(80)
        for question, classes in QUESTIONS.items()
        for person in rng.permutation(12)[: rng.integers(1, 10)]
    ]
    assert_rates_equal_crowd_kit_s(answers_of(rows), QUESTIONS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["bluebirds", "rte"])
def test_rates_of_real_crowds_equal_crowd_kit_s(name: str) -> None:
    if not (CROWD / name).is_dir():
        pytest.skip("the shared crowd answers are not here")
    frame = pd.read_csv(CROWD / name / "votes.csv", dtype=str)
    said = zip(frame["item"], frame["worker"], frame["answer"], strict=True)
    rows = [(item, "q", worker, ["yes"] * (answer == "1")) for item, worker, answer in said]
    assert_rates_equal_crowd_kit_s(answers_of(rows), {"q": ("yes",)})


def key_frames() -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Real answers with several choices: 20 people on each of 50 frames."""
    folder = CROWD / "keyframes_multichoice"
    if not folder.is_dir():
        pytest.skip("the shared crowd answers are not here")
    options = tuple((folder / "options.txt").read_text("utf-8").split())
    with (folder / "answers.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            (row["item"], "q", row["worker"], [n for n in row["selected"].split("|") if n])
            for row in csv.DictReader(file)
        ]
    return answers_of(rows), {"q": options}


def test_real_multi_label_answers_equal_a_plain_count() -> None:
    answers, questions = key_frames()
    people: dict[str, int] = defaultdict(int)
    ticks: dict[tuple[str, str], int] = defaultdict(int)
    for image, ticked in zip(answers["image_id"], answers["ticked"], strict=True):
        people[image] += 1
        for name in ticked:
            ticks[image, name] += 1
    votes = count_votes(answers, questions)
    classes = taxonomy_of(**{name: {} for name in votes.class_ids})
    figures = json.loads(FIGURES.read_text("utf-8"))["multi_label"]
    for tenths, stated in ((5, "half"), (6, "share")):
        table = consolidate(votes, classes, ConsolidateSettings(vote_threshold=tenths / 10))
        found = {
            (row.image_id, row.class_id): (row.yes, row.no, row.label) for row in table.itertuples()
        }
        expected = {}
        for image, count in people.items():
            for name in questions["q"]:
                yes = ticks[image, name]
                expected[image, name] = (yes, count - yes, 10 * yes >= tenths * count)
        assert found == expected
        positives = sum(label for _, _, label in expected.values())
        assert figures["positives"][stated] == positives  # what the docs say


@pytest.mark.filterwarnings("ignore")
def test_real_multi_label_answers_equal_crowd_kit_s() -> None:
    from crowdkit.aggregation import DawidSkene

    answers, questions = key_frames()
    assert_rates_equal_crowd_kit_s(answers, questions)
    packed = from_frame(answers)
    votes = count_votes(packed, questions)
    found = dawid_skene(packed, questions, votes, iterations=5, near=-1).probability
    long = long_votes(answers, questions)
    # The most frequent, a rare one, and one that is ticked once.
    for name in ("Other", "Celebrity", "Lawyer", "Chef"):
        peer = DawidSkene(5, tol=-1).fit_predict_proba(long[long["class"] == name])
        own = pd.Series(found[:, votes.class_ids.index(name)], index=votes.image_ids)
        np.testing.assert_allclose(own[peer.index], peer[1], atol=1e-6)
