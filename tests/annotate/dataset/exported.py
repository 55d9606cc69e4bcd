"""What tests of exports share: the truth that they must hold, and the command."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from annotate.tables import DATASET, read
from annotate.workspace import Workspace
from tests.annotate.dataset.command import run

Truth = dict[str, dict[str, Any]]
IDS = ["water", "text", "snow"]
NAMES = ["Water, any", "Text", "Snow"]


def truth_of(exportable: Workspace) -> Truth:
    """By image id, straight from the dataset's table: split, lists of classes, and the bytes."""
    table = read(DATASET, exportable.dataset / "images.parquet")
    found = {}
    for row in table.to_dict("records"):
        labels = [None if pd.isna(value) else int(value) for value in row["labels"]]
        found[row["image_id"]] = {
            "split": row["split"],
            "uri": row["uri"],
            "bytes": (exportable.root / row["uri"]).read_bytes(),
            "property": row["property_id"] if isinstance(row["property_id"], str) else None,
            "yes": [name for name, label in zip(IDS, labels, strict=True) if label == 1],
            "no": [name for name, label in zip(IDS, labels, strict=True) if label == 0],
            "unknown": [name for name, label in zip(IDS, labels, strict=True) if label is None],
        }
    assert len(found) == 30
    assert {entry["split"] for entry in found.values()} == {"train", "validation", "test"}
    return found


def export(name: str, *options: str) -> Path:
    return Path(json.loads(run("dataset", "export", "--to", name, *options, "--json"))["folder"])


def pixels(picture: Image.Image) -> bytes:
    return picture.convert("RGB").tobytes()


def original(entry: dict[str, Any]) -> bytes:
    return pixels(Image.open(io.BytesIO(entry["bytes"])))
