"""Experts' labels: what follows from them, and that no vote overrules them. Worked by hand."""

from __future__ import annotations

import pandas as pd

from annotate.labels.consolidate import decide_labels
from annotate.labels.decisions import label_frame
from annotate.labels.experts import close_experts
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
