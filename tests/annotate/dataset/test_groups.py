"""What may not be separated, and what would tie splits together: worked by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from annotate.dataset.groups import Grouping, group_for_splits
from annotate.dataset.splits import FREE

A, A1, B, B1, C = "0" * 16, "0" * 15 + "1", "f" * 16, "f" * 15 + "e", "5" * 16
NOTHING = pd.DataFrame({"image_id": [], "property_id": [], "perceptual_hash": []}, dtype=object)


def group(rows: dict[str, tuple[Any, Any]], stored: dict[str, tuple[str, str]]) -> Grouping:
    """From {image: (property, hash)} and {image: (group, split)}."""
    frame = pd.DataFrame(
        [(name, *row) for name, row in rows.items()],
        columns=["image_id", "property_id", "perceptual_hash"],
        dtype=object,
    )
    former = pd.DataFrame(
        [(name, *row) for name, row in stored.items()],
        columns=["image_id", "group_id", "split"],
        dtype=object,
    )
    return group_for_splits(frame, NOTHING, former, 1)


def test_groups_hang_together_by_chains() -> None:
    found = group(
        {
            "0": (None, A),
            "1": ("hotel", A1),
            "2": ("hotel", B),
            "3": ("other", None),
            "4": ("", C),
            "5": (None, "a" * 16),
        },
        {"4": ("g", "test"), "5": ("g", "test")},
    )
    # 0 looks like 1, which shares a property with 2; 4 and 5 were grouped before; 3 is alone.
    assert found.group.tolist() == [0, 0, 0, 3, 4, 4]
    assert found.ids == ["0", "0", "0", "3", "g", "g"]
    assert found.fixed.tolist() == [FREE] * 4 + [2, 2]
    assert not found.bridging.any()
    assert found.crossing == 0


def test_a_new_image_that_looks_like_two_splits_is_in_none() -> None:
    close = [
        "0" * 16,
        "0" * 15 + "1",
        "0" * 15 + "3",
    ]  # neighbours differ in one bit, the ends in two
    found = group(
        {"a": ("p", close[0]), "new": (None, close[1]), "z": ("q", close[2]), "also": ("p", B)},
        {"a": ("a", "train"), "z": ("z", "test")},
    )
    assert found.bridging.tolist() == [False, True, False, False]
    assert found.ids == ["a", "new", "z", "a"]
    assert found.crossing == 1


def test_of_a_hotel_in_train_only_the_photo_that_looks_like_test_is_in_none() -> None:
    found = group(
        {"a": ("p", A), "twin": ("p", B1), "fine": ("p", C), "z": ("q", B), "more": ("q", None)},
        {"a": ("a", "train"), "z": ("z", "test")},
    )
    assert found.bridging.tolist() == [False, True, False, False, False]
    assert found.ids == ["a", "a", "a", "z", "z"]


def test_a_new_hotel_between_two_splits_loses_the_photos_that_tie() -> None:
    found = group(
        {"a": (None, A), "z": (None, B), "r1": ("r", A1), "r2": ("r", B1), "r3": ("r", C)},
        {"a": ("a", "train"), "z": ("z", "validation")},
    )
    assert found.bridging.tolist() == [False, False, True, True, False]


def test_a_property_whose_images_were_split_apart_takes_no_new_one() -> None:
    found = group(
        {"a": ("p", A), "z": ("p", B), "new": ("p", C)},
        {"a": ("a", "train"), "z": ("z", "test")},
    )
    assert found.bridging.tolist() == [False, False, True]
    assert found.crossing == 1


def test_old_images_never_are_left_out() -> None:
    found = group({"a": (None, A), "z": (None, A)}, {"a": ("a", "train"), "z": ("z", "test")})
    assert not found.bridging.any()
    assert found.crossing == 1


IMAGES = st.lists(
    st.tuples(
        st.sampled_from([None, "p", "q", "r"]),
        st.sampled_from([None, A, A1, "0" * 15 + "3", B, B1, C]),
        st.sampled_from([None, None, "train", "validation", "test"]),
    ),
    max_size=12,
)


@given(IMAGES)
def test_what_stays_ties_no_splits_together(rows: list[tuple[Any, Any, Any]]) -> None:
    names = [f"i{at:02d}" for at in range(len(rows))]
    images = {name: row[:2] for name, row in zip(names, rows, strict=True)}
    stored = {name: (name, row[2]) for name, row in zip(names, rows, strict=True) if row[2]}
    found = group(images, stored)
    # A new image that stays has one settled split in its group at most, and so have all images
    # that it shows the property of or looks like.
    for at, name in enumerate(names):
        if name in stored or found.bridging[at]:
            continue
        near = [
            other
            for other in range(len(rows))
            if not found.bridging[other]
            and (found.group[other] == found.group[at] or _alike(rows[at], rows[other]))
        ]
        assert len({rows[other][2] for other in near} - {None}) <= 1


def _alike(one: tuple[Any, Any, Any], other: tuple[Any, Any, Any]) -> bool:
    if one[0] and one[0] == other[0]:
        return True
    hashes = (one[1], other[1])
    return None not in hashes and (int(hashes[0], 16) ^ int(hashes[1], 16)).bit_count() <= 1
