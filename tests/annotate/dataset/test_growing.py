"""A dataset that grows: splits are final, groups whole, and bridges reported."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.dataset.splits import METHODS
from tests.annotate.dataset.made import build, catalog_of, labels_of, many


def test_splits_stay_and_new_images_follow_their_property() -> None:
    labels, catalog = many(400)
    old = catalog["image_id"] < "i0200"
    first = build(labels[labels["image_id"] < "i0200"], catalog[old])
    second = build(labels, catalog, first.splits)
    before, after = (b.images.set_index("image_id") for b in (first, second))
    for column in ("split", "group_id"):
        pd.testing.assert_series_equal(after.loc[before.index, column], before[column])
    assert second.images.groupby("property_id")["split"].nunique().max() == 1
    third = build(labels, catalog, second.splits, seed=99)
    pd.testing.assert_frame_equal(third.images, second.images)


def test_an_image_that_comes_back_has_its_split_and_holds_its_group_meanwhile() -> None:
    labels, catalog = many(60, properties=6)
    first = build(labels, catalog)
    split_of = first.images.set_index("image_id")["split"]
    kept = ["i0001", "i0002"]
    few = build(labels[labels["image_id"].isin(kept)], catalog, first.splits)
    assert few.images["image_id"].tolist() == kept
    assert len(few.splits) == 60
    again = build(labels, catalog, few.splits)
    pd.testing.assert_frame_equal(again.images, first.images)
    # A property whose old images are all gone still decides where its new ones go.
    owner = catalog.set_index("image_id").loc["i0000", "property_id"]
    new = catalog_of(["new"], properties=[owner])
    extended = build(labels_of({("new", "snow"): 1}), pd.concat([catalog, new]), first.splits)
    assert extended.images["split"].tolist() == [split_of["i0000"]]


def test_a_new_near_duplicate_that_bridges_splits_is_in_none_and_reported() -> None:
    ids = [f"i{at:02d}" for at in range(40)]
    catalog = catalog_of(ids)
    first = build(labels_of({(i, "snow"): 1 for i in ids}), catalog)
    splits = first.images.set_index("image_id")["split"]
    old = catalog.set_index("image_id")["perceptual_hash"]
    one, other = splits.index[splits == "train"][0], splits.index[splits == "test"][0]
    # Four bits from either: a picture between the two.
    far = [at for at in range(64) if (int(old[one], 16) ^ int(old[other], 16)) >> at & 1]
    near = int(old[one], 16)
    for at in far[: len(far) - 8]:
        near ^= 1 << at
    moved = catalog.copy()
    moved.loc[moved["image_id"] == one, "perceptual_hash"] = f"{near:016x}"
    for at in far[len(far) - 8 : len(far) - 4]:
        near ^= 1 << at
    new = catalog_of(["new", "plain"], hashes=[f"{near:016x}", "00ff00ff00ff00ff"])
    labels = labels_of({(i, "snow"): 1 for i in [*ids, "new", "plain"]})
    second = build(labels, pd.concat([moved, new]), first.splits)
    assert second.stats["bridging"] == ["new"]
    assert any("look like images of several splits" in text for text in second.stats["warnings"])
    after = second.images.set_index("image_id")["split"]
    assert set(after.index) == {*ids, "plain"}
    pd.testing.assert_series_equal(after[splits.index], splits)
    assert "new" not in set(second.splits["image_id"])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=4), st.sampled_from(METHODS))
def test_splits_are_final_and_groups_whole_however_the_images_come(
    steps: list[int], method: str
) -> None:
    labels, catalog = many(sum(steps), properties=20)
    stored, former = None, pd.Series(dtype=object)
    for end in np.cumsum(steps):
        kept = catalog["image_id"].iloc[:end]
        built = build(labels[labels["image_id"].isin(kept)], catalog[:end], stored, split=method)
        table = built.images.set_index("image_id")
        assert table.loc[former.index, "split"].tolist() == former.tolist()
        assert table.groupby("property_id")["split"].nunique().max() == 1
        assert table.groupby("group_id")["split"].nunique().max() == 1
        stored, former = built.splits, table["split"]


def test_a_group_that_new_images_join_across_splits_is_named() -> None:
    ids = [f"i{at:02d}" for at in range(40)]
    first = build(labels_of({(i, "snow"): 1 for i in ids}), catalog_of(ids))
    splits = first.images.set_index("image_id")["split"]
    one, other = splits.index[splits == "train"][0], splits.index[splits == "test"][0]
    joined = ["hotel" if i in (one, other) else None for i in ids]
    second = build(
        labels_of({(i, "snow"): 1 for i in ids}), catalog_of(ids, properties=joined), first.splits
    )
    assert any("several splits" in warning for warning in second.stats["warnings"])
    pd.testing.assert_series_equal(second.images["split"], first.images["split"])
