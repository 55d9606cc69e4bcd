"""Ground Truth's augmented manifests, one a split, in the shape of its multi-label jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from annotate.dataset.exports.data import ExportData
from annotate.dataset.exports.request import Request
from annotate.dataset.splits import SPLITS
from annotate.files import atomic
from annotate.tasks.objects import check_manifest, manifest_bytes, source_ref

CONFIDENT = 1.0  # of a label that nobody voted on: propagated, imported or an expert's


def write_groundtruth(data: ExportData, folder: Path, request: Request) -> list[str]:
    """Write ``SPLIT.manifest``; what the shape has no place for stands under ``ATTRIBUTE-votes``.

    Raises:
        InputError: a line passes a limit of Ground Truth.
    """
    names = []
    for split in SPLITS:
        part = data.of_split(split)
        lines = [_line(part, row, request) for row in range(len(part))]
        for at in range(0, len(lines), 100_000):  # objects a job; a training channel takes more
            check_manifest(lines[at : at + 100_000])
        with atomic(folder / f"{split}.manifest") as file:
            file.write(manifest_bytes(lines))
        names.append(f"{split}.manifest")
    return names


def _line(data: ExportData, row: int, request: Request) -> dict[str, Any]:
    image = data.images.iloc[row]
    name = request.attribute
    positive = np.flatnonzero(data.labels[row] == 1).tolist()
    line = {
        "source-ref": source_ref(str(image["uri"]), request.image_prefix),
        name: positive,
        f"{name}-metadata": {
            "class-map": {str(at): data.classes[at]["name"] for at in positive},
            "confidence-map": {str(at): _confidence(data, row, at) for at in positive},
            "job-name": f"labeling-job/{name}",
            "human-annotated": "yes",
            "creation-date": request.created,
            "type": "groundtruth/image-classification-multilabel",
        },
        f"{name}-votes": data.votes(row),
        "image-id": image["image_id"],
        "split": image["split"],
    }
    optional = {"property-id": image["property_id"], "text": image["text"]}
    return line | {key: value for key, value in optional.items() if isinstance(value, str)}


def _confidence(data: ExportData, row: int, at: int) -> float:
    yes, no = int(data.yes[row, at]), int(data.no[row, at])
    return round(yes / (yes + no), 4) if yes > 0 else CONFIDENT
