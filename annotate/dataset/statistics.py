"""The numbers of a dataset: those that the paper gives of its own (MuMIC, "Dataset"), and more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.dataset.reading import DatasetArrays
from annotate.dataset.splits import SPLITS

MOST_PAIRS = 30
FEWEST_TOGETHER = 3

Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]


def statistics(dataset: DatasetArrays, category_names: Mapping[str, str]) -> dict[str, Any]:
    """Count everything once.

    Args:
        dataset: its labels.
        category_names: by id; a category that is not there is called by its id.

    Returns:
        ``images``, ``properties``, ``labels`` (positives, negatives, unknown), ``labels_per_image``
        (mean, median, most, histogram from 0), ``splits``, ``classes`` and ``categories`` (in the
        dataset's order), and ``together``: the pairs of classes that come together most above
        chance, without those that the hierarchy explains.
    """
    positive, known = dataset.positive, dataset.known
    negative = known & ~positive
    in_split = {name: (dataset.images["split"] == name).to_numpy(bool) for name in SPLITS}
    per_image = positive.sum(axis=1)
    return {
        "images": len(positive),
        "properties": int(dataset.images["property_id"].nunique()),
        "labels": _totals(positive, known),
        "labels_per_image": {
            "mean": float(per_image.mean()) if len(per_image) else 0.0,
            "median": float(np.median(per_image)) if len(per_image) else 0.0,
            "most": int(per_image.max(initial=0)),
            "histogram": np.bincount(per_image).tolist(),
        },
        "splits": {
            name: {"images": int(rows.sum()), **_totals(positive[rows], known[rows])}
            for name, rows in in_split.items()
        },
        "classes": _classes(dataset, positive, negative, in_split),
        "categories": _categories(dataset, positive, negative, category_names),
        "together": _pairs(dataset, together(positive)),
    }


def together(positive: Mask) -> Counts:
    """How many images show two classes: (C, C); the diagonal counts single classes.

    In blocks of images, so that nothing of the size of the dataset is made beside it.
    """
    counts = np.zeros((positive.shape[1], positive.shape[1]), np.int64)
    for start in range(0, len(positive), 8192):
        block = positive[start : start + 8192].astype(np.float32)  # exact up to 2 ** 24
        counts += (block.T @ block).astype(np.int64)
    return counts


def _totals(positive: Mask, known: Mask) -> dict[str, int]:
    yes, there = int(positive.sum()), int(known.sum())
    return {"positives": yes, "negatives": there - yes, "unknown": int(known.size) - there}


def _classes(
    dataset: DatasetArrays, positive: Mask, negative: Mask, in_split: Mapping[str, Mask]
) -> list[dict[str, Any]]:
    yes, no = positive.sum(axis=0), negative.sum(axis=0)
    by_split = {name: positive[rows].sum(axis=0) for name, rows in in_split.items()}
    return [
        {
            "id": entry["id"],
            "name": entry["name"],
            "category": entry["category"],
            "positives": int(yes[at]),
            "negatives": int(no[at]),
            "unknown": int(len(positive) - yes[at] - no[at]),
            **{name: int(counts[at]) for name, counts in by_split.items()},
        }
        for at, entry in enumerate(dataset.classes)
    ]


def _categories(
    dataset: DatasetArrays, positive: Mask, negative: Mask, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    columns: dict[str, list[int]] = {}
    for at, entry in enumerate(dataset.classes):
        columns.setdefault(entry["category"], []).append(at)
    return [
        {
            "id": category,
            "name": names.get(category, category),
            "classes": len(at),
            "images": int(positive[:, at].any(axis=1).sum()),
            "positives": int(positive[:, at].sum()),
            "negatives": int(negative[:, at].sum()),
        }
        for category, at in columns.items()
    ]


def _pairs(dataset: DatasetArrays, counts: Counts) -> list[dict[str, Any]]:
    """Pairs by lift: images with both, over those expected were the classes independent."""
    single = np.diag(counts).astype(np.float64)
    expected = np.outer(single, single) / max(len(dataset.images), 1)
    lift = np.divide(counts, expected, out=np.zeros(counts.shape), where=expected > 0)
    above = _above(dataset.classes)
    one, other = np.triu_indices(len(single), 1)
    explained = above[one, other] | above[other, one]
    kept = np.flatnonzero(~explained & (counts[one, other] >= FEWEST_TOGETHER))
    best = kept[np.argsort(-lift[one[kept], other[kept]], kind="stable")][:MOST_PAIRS]
    return [
        {
            "classes": [dataset.class_ids[a], dataset.class_ids[b]],
            "images": int(counts[a, b]),
            "share_of_first": float(counts[a, b] / single[a]),
            "share_of_second": float(counts[a, b] / single[b]),
            "lift": float(lift[a, b]),
        }
        for a, b in zip(one[best], other[best], strict=True)
    ]


def _above(classes: Sequence[Mapping[str, Any]]) -> Mask:
    """(C, C): whether the second class is an ancestor of the first."""
    place = {entry["id"]: at for at, entry in enumerate(classes)}
    above = np.zeros((len(classes), len(classes)), bool)
    for at, entry in enumerate(classes):
        above[at, [place[name] for name in entry["parents"] if name in place]] = True
    for _ in classes:
        further = above | (above.astype(np.int32) @ above.astype(np.int32) > 0)
        if (further == above).all():
            break
        above = further
    return above
