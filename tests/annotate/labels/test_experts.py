"""Experts' labels: what follows from them, and that no vote overrules them. Worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from annotate.answers.packed import from_frame
from annotate.labels.consolidate import decide_labels
from annotate.labels.decisions import UNKNOWN, label_frame
from annotate.labels.experts import close_experts, expert_labels
from annotate.labels.result import Basis, label_answers
from tests.annotate.labels.test_consolidate import DEFAULTS, TREE, rows_of, votes_of


def test_experts_decide_and_what_follows_is_theirs() -> None:
    votes = votes_of(
        {
            ("i1", "indoor"): (5, 0, 0),
            ("i1", "water"): (5, 0, 0),
            ("i1", "snow"): (5, 0, 0),
            ("i2", "sea"): (0, 5, 0),
            ("i2", "water"): (0, 5, 0),
            ("i3", "sea"): (5, 0, 0),
        },
        ("water", "snow", "sea", "indoor"),
    )
    golden = pd.DataFrame(
        [("i1", "pool", 0), ("i2", "sea", 1), ("i4", "snow", 1), ("i1", "gone", 1)],
        columns=["image_id", "class_id", "label"],
    )
    experts = close_experts(golden, TREE)
    labels = rows_of(label_frame(decide_labels(votes, TREE, DEFAULTS, None, experts)))
    assert {key: (label, how) for key, (label, _, how) in labels.items()} == {
        # no pool, so no indoor pool, whatever five people say; of water she said nothing
        ("i1", "pool"): (0, "golden"),
        ("i1", "indoor"): (0, "golden"),
        ("i1", "water"): (1, "voted"),
        ("i1", "snow"): (1, "voted"),
        # the sea, so water, although nobody saw either
        ("i2", "sea"): (1, "golden"),
        ("i2", "water"): (1, "golden"),
        # no expert: as the votes say
        ("i3", "sea"): (1, "voted"),
        ("i3", "water"): (1, "propagated"),
        # an image without votes
        ("i4", "snow"): (1, "golden"),
    }


def test_yes_to_a_class_beats_no_to_its_parent() -> None:
    golden = pd.DataFrame(
        [("i1", "water", 0), ("i1", "sea", 1)], columns=["image_id", "class_id", "label"]
    )
    experts = close_experts(golden, TREE)
    found = dict(zip(experts.class_ids, experts.label[0].tolist(), strict=True))
    assert found == {"water": 1, "sea": 1, "pool": 0, "indoor": 0}


def test_of_what_nobody_voted_on_nothing_is_taken_over() -> None:
    votes = votes_of({("i2", "sea"): (0, 5, 0), ("i4", "sea"): (0, 5, 0)}, ("snow", "sea"))
    golden = pd.DataFrame(
        [("i1", "sea", 1), ("i3", "sea", 1), ("i4", "sea", 1), ("i9", "sea", 1)],
        columns=["image_id", "class_id", "label"],
    )
    said = expert_labels(close_experts(golden, TREE), votes)
    assert said.tolist() == [[UNKNOWN, UNKNOWN], [UNKNOWN, 1]]


@pytest.mark.parametrize("method", ["majority", "dawid-skene", "pooled-dawid-skene"])
def test_experts_of_images_without_votes_change_no_other_image(method: str) -> None:
    rng = np.random.default_rng(1)
    rows = [
        (f"i{image}", "q", f"w{person}", ["sea"] if rng.random() < image / 8 else [], False, False)
        for image in range(0, 8, 2)
        for person in range(5)
    ]
    columns = ["image_id", "question_id", "annotator_id", "ticked", "unsure", "skipped"]
    answers = from_frame(pd.DataFrame(rows, columns=columns))
    golden = pd.DataFrame(
        [(name, "sea", int(name < "i5")) for name in ("a", "i3", "i5", "z")],
        columns=["image_id", "class_id", "label"],
    )
    basis = Basis({"q": ("sea",)}, TREE, replace(DEFAULTS, method=method))
    alone = rows_of(label_frame(label_answers(answers, basis)[1]))
    experts = close_experts(golden, TREE)
    beside = rows_of(label_frame(label_answers(answers, replace(basis, experts=experts))[1]))
    assert {key: beside[key] for key in alone} == alone
    found = {key: label for key, (label, _, how) in beside.items() if how == "golden"}
    assert found == {
        **{("a", name): 1 for name in ("sea", "water")},
        **{("i3", name): 1 for name in ("sea", "water")},
        ("i5", "sea"): 0,
        ("z", "sea"): 0,
    }
