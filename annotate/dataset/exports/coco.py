"""COCO JSON, a file a split: an annotation per image and class, without boxes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from annotate.dataset.exports.data import ExportData
from annotate.dataset.exports.request import Request
from annotate.dataset.splits import SPLITS
from annotate.files import atomic


def write_coco(data: ExportData, folder: Path, request: Request) -> list[str]:
    """Write ``annotations/labels_SPLIT.json``.

    COCO itself has no image labels; as Datumaro and others do, an annotation names a category and
    no box, for none was drawn. Explicit negatives stand in each image's ``neg_category_ids``, as in
    LVIS; a category in neither is unknown.
    """
    categories = [
        {
            "id": at + 1,
            "name": entry["name"],
            "supercategory": entry["category"],
            "class_id": entry["id"],
        }
        for at, entry in enumerate(data.classes)
    ]
    names = []
    first = 1
    for split in SPLITS:
        part = data.of_split(split)
        content = {
            "info": {"description": f"{split} split", "version": data.lock["taxonomy_version"]},
            "licenses": [],
            "categories": categories,
            **_images(part, request, first),
        }
        first += len(part)
        name = f"annotations/labels_{split}.json"
        with atomic(folder / name) as file:
            file.write(json.dumps(content, ensure_ascii=False).encode() + b"\n")
        names.append(name)
    return names


def _images(data: ExportData, request: Request, first: int) -> dict[str, list[dict[str, Any]]]:
    images, annotations = [], []
    by_uri = request.images == "uri"
    for row, image in enumerate(data.images.to_dict("records")):
        known = isinstance(image["property_id"], str)
        images.append(
            {
                "id": first + row,
                "file_name": image["uri"] if by_uri else f"{image['image_id']}{image['suffix']}",
                "width": int(image["width"]),
                "height": int(image["height"]),
                "image_id": image["image_id"],
                "property_id": image["property_id"] if known else None,
                "neg_category_ids": (np.flatnonzero(data.labels[row] == 0) + 1).tolist(),
            }
        )
        annotations += [
            {"image_id": first + row, "category_id": at + 1, "iscrowd": 0}
            for at in np.flatnonzero(data.labels[row] == 1).tolist()
        ]
    for number, annotation in enumerate(annotations):
        annotation["id"] = first * len(data.classes) + number  # unique over the splits, and not 0
    return {"images": images, "annotations": annotations}
