"""Catalogues, labels and datasets of them, made up in a line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from annotate.dataset.build import STORED_SPLITS, Dataset, build_dataset
from annotate.settings import DatasetSettings
from annotate.tables import empty
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

TAXONOMY = Taxonomy(
    "test",
    "1",
    (Category("all", "All"),),
    (
        TaxonomyClass("water", "Water", "all", "some water"),
        TaxonomyClass("pool", "Pool", "all", "a pool", parents=("water",), prompt="description"),
        TaxonomyClass("indoor", "Indoor pool", "all", parents=("pool",)),
        TaxonomyClass("snow", "Snow", "all"),
    ),
)
YAML = """\
version: 1
name: Test
categories: [{id: all, name: All}]
classes:
  - {id: water, name: Water, category: all, description: some water, queries: [a, b]}
  - {id: snow, name: Snow, category: all, description: snow, queries: [a, b]}
"""
SETTINGS = DatasetSettings(missing="allow")


def catalog_of(
    ids: list[str], *, properties: Any = None, hashes: Any = None, present: bool = True
) -> pd.DataFrame:
    """A catalogue whose pictures differ in many bits."""
    rng = np.random.default_rng(7)
    far = [f"{int(value):016x}" for value in rng.integers(0, 2**63, len(ids))]
    return pd.DataFrame(
        {
            "image_id": ids,
            "uri": [f"photos/{i}.jpg" for i in ids],
            "bytes": 1,
            "width": 8,
            "height": 8,
            "orientation": 1,
            "content_hash": [f"hash-{i}" for i in ids],
            "perceptual_hash": hashes or far,
            "property_id": properties or [None] * len(ids),
            "text": [f"caption {i}" for i in ids],
            "present": present,
        }
    )


def labels_of(cells: Any) -> pd.DataFrame:
    """From {(image, class): label}; the rate follows from the label."""
    rates = {1: 0.8, 0: 0.2, None: None}
    frame = pd.DataFrame(
        [(*key, label, rates[label]) for key, label in cells.items()],
        columns=["image_id", "class_id", "label", "rate"],
    )
    return frame.assign(
        label=frame["label"].astype("Int8"),
        rate=frame["rate"].astype(float),
        yes=3,
        no=2,
        unsure=0,
        decided="voted",
    )


def build(labels: Any, catalog: pd.DataFrame, stored: Any = None, **more: Any) -> Dataset:
    stored = empty(STORED_SPLITS) if stored is None else stored
    seed = more.pop("seed", 0)
    return build_dataset(labels, catalog, stored, TAXONOMY, replace(SETTINGS, **more), seed=seed)


def many(count: int, seed: int = 0, properties: int = 30) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Random labels of two classes and a catalogue with properties."""
    rng = np.random.default_rng(seed)
    ids = [f"i{at:04d}" for at in range(count)]
    owners = [f"p{at}" for at in rng.integers(0, properties, count)]
    cells = {(i, name): int(rng.random() < 0.4) for i in ids for name in ("water", "snow")}
    return labels_of(cells), catalog_of(ids, properties=owners)


def plain(column: Any) -> list[list[Any]]:
    return [[None if pd.isna(value) else value for value in row] for row in column]
