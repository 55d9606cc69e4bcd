"""CSV and Parquet: one row per image with a column per class, and one row per vote count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from annotate.dataset.exports.data import UNKNOWN, ExportData
from annotate.dataset.exports.request import Request
from annotate.files import atomic

ABOUT = ("image_id", "uri", "file_name", "split", "property_id", "group_id", "text")


def image_rows(data: ExportData, request: Request) -> pd.DataFrame:
    """A row per image: what is known of it, then 1, 0 or nothing per class.

    A class that is called as one of the columns before gets ``class:`` before its id.
    """
    names = data.images["split"] + "/" + data.images["image_id"] + data.images["suffix"]
    about = data.images.assign(file_name=None if request.images == "uri" else "images/" + names)
    labels = pd.DataFrame(
        {
            f"class:{name}" if name in ABOUT else name: pd.array(
                np.where(data.labels[:, at] == UNKNOWN, 0, data.labels[:, at]), "Int8"
            )
            for at, name in enumerate(data.class_ids)
        }
    )
    labels = labels.mask(data.labels == UNKNOWN)
    return pd.concat([about[list(ABOUT)], labels], axis="columns")


def vote_rows(data: ExportData) -> pd.DataFrame:
    """A row per image and class that has a label, decided or not."""
    rows, columns = np.nonzero(data.yes != UNKNOWN)
    label = data.labels[rows, columns]
    return pd.DataFrame(
        {
            "image_id": data.images["image_id"].to_numpy()[rows],
            "class_id": np.array(data.class_ids, object)[columns],
            "label": pd.array(label, "Int8").copy(),
            "yes": data.yes[rows, columns],
            "no": data.no[rows, columns],
            "decided": [data.decided[r][c] for r, c in zip(rows, columns, strict=True)],
        }
    ).assign(label=lambda frame: frame["label"].mask(label == UNKNOWN))


def write_csv(data: ExportData, folder: Path, request: Request) -> list[str]:
    """Write ``images.csv`` and ``votes.csv``; an empty cell is unknown."""
    for name, frame in (("images", image_rows(data, request)), ("votes", vote_rows(data))):
        with atomic(folder / f"{name}.csv") as file:
            frame.to_csv(file, index=False, lineterminator="\n")
    return ["images.csv", "votes.csv"]


def write_parquet(data: ExportData, folder: Path, request: Request) -> list[str]:
    """Write ``images.parquet`` and ``votes.parquet``; null is unknown."""
    for name, frame in (("images", image_rows(data, request)), ("votes", vote_rows(data))):
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        with atomic(folder / f"{name}.parquet") as file:
            pq.write_table(table, file, compression="zstd")
    return ["images.parquet", "votes.parquet"]
