"""A dataset built once: its contents by hand, and what is refused or reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.dataset.build import DATASET_VOTES
from annotate.dataset.splits import METHODS
from annotate.errors import InputError
from annotate.tables import DATASET, read, write
from tests.annotate.dataset.made import build, catalog_of, labels_of, many, plain


def test_contents_by_hand(tmp_path: Path) -> None:
    labels = labels_of(
        {
            ("b", "snow"): 1,
            ("b", "water"): None,
            ("a", "snow"): 0,
            ("a", "indoor"): 1,
            ("a", "water"): 1,
        }
    )
    # propagated, never voted on: a label without a rate
    labels.loc[labels["class_id"] == "water", "rate"] = np.nan
    built = build(labels, catalog_of(["b", "a", "never-labelled"]))
    write(DATASET, built.images, tmp_path / "images.parquet")
    table = read(DATASET, tmp_path / "images.parquet")
    assert table["image_id"].tolist() == ["a", "b"]
    assert table["uri"].tolist() == ["photos/a.jpg", "photos/b.jpg"]
    assert table["text"].tolist() == ["caption a", "caption b"]
    assert [entry["id"] for entry in built.classes] == ["water", "indoor", "snow"]
    assert plain(table["labels"]) == [[1, 1, 0], [None, None, 1]]
    assert plain(table["rates"]) == [
        [None, pytest.approx(0.8), pytest.approx(0.2)],
        [None, None, pytest.approx(0.8)],
    ]
    # pool has no labels, so that the indoor pool stands directly below water
    assert built.classes[1]["parents"] == ["water"]
    assert built.classes[0] == {
        "id": "water",
        "name": "Water",
        "description": "some water",
        "category": "all",
        "parents": [],
        "prompt": "name",
    }
    assert built.stats["classes"]["snow"]["unknown"] == 0
    assert built.stats["classes"]["water"]["unknown"] == 1


def test_labels_that_votes_do_not_bear_out_have_no_rate() -> None:
    """By experts; and a yes whose reason, the indoor pool, is left out as too rare."""
    labels, catalog = many(100)
    labels["class_id"] = labels["class_id"].replace("water", "pool")
    made = {
        "i0000": (1, 0.2, "propagated"),
        "i0001": (1, 0.4, "golden"),
        "i0002": (0, 1.0, "golden"),
    }
    for image, said in made.items():
        row = (labels["image_id"] == image) & (labels["class_id"] == "pool")
        labels.loc[row, ["label", "rate", "decided"]] = said
    labels = pd.concat([labels, labels_of({("i0000", "indoor"): 1})])

    def rates(missing: str) -> list[Any]:
        return [row[0] for row in plain(build(labels, catalog, missing=missing).images["rates"])]

    assert rates("allow")[:3] == [pytest.approx(0.2), None, None]
    assert rates("leave-out")[:3] == [None, None, None]
    assert None not in rates("leave-out")[3:]


def test_every_image_has_a_split_and_no_property_crosses(tmp_path: Path) -> None:
    labels, catalog = many(400)
    built = build(labels, catalog)
    table = built.images
    assert set(table["split"]) == {"train", "validation", "test"}
    assert table.groupby("property_id")["split"].nunique().max() == 1
    assert table.groupby("group_id")["property_id"].nunique().max() == 1
    assert sum(built.stats["images"].values()) == 400
    for name in ("water", "snow"):
        positive = labels[(labels["class_id"] == name) & (labels["label"] == 1)]["image_id"]
        counts = table[table["image_id"].isin(positive)]["split"].value_counts()
        assert built.stats["classes"][name]["positive"] == counts.to_dict()
    assert built.stats["warnings"] == []


def test_near_duplicates_and_properties_are_one_group() -> None:
    hashes = ["0" * 16, "0" * 15 + "7", "f" * 16, "f0" * 8]
    catalog = catalog_of(list("abcd"), properties=["p", "q", "q", None], hashes=hashes)
    built = build(labels_of({(i, "snow"): 1 for i in "abcd"}), catalog)
    assert built.images["group_id"].tolist() == ["a", "a", "a", "d"]


def test_a_class_that_a_split_lacks_is_named() -> None:
    labels, catalog = many(100)
    rare = labels_of({("i0000", "indoor"): 1, ("i0001", "indoor"): 0})
    built = build(pd.concat([labels, rare]), catalog)
    named = [warning for warning in built.stats["warnings"] if "indoor" in warning]
    assert len(named) == 1
    assert sum(built.stats["classes"]["indoor"]["positive"].values()) == 1
    lacking = built.stats["missing"]["indoor"]
    assert len(lacking) == 2
    assert built.stats["classes"]["indoor"]["groups"] == 1
    for name, count in built.stats["classes"]["indoor"]["positive"].items():
        assert (count == 0) == (name in lacking)


def test_a_class_that_a_split_lacks_stops_the_build_with_ways_on() -> None:
    labels, catalog = many(100)
    rare = labels_of({("i0000", "indoor"): 1, ("i0001", "indoor"): 0, ("i0002", "pool"): 0})
    with pytest.raises(InputError) as refused:
        build(pd.concat([labels, rare]), catalog, missing="refuse")
    message = str(refused.value)
    assert "2 of 4 classes" in message
    assert "indoor: none in" in message
    assert "(1 positive in 1 group)" in message
    assert "pool: none in train and validation and test (0 positives in 0 groups)" in message
    assert "mine --class pool" in message
    assert "--missing leave-out" in message
    assert "--missing allow" in message
    built = build(pd.concat([labels, rare]), catalog, missing="leave-out")
    assert [entry["id"] for entry in built.classes] == ["water", "snow"]
    assert built.stats["classes_left_out"] == ["pool", "indoor"]
    assert any("pool, indoor" in text for text in built.stats["warnings"])
    pd.testing.assert_frame_equal(built.images, build(labels, catalog).images)


def test_a_class_without_a_chance_is_not_missed_in_a_split_of_share_zero() -> None:
    labels, catalog = many(100)
    built = build(labels, catalog, missing="refuse", train=0.8, validation=0.2, test=0.0)
    assert built.stats["missing"] == {}


@pytest.mark.parametrize("wrong", [{"missing": "ignore"}, {"split": "iterativ"}])
def test_settings_that_there_are_not(wrong: Any) -> None:
    with pytest.raises(InputError, match="set it to"):
        build(*many(20), **wrong)


def test_votes_and_how_each_label_was_decided(tmp_path: Path) -> None:
    labels = labels_of({("a", "snow"): 1, ("a", "water"): None, ("b", "snow"): 0})
    labels["decided"] = ["golden", "unknown", "voted"]
    labels["yes"], labels["no"] = [5, 1, 0], [0, 0, 4]
    built = build(labels, catalog_of(["a", "b"]))
    write(DATASET_VOTES, built.votes, tmp_path / "votes.parquet")
    votes = read(DATASET_VOTES, tmp_path / "votes.parquet")
    assert plain(votes["yes"]) == [[1, 5], [None, 0]]
    assert plain(votes["no"]) == [[0, 0], [None, 4]]
    assert plain(votes["decided"]) == [["unknown", "golden"], [None, "voted"]]


def test_images_without_a_property_are_named() -> None:
    labels, catalog = many(100)
    catalog.loc[:9, "property_id"] = None
    warnings = build(labels, catalog).stats["warnings"]
    assert len(warnings) == 1
    assert warnings[0].startswith("10 images name no property")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(METHODS))
def test_the_order_of_rows_changes_nothing(seed: int, method: str) -> None:
    labels, catalog = many(80, seed=seed % 7, properties=15)
    first = build(labels, catalog, split=method)
    rng = np.random.default_rng(seed)
    mixed = [frame.iloc[rng.permutation(len(frame))] for frame in (labels, catalog)]
    second = build(*mixed, split=method)
    pd.testing.assert_frame_equal(second.images, first.images)
    assert second.stats == first.stats


def test_a_group_too_large_to_balance_is_named() -> None:
    built = build(*many(100, properties=3))
    assert any("one group holds" in warning for warning in built.stats["warnings"])


def test_images_that_are_gone_are_left_out_and_counted() -> None:
    labels = labels_of({("a", "snow"): 1, ("b", "snow"): 1, ("c", "snow"): 1})
    catalog = catalog_of(["a", "b"])
    catalog.loc[1, "present"] = False
    built = build(labels, catalog)
    assert built.images["image_id"].tolist() == ["a"]
    assert built.stats["images_left_out"] == 2


@pytest.mark.parametrize("labels", [{("x", "snow"): 1}, {("a", "gone"): 1}])
def test_nothing_left(labels: Any) -> None:
    with pytest.raises(InputError, match="in the catalogue"):
        build(labels_of(labels), catalog_of(["a"]))
