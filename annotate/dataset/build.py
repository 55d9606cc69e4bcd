"""The dataset: labelled images with their splits, and everything needed to make it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from annotate.dataset.splits import FREE, SPLITS, SplitCounts, assign_splits, split_shares
from annotate.errors import InputError
from annotate.images.neighbours import group_images
from annotate.settings import DatasetSettings
from annotate.tables import Table
from annotate.taxonomy.model import Taxonomy

MADE_BY = "mumic-annotate dataset"
STORED_SPLITS = Table(
    "splits", MADE_BY, {"image_id": pa.string(), "group_id": pa.string(), "split": pa.string()}
)
LARGE_GROUP = 0.1  # a group with a larger share of all images spoils the balance

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """What ``data/dataset/`` holds, before it is written.

    Attributes:
        images: ``tables.DATASET``, sorted by image.
        splits: ``STORED_SPLITS``, also of images that are no longer labelled.
        classes: for ``classes.json``.
        stats: for ``stats.json``.
    """

    images: pd.DataFrame
    splits: pd.DataFrame
    classes: list[dict[str, Any]]
    stats: dict[str, Any]


def build_dataset(
    labels: pd.DataFrame,
    catalog: pd.DataFrame,
    stored: pd.DataFrame,
    taxonomy: Taxonomy,
    settings: DatasetSettings,
    *,
    seed: int,
) -> Dataset:
    """Join labels with the catalogue and split them.

    A split is final: an image keeps the one it has had, and an image of a group that has one
    follows it. New groups fill what is short.

    Args:
        labels: ``tables.LABELS``.
        catalog: ``tables.CATALOG``; labelled images that it has lost, or no longer has present, are
            left out and counted.
        stored: ``STORED_SPLITS`` of the last build, empty at the first.
        taxonomy: its classes that have labels are the dataset's, in its order.
        settings: shares of the splits, and what counts as the same picture.
        seed: decides between groups that are alike.

    Raises:
        InputError: shares that make no sense, or nothing is left.
    """
    shares = split_shares(settings)
    labels = labels[labels["class_id"].isin(taxonomy.ids)]
    labelled = labels["image_id"].nunique()
    kept = catalog[catalog["present"] & catalog["image_id"].isin(labels["image_id"])]
    images = kept.sort_values("image_id").reset_index(drop=True)
    if images.empty:
        raise InputError(
            f"none of {labelled} images that have labels of this taxonomy is in the catalogue. "
            "Run `mumic-annotate catalog`, then `mumic-annotate consolidate`."
        )
    classes = taxonomy.subset(set(labels["class_id"]))
    cells = _cells(labels, images["image_id"], classes.ids)
    groups, group_ids = _groups(images, catalog, stored, settings.near_duplicate_bits)
    split = assign_splits(cells.positive, groups, _stored_splits(images, stored), shares, seed=seed)
    names = np.array(SPLITS, object)[split]
    table = pd.DataFrame(
        {
            **{name: images[name] for name in ("image_id", "uri", "content_hash", "property_id")},
            "group_id": group_ids,
            "text": images["text"],
            "split": names,
            "labels": _lists(cells.labels, cells.known, pa.int8()),
            "rates": _lists(cells.rates, cells.known & ~np.isnan(cells.rates), pa.float32()),
        }
    )
    stats = _stats(cells, split, groups, classes.ids)
    stats["images_left_out"] = labelled - len(images)
    return Dataset(table, _all_splits(table, stored), _class_list(classes), stats)


@dataclass(frozen=True)
class _Cells:
    """Labels as arrays, (N, C) each: 0 or 1, whether known, yes share or NaN."""

    labels: npt.NDArray[np.int8]
    known: Mask
    rates: npt.NDArray[np.float32]

    @property
    def positive(self) -> Mask:
        """Known to be there."""
        positive: Mask = self.known & (self.labels == 1)
        return positive


def _cells(labels: pd.DataFrame, image_ids: pd.Series[str], class_ids: Sequence[str]) -> _Cells:
    rows = pd.Index(image_ids).get_indexer(pd.Index(labels["image_id"]))
    columns = pd.Index(class_ids).get_indexer(pd.Index(labels["class_id"]))
    here = rows >= 0
    at = (rows[here], columns[here])
    shape = (len(image_ids), len(class_ids))
    values, known = np.zeros(shape, np.int8), np.zeros(shape, bool)
    rates = np.full(shape, np.nan, np.float32)
    values[at] = labels["label"].fillna(0).to_numpy(np.int8)[here]
    known[at] = labels["label"].notna().to_numpy(bool)[here]
    rates[at] = labels["rate"].to_numpy(np.float32)[here]
    return _Cells(values, known, rates)


def _groups(
    images: pd.DataFrame, catalog: pd.DataFrame, stored: pd.DataFrame, bits: int
) -> tuple[Indices, list[str]]:
    """Group of each image, as a number and as an id that outlives later builds.

    Images that were split before and are no longer labelled still hold their group together.
    """
    former = stored.set_index("image_id")["group_id"]
    gone = catalog[
        catalog["image_id"].isin(former.index) & ~catalog["image_id"].isin(images["image_id"])
    ]
    everything = pd.concat(
        [frame[["image_id", "property_id", "perceptual_hash"]] for frame in (images, gone)]
    )
    known = everything["image_id"].map(former)
    root = group_images(
        everything["property_id"].tolist(),
        everything["perceptual_hash"].tolist(),
        known.tolist(),
        bits,
    )
    # A group is called after the first of its images, or as it was called at an earlier build.
    own = pd.DataFrame(
        {"root": root, "id": everything["image_id"].to_numpy(), "old": known.to_numpy()}
    )
    names = own.groupby("root")["id"].min().to_dict()
    names.update(own.dropna(subset=["old"]).groupby("root")["old"].min().to_dict())
    chosen = own["old"].where(own["old"].notna(), own["root"].map(names))
    return root[: len(images)], chosen.iloc[: len(images)].astype(str).tolist()


def _stored_splits(images: pd.DataFrame, stored: pd.DataFrame) -> Indices:
    code = {name: at for at, name in enumerate(SPLITS)}
    former = dict(zip(stored["image_id"], stored["split"], strict=True))
    codes = [code.get(former.get(image_id, ""), FREE) for image_id in images["image_id"]]
    return np.array(codes, np.int64)


def _all_splits(images: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    now = images[list(STORED_SPLITS.columns)]
    gone = stored[~stored["image_id"].isin(now["image_id"])]
    return pd.concat([now, gone]).sort_values("image_id").reset_index(drop=True)


def _lists(
    values: npt.NDArray[np.int8] | npt.NDArray[np.float32], known: Mask, kind: pa.DataType
) -> pd.Series[Any]:
    """Rows of a table (N, C) as a column of lists, null where not known."""
    count, width = values.shape
    offsets = pa.array(np.arange(count + 1) * width, pa.int32())
    flat = pa.array(values.ravel(), kind, mask=~known.ravel())
    column = pa.ListArray.from_arrays(offsets, flat)
    return pd.Series(pd.arrays.ArrowExtensionArray(column))


def _class_list(taxonomy: Taxonomy) -> list[dict[str, Any]]:
    return [
        {
            "id": entry.id,
            "name": entry.name,
            "description": entry.description,
            "category": entry.category,
            "parents": list(entry.parents),
            "prompt": entry.prompt,
        }
        for entry in taxonomy.classes
    ]


def _stats(
    cells: _Cells, split: Indices, groups: Indices, class_ids: Sequence[str]
) -> dict[str, Any]:
    positives = SplitCounts.of(cells.positive, split)
    negatives = SplitCounts.of(cells.known & ~cells.positive, split)
    sizes = np.unique(groups, return_counts=True)[1]
    pairs = np.unique(np.stack([groups, split], axis=1), axis=0)
    stats = {
        "images": _by_split(positives.images),
        "groups": len(sizes),
        "largest_group": int(sizes.max()),
        "groups_in_several_splits": len(pairs) - len(sizes),
        "labels_per_image": float(cells.positive.sum() / len(split)),
        "without_positives": int((~cells.positive.any(axis=1)).sum()),
        "classes": {
            class_id: {
                "positive": _by_split(positives.positives[at]),
                "negative": _by_split(negatives.positives[at]),
                "unknown": int((~cells.known[:, at]).sum()),
            }
            for at, class_id in enumerate(class_ids)
        },
    }
    return {**stats, "warnings": _warnings(stats, len(split))}


def _by_split(counts: Indices) -> dict[str, int]:
    return {name: int(count) for name, count in zip(SPLITS, counts, strict=True)}


def _warnings(stats: dict[str, Any], images: int) -> list[str]:
    found = []
    for name in SPLITS:
        lacking = [key for key, entry in stats["classes"].items() if not entry["positive"][name]]
        if lacking:
            found.append(f"{name} has no positive of {', '.join(lacking)}; collect more of them")
    if stats["largest_group"] > LARGE_GROUP * images:
        found.append(
            f"one group holds {stats['largest_group']} of {images} images: one property, or "
            "pictures so alike that [dataset] near_duplicate_bits connects them"
        )
    if stats["groups_in_several_splits"]:
        found.append(
            f"{stats['groups_in_several_splits']} groups stand in several splits: new images "
            "connect groups that were split before. Delete splits.parquet to split everything anew"
        )
    return found
