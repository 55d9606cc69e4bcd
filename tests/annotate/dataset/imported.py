"""Sources of labels beside a workspace, and what an import makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.tables import DATASET, read
from tests.annotate.dataset.command import run
from tests.annotate.dataset.conftest import IMPORTED

Labels = dict[str, dict[str, int | None]]


def photos(root: Path) -> list[str]:
    return sorted(file.name for file in (root / "source/photos").iterdir())


def take(source: Path, *options: str) -> dict[str, Any]:
    said = run("dataset", "import", str(source), "--missing", "allow", *options, "--json")
    summary: dict[str, Any] = json.loads(said)
    return summary


def labels(root: Path) -> Labels:
    """What the dataset says, by the photo's file name and class id."""
    table = read(DATASET, root / "w/data/dataset/images.parquet")
    listed = json.loads((root / "w/data/dataset/classes.json").read_bytes())["classes"]
    ids = [entry["id"] for entry in listed]
    return {
        Path(row["uri"]).name: {
            name: None if pd.isna(value) else int(value)
            for name, value in zip(ids, row["labels"], strict=True)
        }
        for row in table.to_dict("records")
    }


def coco(root: Path, **changes: Any) -> Path:
    names = photos(root)
    content = {
        "images": [
            {"id": at, "file_name": name, "width": 32, "height": 24}
            for at, name in enumerate(names)
        ],
        "categories": [
            {"id": 7, "name": "Traffic light", "supercategory": "outdoor"},
            {"id": 9, "name": "dog", "supercategory": "animal"},
        ],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 7, "bbox": [0, 0, 1, 1]},
            {"id": 2, "image_id": 0, "category_id": 7, "bbox": [3, 0, 1, 1]},
            {"id": 3, "image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 1]},
            {"id": 4, "image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 1]},
        ],
        **changes,
    }
    file = root / "source/instances.json"
    file.write_text(json.dumps(content))
    return file


def voc(root: Path) -> Path:
    source = root / "VOC"
    (source / "Annotations").mkdir(parents=True)
    (root / "source/photos").rename(source / "JPEGImages")
    for at in range(IMPORTED):
        name = f"{at:03d}.{'png' if at % 5 == 0 else 'jpg'}"
        objects = "<object><name>dog</name></object>" if at % 2 else ""
        objects += "<object><name>cat</name><difficult>1</difficult></object>" if at == 2 else ""
        objects += "<object><name>cat</name></object>" if at == 3 else ""
        (source / f"Annotations/{at:03d}.xml").write_text(
            f"<annotation><filename>{name}</filename>{objects}</annotation>"
        )
    return source
