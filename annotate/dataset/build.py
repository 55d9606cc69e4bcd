"""The dataset: labelled images with their splits, and everything needed to make it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from annotate.dataset.groups import Grouping, group_for_splits
from annotate.dataset.splits import SPLITS, assign_splits, check_method, split_shares
from annotate.dataset.summary import (
    check_missing,
    missing_classes,
    refuse,
    summarise,
    warnings,
)
from annotate.errors import InputError
from annotate.labels.consolidate import propagate
from annotate.labels.decisions import GOLDEN, HOW, PROPAGATED
from annotate.settings import DatasetSettings
from annotate.tables import Table
from annotate.taxonomy.model import Taxonomy

MADE_BY = "mumic-annotate dataset"
STORED_SPLITS = Table(
    "splits", MADE_BY, {"image_id": pa.string(), "group_id": pa.string(), "split": pa.string()}
)
DATASET_VOTES = Table(
    "dataset's votes",
    MADE_BY,
    {
        "image_id": pa.string(),
        "yes": pa.list_(pa.int16()),  # in the order of classes.json; null: no label
        "no": pa.list_(pa.int16()),
        "decided": pa.list_(pa.string()),
    },
)


NUMBERED = ("image_id", "class_id", "decided")  # columns of labels whose texts are numbered

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Dataset:
    """What ``data/dataset/`` holds, before it is written.

    Attributes:
        images: ``tables.DATASET``, sorted by image.
        votes: ``DATASET_VOTES``, of the same images.
        splits: ``STORED_SPLITS``, also of images that are no longer labelled.
        classes: for ``classes.json``.
        stats: for ``stats.json``.
    """

    images: pd.DataFrame
    votes: pd.DataFrame
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
    follows it. New groups fill what is short. A new image that would tie several splits together is
    in none of them.

    Args:
        labels: ``tables.LABELS``.
        catalog: ``tables.CATALOG``; labelled images that it has lost, or no longer has present, are
            left out and counted.
        stored: ``STORED_SPLITS`` of the last build, empty at the first.
        taxonomy: its classes that have labels are the dataset's, in its order.
        settings: shares of the splits, the way to split, what counts as the same picture, and what
            becomes of a class that a split would lack.
        seed: decides between groups that are alike.

    Raises:
        InputError: settings that make no sense, nothing is left, or a class would be missing from a
            split and ``missing`` is ``refuse``.
    """
    split_shares(settings)
    check_method(settings.split)
    check_missing(settings.missing)
    labels = labels.astype(dict.fromkeys(NUMBERED, "category"))
    dataset = _build(labels, catalog, stored, taxonomy, settings, seed)
    left_out: list[str] = []
    while settings.missing == "leave-out" and (lacking := list(dataset.stats["missing"])):
        left_out += lacking
        labels = labels[~labels["class_id"].isin(lacking)]
        dataset = _build(labels, catalog, stored, taxonomy, settings, seed)
    if settings.missing == "refuse":
        refuse(dataset.stats)
    if left_out:
        dataset.stats["warnings"].append(
            f"{len(left_out)} classes are left out, which a split would lack: "
            f"{', '.join(left_out[:10])}{' ...' if len(left_out) > 10 else ''}"
        )
    return replace(dataset, stats={**dataset.stats, "classes_left_out": left_out})


def _build(
    labels: pd.DataFrame,
    catalog: pd.DataFrame,
    stored: pd.DataFrame,
    taxonomy: Taxonomy,
    settings: DatasetSettings,
    seed: int,
) -> Dataset:
    shares = split_shares(settings)
    labels = labels[labels["class_id"].isin(taxonomy.ids)]
    labelled = pd.Index(labels["image_id"].unique())
    images = catalog[catalog["present"] & catalog["image_id"].isin(labelled)]
    images = images.sort_values("image_id").reset_index(drop=True)
    if images.empty:
        raise InputError(
            f"none of {len(labelled)} images that have labels of this taxonomy is in the "
            "catalogue. Run `mumic-annotate catalog`, then `mumic-annotate consolidate`."
        )
    grouping = _group(images, catalog, stored, settings)
    bridging = images["image_id"][grouping.bridging].tolist()
    images = images[~grouping.bridging].reset_index(drop=True)
    grouping = grouping.take(~grouping.bridging)
    classes = taxonomy.subset(labels["class_id"].unique())
    cells = _cells(labels, images["image_id"], classes.ids)
    split = assign_splits(
        cells.positive, grouping.group, grouping.fixed, shares, seed=seed, method=settings.split
    )
    table = pd.DataFrame(
        {
            **{name: images[name] for name in ("image_id", "uri", "content_hash", "property_id")},
            "group_id": grouping.ids,
            "text": images["text"],
            "split": np.array(SPLITS, object)[split],
            "labels": _lists(cells.labels, cells.known, pa.int8()),
            "rates": _lists(cells.rates, _rated(cells, classes), pa.float32()),
        }
    )
    counted = summarise(cells.positive, cells.known, split, grouping.group, classes.ids)
    stats = {
        **counted,
        "missing": missing_classes(counted, shares),
        "images_left_out": len(labelled) - len(images) - len(bridging),
        "bridging": bridging,
        "groups_in_several_splits": grouping.crossing,
        "without_property": int(images["property_id"].isna().sum()),
    }
    stats["warnings"] = warnings(stats, shares)
    return Dataset(
        table, _vote_table(images, cells), _all_splits(table, stored), _class_list(classes), stats
    )


def _group(
    images: pd.DataFrame, catalog: pd.DataFrame, stored: pd.DataFrame, settings: DatasetSettings
) -> Grouping:
    gone = catalog[
        catalog["image_id"].isin(stored["image_id"]) & ~catalog["image_id"].isin(images["image_id"])
    ].sort_values("image_id")
    return group_for_splits(images, gone, stored, settings.near_duplicate_bits)


@dataclass(frozen=True)
class _Cells:
    """Labels as arrays, (N, C) each.

    ``labels`` 0 or 1, ``known`` whether they mean something, ``rates`` yes share or NaN, ``rows``
    whether there is a row of ``tables.LABELS`` at all, ``yes`` and ``no`` votes, ``decided`` codes
    of ``ways``.
    """

    labels: npt.NDArray[np.int8]
    known: Mask
    rates: npt.NDArray[np.float32]
    rows: Mask
    yes: npt.NDArray[np.int16]
    no: npt.NDArray[np.int16]
    decided: npt.NDArray[np.int8]
    ways: tuple[str, ...]

    @property
    def positive(self) -> Mask:
        """Known to be there."""
        positive: Mask = self.known & (self.labels == 1)
        return positive

    def by(self, way: int) -> Mask:
        """Decided in one way, a number of ``HOW``."""
        name = HOW[way]
        decided: Mask = self.known & (name in self.ways and self.decided == self.ways.index(name))
        return decided


def _cells(labels: pd.DataFrame, image_ids: pd.Series[str], class_ids: Sequence[str]) -> _Cells:
    rows = _places(labels["image_id"], pd.Index(image_ids))
    columns = _places(labels["class_id"], pd.Index(class_ids))
    here = rows >= 0
    at = (rows[here], columns[here])
    shape = (len(image_ids), len(class_ids))
    decided, ways = labels["decided"].cat.codes.to_numpy(), labels["decided"].cat.categories

    def table(values: npt.NDArray[Any], empty: float = 0) -> npt.NDArray[Any]:
        filled = np.full(shape, empty, values.dtype)
        filled[at] = values[here]
        return filled

    return _Cells(
        labels=table(labels["label"].fillna(0).to_numpy(np.int8)),
        known=table(labels["label"].notna().to_numpy(bool)),
        rates=table(labels["rate"].to_numpy(np.float32), np.nan),
        rows=table(np.ones(len(labels), bool)),
        yes=table(labels["yes"].fillna(0).to_numpy(np.int16)),
        no=table(labels["no"].fillna(0).to_numpy(np.int16)),
        decided=table(decided.astype(np.int8)),
        ways=tuple(ways),
    )


def _rated(cells: _Cells, classes: Taxonomy) -> Mask:
    """(N, C), where votes are evidence for the label: its own, or those for a yes below it.

    They are none where experts have decided, nor where the only yes below is of a class that is
    left out.
    """
    propagated = cells.by(PROPAGATED)
    reached = propagate(cells.positive & ~propagated, classes.ids, classes)
    against = cells.by(GOLDEN) | (propagated & ~reached)
    rated: Mask = cells.known & ~np.isnan(cells.rates) & ~against
    return rated


def _places(column: pd.Series[Any], index: pd.Index[Any]) -> npt.NDArray[np.int64]:
    """Where each of a column's numbered texts stands in an index, or -1."""
    places: npt.NDArray[np.int64] = index.get_indexer(column.cat.categories)
    return places[column.cat.codes.to_numpy()]


def _vote_table(images: pd.DataFrame, cells: _Cells) -> pd.DataFrame:
    ways = pa.array(cells.ways, pa.string())
    return pd.DataFrame(
        {
            "image_id": images["image_id"],
            "yes": _lists(cells.yes, cells.rows, pa.int16()),
            "no": _lists(cells.no, cells.rows, pa.int16()),
            "decided": _lists(cells.decided, cells.rows, pa.int8(), ways),
        }
    )


def _all_splits(images: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    now = images[list(STORED_SPLITS.columns)]
    gone = stored[~stored["image_id"].isin(now["image_id"])]
    return pd.concat([now, gone]).sort_values("image_id").reset_index(drop=True)


def _lists(
    values: npt.NDArray[Any], known: Mask, kind: pa.DataType, words: pa.Array | None = None
) -> pd.Series[Any]:
    """Rows of a table (N, C) as a column of lists, null where not known; or words by number."""
    count, width = values.shape
    offsets = pa.array(np.arange(count + 1) * width, pa.int32())
    flat = pa.array(values.ravel(), kind, mask=~known.ravel())
    if words is not None:
        flat = pa.DictionaryArray.from_arrays(flat, words).cast(pa.string())
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
