"""What training saw of the properties of a split, counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from annotate import tables
from annotate.dataset.learned import write_learned
from annotate.settings import Settings
from annotate.workspace import Workspace
from mumic.report.separation import Separation, separation
from mumic.run import Run

#         picture, property, group, split
APART = [
    ("a", "inn", "g1", "train"),
    ("b", "inn", "g1", "train"),
    ("c", "spa", "g2", "validation"),
    ("d", "bar", "g3", "test"),
    ("e", "pub", "g4", "test"),
]
Rows = Sequence[tuple[str, str | None, str, str]]


def _found(root: Path, rows: Rows, learned: Rows | None = None, split: str = "test") -> Separation:
    """``learned``: what the run was trained with, if not these rows."""
    workspace = Workspace(root, Settings())
    names = ["content_hash", "property_id", "group_id", "split"]
    images: list[dict[str, Any]] = [
        dict(zip(names, row, strict=True))
        | {"image_id": row[0], "uri": row[0], "text": None, "labels": [], "rates": []}
        for row in rows
    ]
    tables.write(tables.DATASET, pd.DataFrame(images), workspace.dataset / "images.parquet")
    run = Run(workspace.runs / "one", {}, (), ())
    if learned is not None:
        write_learned(run.path, pd.DataFrame(learned, columns=names))
    return separation(workspace, run, split)


def test_properties_that_are_all_known_and_apart_are_new(tmp_path: Path) -> None:
    for learned in (None, APART):
        found = _found(tmp_path, list(APART), learned)
        assert found == Separation(images=2, trained=2)
        assert found.new_properties
        assert (found.resampled, found.notes()) == ("whole properties", [])


@pytest.mark.parametrize(
    "row",
    [
        ("e", "inn", "g1", "test"),  # as an import's own splits can have it
        ("e", "pub", "g1", "test"),  # a near copy
        ("a", "pub", "g4", "test"),  # the same picture
    ],
)
def test_an_image_that_shares_anything_with_training_is_counted(
    tmp_path: Path, row: tuple[str, str, str, str]
) -> None:
    found = _found(tmp_path, [*APART[:4], row])
    assert found == Separation(images=2, trained=2, shared=1)
    assert not found.new_properties


def test_images_without_a_property_prove_nothing(tmp_path: Path) -> None:
    """A folder of photos: each is its own group, so that no two share one."""
    alone: Rows = [(name, None, f"own-{name}", split) for name, _, _, split in APART]
    found = _found(tmp_path, alone)
    assert found == Separation(images=2, trained=2, nameless=2, trained_nameless=2)
    assert not found.new_properties
    assert found.resampled.startswith("whole groups of near copies")
    some = _found(tmp_path, [*APART[:4], alone[4]])
    assert some == Separation(images=2, trained=2, nameless=1)
    assert not some.new_properties
    assert "1 of 2 images name no property" in some.resampled


def test_what_a_run_learned_from_counts_wherever_it_is_now(tmp_path: Path) -> None:
    moved: Rows = [("c", "bar", "g3", "train"), ("gone", "inn", "g1", "train")]
    rows = [*APART[:2], ("c", "bar", "g3", "validation"), *APART[3:]]
    found = _found(tmp_path, rows, [*APART[:2], *moved])
    # The picture that is no longer there may have been of any property.
    assert found == Separation(images=2, trained=4, shared=1, trained_nameless=1)
    assert replace(found, shared=0).new_properties is False
