"""Each annotator's figures against counting by hand, vote by vote."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import precision_score, recall_score

from annotate.annotators.agreement import class_agreement, question_agreement
from annotate.annotators.facts import annotator_facts, find_tasks
from annotate.annotators.patterns import find_always_none, find_copies, find_strangers
from annotate.annotators.sheet import Sheet, make_sheet
from annotate.answers.packed import from_arrow, from_frame
from annotate.golden.strategies import measure_seconds
from annotate.labels.agreement import fleiss_kappa, gwet_ac1, nominal_alpha
from annotate.tables import ANSWERS

QUESTIONS = {"q1": ("a", "b", "c"), "q2": ("d", "e")}
CLASSES = ("a", "b", "c", "d", "e")
PEOPLE = ("ann", "bob", "cy", "dee", "eve", "flo", "gus")


def answers_of(seed: int, images: int = 40) -> tuple[pd.DataFrame, np.typing.NDArray[np.bool_]]:
    """Five of seven people on each image, some unsure, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.random((images, len(CLASSES))) < 0.3
    rows = []
    for image in range(images):
        for person in rng.permutation(len(PEOPLE))[:5]:
            ticks = np.where(truth[image], rng.random(5) < 0.8, rng.random(5) < 0.1)
            for question, classes in QUESTIONS.items():
                ticked = [name for name in classes if ticks[CLASSES.index(name)]]
                unsure = bool(rng.random() < 0.1)
                rows.append((f"i{image:03d}", question, PEOPLE[person], ticked, unsure, False))
    columns = ["image_id", "question_id", "annotator_id", "ticked", "unsure", "skipped"]
    return pd.DataFrame(rows, columns=columns), truth


def sheet_of(frame: pd.DataFrame, seconds: float = 10.0) -> Sheet:
    spent = np.full(len(frame), seconds, np.float32)
    return make_sheet(replace(from_frame(frame), seconds=spent), QUESTIONS)


def votes_by_hand(frame: pd.DataFrame) -> dict[tuple[str, str], dict[str, bool]]:
    """Yes and no of each annotator by image and class."""
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for row in frame.to_dict("records"):
        for name in QUESTIONS[row["question_id"]]:
            if name in row["ticked"] or not row["unsure"]:
                votes = found.setdefault((row["image_id"], name), {})
                votes[row["annotator_id"]] = name in row["ticked"]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_agreement_with_the_rest_equals_counting_pairs(seed: int) -> None:
    frame, _ = answers_of(seed)
    facts = annotator_facts(sheet_of(frame), None).set_index("annotator_id").to_dict("index")
    cells = votes_by_hand(frame)
    for me in PEOPLE:
        pairs = [
            (votes[me], said)
            for votes in cells.values()
            if me in votes
            for other, said in votes.items()
            if other != me
        ]
        equal = sum(mine == said for mine, said in pairs)
        assert facts[me]["agreement"] == pytest.approx(equal / len(pairs))
        both = sum(mine and said for mine, said in pairs)
        ticked = sum(mine for mine, _ in pairs) + sum(said for _, said in pairs)
        assert facts[me]["agreement_yes"] == pytest.approx(2 * both / ticked)


def test_work_and_golden_figures() -> None:
    frame, truth = answers_of(1)
    golden = truth.astype(np.int8)
    golden[::3] = -1
    facts = annotator_facts(sheet_of(frame), golden).set_index("annotator_id").to_dict("index")
    for name_of, rows in frame.groupby("annotator_id"):
        me = str(name_of)
        said, true, images = [], [], rows["image_id"].unique()
        for row in rows.to_dict("records"):
            for name in QUESTIONS[row["question_id"]]:
                label = golden[int(row["image_id"][1:]), CLASSES.index(name)]
                if label >= 0:
                    said.append(name in row["ticked"])
                    true.append(label == 1)
        assert facts[me]["golden_precision"] == pytest.approx(precision_score(true, said))
        assert facts[me]["golden_recall"] == pytest.approx(recall_score(true, said))
        assert facts[me]["golden_positives"] == sum(true)
        assert facts[me]["images"] == len(images)
        assert facts[me]["answers"] == len(rows)
        ticks = rows.groupby("image_id")["ticked"].agg(lambda lists: sum(map(len, lists)))
        assert facts[me]["none_share"] == pytest.approx((ticks == 0).mean())
        assert facts[me]["unsure_share"] == pytest.approx(rows["unsure"].mean())
    assert {row["seconds"] for row in facts.values()} == {10}
    assert annotator_facts(sheet_of(frame), None)["golden_recall"].isna().all()


def test_agreement_per_class_and_question_equals_the_measures_themselves() -> None:
    frame, _ = answers_of(2)
    sheet = sheet_of(frame)
    cells = votes_by_hand(frame)
    images = sorted(frame["image_id"].unique())

    def counts(classes: tuple[str, ...]) -> list[list[int]]:
        votes = [list(cells.get(key, {}).values()) for key in product(images, classes)]
        return [[sum(said), len(said) - sum(said)] for said in votes]

    by_class = class_agreement(sheet.votes).set_index("class_id")
    by_question = question_agreement(sheet.votes, QUESTIONS).set_index("question_id")
    asked: list[tuple[Any, tuple[str, ...]]] = [(by_class.loc[name], (name,)) for name in CLASSES]
    asked += [(by_question.loc[name], classes) for name, classes in QUESTIONS.items()]
    for row, classes in asked:
        table = counts(classes)
        assert row["alpha"] == pytest.approx(float(nominal_alpha(table)))
        assert row["kappa"] == pytest.approx(float(fleiss_kappa(table)))
        assert row["ac1"] == pytest.approx(float(gwet_ac1(table)))
        assert row["prevalence"] == pytest.approx(np.sum(table, axis=0)[0] / np.sum(table))


def test_who_never_ticks_is_found() -> None:
    frame, _ = answers_of(3, images=120)
    assert find_always_none(sheet_of(frame)) == []
    lazy = frame["annotator_id"] == "cy"
    frame.loc[lazy, "ticked"] = pd.Series([[] for _ in range(int(lazy.sum()))], frame.index[lazy])
    (found,) = find_always_none(sheet_of(frame))
    assert found.annotator_id == "cy"
    assert found.empty == found.tasks > 20


def test_who_clicks_at_random_is_found() -> None:
    frame, _ = answers_of(3, images=400)
    honest = annotator_facts(sheet_of(frame), None)
    assert not strangers_of(honest).any()
    mine = frame["annotator_id"] == "gus"
    rng = np.random.default_rng(0)
    clicks = [
        [name for name in QUESTIONS[question] if rng.random() < 0.1]
        for question in frame["question_id"][mine]
    ]
    frame.loc[mine, "ticked"] = pd.Series(clicks, frame.index[mine])
    facts = annotator_facts(sheet_of(frame), None)
    assert facts["annotator_id"][strangers_of(facts)].tolist() == ["gus"]


def test_few_images_and_few_people_are_not_judged() -> None:
    agreement = np.array([0.6, 0.6, 0.6, 0.1, np.nan])
    assert not find_strangers(agreement, np.array([50, 50, 50, 19, 50])).any()
    assert not find_strangers(agreement[[0, 1, 3]], np.array([50, 50, 50])).any()


def strangers_of(facts: pd.DataFrame) -> npt.NDArray[np.bool_]:
    return find_strangers(facts["agreement_yes"].to_numpy(float), facts["images"].to_numpy())


@pytest.mark.parametrize("seed", range(3))
def test_who_copies_is_found_and_who_only_agrees_is_not(seed: int) -> None:
    frame, _ = answers_of(seed, images=400)
    assert find_copies(sheet_of(frame)) == []
    source = frame[frame["annotator_id"] == "ann"].set_index(["image_id", "question_id"])["ticked"]
    mine = frame["annotator_id"] == "gus"
    keys = zip(frame["image_id"][mine], frame["question_id"][mine], strict=True)
    frame.loc[mine, "ticked"] = pd.Series(
        [source.get(key, own) for key, own in zip(keys, frame["ticked"][mine], strict=True)],
        frame.index[mine],
    )
    found = find_copies(sheet_of(frame))
    assert {frozenset((pair.annotator_id, pair.other_id)) for pair in found} == {
        frozenset(("ann", "gus"))
    }


def test_odd_ticks_by_hand() -> None:
    """Ann ticks "a" of twelve images; on eleven of them Bob does too, nobody else ever."""
    ticks = {"ann": 12, "bob": 11}
    rows = [
        (f"i{image:03d}", "q1", who, ["a"] if image < ticks.get(who, 0) else [], False, False)
        for image in range(12)
        for who in PEOPLE[:5]
    ]
    columns = ["image_id", "question_id", "annotator_id", "ticked", "unsure", "skipped"]
    found = find_copies(sheet_of(pd.DataFrame(rows, columns=columns)))
    assert [(pair.annotator_id, pair.other_id, pair.odd, pair.same) for pair in found] == [
        ("bob", "ann", 11, 11),
        ("ann", "bob", 12, 11),
    ]


def test_seconds_of_all_responses_to_an_image_add_up() -> None:
    rows = [
        # two questions of one response; then a child's, later; the same seconds by chance
        ("i1", "q1", "ann", "10:00", 8.0),
        ("i1", "q2", "ann", "10:00", 8.0),
        ("i1", "q3", "ann", "11:00", 8.0),
        ("i2", "q1", "ann", "10:01", 4.0),
        ("i2", "q3", "ann", "11:01", None),  # not known, so neither is the whole
        ("i3", "q1", "ann", "10:02", 2.0),
        ("i1", "q1", "bob", None, 1.0),  # without times, seconds tell responses apart
        ("i1", "q2", "bob", None, 1.0),
        ("i1", "q3", "bob", None, 3.0),
    ]
    names = ["image_id", "question_id", "annotator_id", "submitted", "seconds"]
    frame = pd.DataFrame(rows, columns=names).assign(none=True, unsure=False, skipped=False)
    frame["ticked"] = [[] for _ in rows]
    schema = pa.schema(list(ANSWERS.columns.items()))
    packed = from_arrow(pa.Table.from_pandas(frame, schema, preserve_index=False))
    sheet = make_sheet(packed, {"q1": ("a",), "q2": ("b",), "q3": ("c",)})
    tasks = find_tasks(sheet)
    found = {
        (sheet.names[person], sheet.votes.image_ids[image]): seconds
        for person, image, seconds in zip(tasks.annotator, tasks.image, tasks.seconds, strict=True)
    }
    assert np.isnan(found.pop(("ann", "i2")))
    assert found == {("ann", "i1"): 16, ("ann", "i3"): 2, ("bob", "i1"): 4}
    # As the comparison of plans adds them up.
    assert measure_seconds(frame).median == np.median([16, 2, 4])
