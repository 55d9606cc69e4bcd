"""Dawid-Skene against crowd-kit, a plain loop over votes, and real crowds with gold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.answers.packed import Packed, from_frame
from annotate.labels.consolidate import UNKNOWN
from annotate.labels.dawid_skene import SMALLEST, dawid_skene
from annotate.labels.votes import count_votes
from tests.annotate.labels.test_consolidate import CROWD

QUESTIONS = {"q1": ("a", "b"), "q2": ("c",)}
# After a migration a class is in several questions: "q1+" is of other images, "q9" of the same.
MIGRATED = {**QUESTIONS, "q1+": ("b", "a"), "q9": ("c", "b")}
CLASSES = ("a", "b", "c")


def random_answers(seed: int, images: int = 40, *, unsure: bool = False) -> pd.DataFrame:
    """Answers of people of different skill; each image is answered by four of seven."""
    rng = np.random.default_rng(seed)
    truth = rng.random((images, 3)) < 0.4
    rows = []
    for image in range(images):
        for person in rng.permutation(7)[:4]:
            flips = rng.random(3) < 0.05 + 0.06 * person
            said = dict(zip(CLASSES, truth[image] ^ flips, strict=True))
            for question, classes in QUESTIONS.items():
                ticked = [name for name in classes if said[name]]
                doubt = unsure and rng.random() < 0.2
                rows.append((f"i{image:03d}", question, f"w{person}", ticked, doubt, False))
    columns = ["image_id", "question_id", "annotator_id", "ticked", "unsure", "skipped"]
    return pd.DataFrame(rows, columns=columns)


def long_votes(answers: Any) -> pd.DataFrame:
    """A row per yes and no."""
    return pd.DataFrame(
        [
            (row.image_id, name, row.annotator_id, int(name in row.ticked))
            for row in answers.itertuples()
            for name in MIGRATED[row.question_id]
            if name in row.ticked or not row.unsure
        ],
        columns=["image", "class", "worker", "label"],
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("unsure", [False, True])
@pytest.mark.parametrize("iterations", [1, 2, 20])
def test_per_class_equals_crowd_kit(iterations: int, unsure: bool) -> None:
    from crowdkit.aggregation import DawidSkene

    answers = random_answers(iterations, unsure=unsure)
    packed = from_frame(answers)
    votes = count_votes(packed, QUESTIONS)
    found = dawid_skene(packed, QUESTIONS, votes, iterations=iterations, near=-1)
    assert found.iterations == iterations
    long = long_votes(answers)
    for at, name in enumerate(votes.class_ids):
        own = long[long["class"] == name].rename(columns={"image": "task"})
        peer = DawidSkene(iterations, tol=-1).fit_predict_proba(own[["task", "worker", "label"]])
        rows = [votes.image_ids.index(image) for image in peer.index]
        np.testing.assert_allclose(found.probability[rows, at], peer[1].to_numpy(), atol=1e-6)
        unasked = np.setdiff1d(np.arange(len(votes.image_ids)), rows)
        assert np.isnan(found.probability[unasked, at]).all()


def migrated(answers: pd.DataFrame) -> pd.DataFrame:
    """The same answers, of half of the images to another question with the same classes."""
    moved = (answers["question_id"] == "q1") & (answers["image_id"] >= "i020")
    return answers.assign(question_id=answers["question_id"].mask(moved, "q1+"))


@pytest.mark.parametrize("pooled", [False, True])
def test_a_class_in_two_questions_is_one_class(pooled: bool) -> None:
    answers = random_answers(4, unsure=True)
    one, other = (
        dawid_skene(packed, asked, count_votes(packed, asked), pooled=pooled)
        for packed, asked in (
            (from_frame(answers), QUESTIONS),
            (from_frame(migrated(answers)), MIGRATED),
        )
    )
    np.testing.assert_allclose(other.probability, one.probability, atol=1e-9)
    np.testing.assert_allclose(other.sensitivity, one.sensitivity, atol=1e-9)
    np.testing.assert_allclose(other.specificity, one.specificity, atol=1e-9)


def plain_pooled(long: Any, iterations: int) -> dict[tuple[str, str], float]:
    """The same model with errors shared over classes, vote by vote in plain loops."""
    cells = list(dict.fromkeys(zip(long["image"], long["class"], strict=True)))
    by_cell: dict[Any, list[Any]] = {cell: [] for cell in cells}
    for row in long.itertuples():
        by_cell[row.image, row[2]].append((row.worker, row.label))
    belief = {c: float(np.mean([label for _, label in said])) for c, said in by_cell.items()}
    for _ in range(iterations):
        sums: dict[Any, float] = {}
        for cell, said in by_cell.items():
            for worker, label in said:
                for state, share in ((1, belief[cell]), (0, 1 - belief[cell])):
                    key = (worker, state, label)
                    sums[key] = sums.get(key, 0.0) + share
        sums = {key: max(value, SMALLEST) for key, value in sums.items()}
        prevalence = {
            name: float(np.mean([belief[c] for c in cells if c[1] == name])) for name in CLASSES
        }
        for cell, said in by_cell.items():
            odds = {1: prevalence[cell[1]], 0: 1 - prevalence[cell[1]]}
            for worker, label in said:
                for state in odds:
                    total = sum(sums.get((worker, state, other), 0.0) for other in (0, 1))
                    odds[state] *= sums[worker, state, label] / total
            belief[cell] = odds[1] / (odds[0] + odds[1])
    return belief


def asked_again(answers: pd.DataFrame) -> pd.DataFrame:
    """Migrated answers, and a second vote of each person on two classes of every image."""
    again = answers[answers["question_id"] == "q2"].assign(question_id="q9", unsure=False)
    return pd.concat([migrated(answers), again], ignore_index=True)


@pytest.mark.parametrize("iterations", [1, 5])
@pytest.mark.parametrize("more", [lambda answers: answers, migrated, asked_again])
def test_pooled_equals_a_plain_loop(more: Any, iterations: int) -> None:
    answers = more(random_answers(3, unsure=True))
    packed = from_frame(answers)
    votes = count_votes(packed, MIGRATED)
    found = dawid_skene(packed, MIGRATED, votes, pooled=True, iterations=iterations, near=-1)
    for (image, name), value in plain_pooled(long_votes(answers), iterations).items():
        row, column = votes.image_ids.index(image), votes.class_ids.index(name)
        assert found.probability[row, column] == pytest.approx(value, abs=1e-9)


def test_known_labels_stay_and_teach() -> None:
    packed = from_frame(random_answers(5))
    votes = count_votes(packed, QUESTIONS)
    fixed = np.full(votes.yes.shape, UNKNOWN, np.int8)
    fixed[0], fixed[1] = 1, 0
    found = dawid_skene(packed, QUESTIONS, votes, fixed=fixed)
    np.testing.assert_array_equal(found.probability[:2], [[1, 1, 1], [0, 0, 0]])
    assert found.converged


PEOPLE = ("w0", "w1", "w2", "w3")
# (image, question, person) and what was said; few, so that odd ones come up: one person, no yes.
some_answers = st.dictionaries(
    st.tuples(st.sampled_from("xyz"), st.sampled_from(sorted(QUESTIONS)), st.sampled_from(PEOPLE)),
    st.tuples(st.sets(st.sampled_from(CLASSES)), st.booleans()),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25)
@given(some_answers, st.permutations(PEOPLE), st.randoms(use_true_random=False), st.booleans())
def test_names_and_order_are_irrelevant(said: Any, names: Any, random: Any, pooled: bool) -> None:
    def frame(cells: Any, called: Any) -> pd.DataFrame:
        rows = [
            (image, question, called[person], sorted(ticked & {*QUESTIONS[question]}), doubt)
            for (image, question, person), (ticked, doubt) in cells
        ]
        columns = ["image_id", "question_id", "annotator_id", "ticked", "unsure"]
        return pd.DataFrame(rows, columns=columns).assign(skipped=False)

    cells, other = list(said.items()), dict(zip(PEOPLE, names, strict=True))
    tables = (
        frame(cells, {person: person for person in PEOPLE}),
        frame(random.sample(cells, len(cells)), other),
    )
    found = []
    for answers in tables:
        packed = from_frame(answers)
        votes = count_votes(packed, QUESTIONS)
        # Few rounds: rounding, which order changes, is not yet magnified.
        estimate = dawid_skene(packed, QUESTIONS, votes, pooled=pooled, iterations=4, near=-1)
        found.append((votes, packed.annotator.values, estimate))
    (votes, people, one), (other_votes, other_people, two) = found
    assert (votes.image_ids, votes.class_ids) == (other_votes.image_ids, other_votes.class_ids)
    np.testing.assert_allclose(one.probability, two.probability, atol=1e-9)
    np.testing.assert_allclose(one.prevalence, two.prevalence, atol=1e-9)
    rows = [other_people.index(other[person]) for person in people]
    np.testing.assert_allclose(one.sensitivity, two.sensitivity[rows], atol=1e-9)
    np.testing.assert_allclose(one.specificity, two.specificity[rows], atol=1e-9)


def test_names_and_order_are_irrelevant_until_it_settles() -> None:
    answers = random_answers(9)
    other = answers.sample(frac=1, random_state=1).replace({"w0": "zoe", "w3": "abe"})
    one, two = (
        dawid_skene(packed, QUESTIONS, count_votes(packed, QUESTIONS)).probability
        for packed in (from_frame(answers), from_frame(other))
    )
    np.testing.assert_allclose(one, two, atol=1e-9)


def crowd(name: str) -> tuple[Packed, pd.Series[int]]:
    if not (CROWD / name).is_dir():
        pytest.skip("the shared crowd answers are not here")
    votes = pd.read_csv(CROWD / name / "votes.csv", dtype={"item": str})
    gold = pd.read_csv(CROWD / name / "gold.csv", dtype={"item": str}).set_index("item")["answer"]
    frame = pd.DataFrame(
        {
            "image_id": votes["item"],
            "question_id": "q2",
            "annotator_id": votes["worker"],
            "ticked": [["c"] if value else [] for value in votes["answer"]],
            "unsure": False,
            "skipped": False,
        }
    )
    return from_frame(frame), gold


@pytest.mark.parametrize("name", ["bluebirds", "rte"])
def test_not_worse_than_voting_on_real_crowds(name: str) -> None:
    packed, gold = crowd(name)
    asked = {"q2": ("c",)}
    votes = count_votes(packed, asked)
    truth = gold.loc[list(votes.image_ids)].to_numpy() == 1
    rate = (votes.yes / (votes.yes + votes.no))[:, 0]
    for pooled in (False, True):
        belief = dawid_skene(packed, asked, votes, pooled=pooled).probability[:, 0]
        accuracy = ((belief >= 0.5) == truth).mean()
        assert accuracy >= ((rate >= 0.5) == truth).mean()
        assert accuracy >= ((rate >= 0.6) == truth).mean()
