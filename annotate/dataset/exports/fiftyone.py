"""FiftyOne's image classification layout, a dataset a split.

https://docs.voxel51.com/user_guide/import_datasets.html, FiftyOneImageClassificationDataset.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from annotate.dataset.exports.data import ExportData
from annotate.dataset.exports.request import Request
from annotate.dataset.splits import SPLITS
from annotate.errors import InputError
from annotate.files import atomic
from annotate.storage.store import is_remote


def write_fiftyone(data: ExportData, folder: Path, request: Request) -> list[str]:
    """Write ``SPLIT/labels.json``, and ``SPLIT/data.json`` where images stay where they are.

    The layout holds positive labels only; no and unknown look the same in it.

    Raises:
        InputError: remote images without copying them.
    """
    names = []
    for split in SPLITS:
        part = data.of_split(split)
        ids = part.images["image_id"]
        labels = {
            image_id: np.flatnonzero(row == 1).tolist()
            for image_id, row in zip(ids, part.labels, strict=True)
        }
        content = {"classes": [entry["name"] for entry in data.classes], "labels": labels}
        _write(folder / split / "labels.json", content)
        names.append(f"{split}/labels.json")
        if request.images == "uri":
            places = dict(zip(ids, part.images["uri"], strict=True))
            if far := next(filter(is_remote, places.values()), None):
                raise InputError(
                    f"FiftyOne opens files only, and {far} is none; export with --images copy."
                )
            _write(
                folder / split / "data.json",
                {key: str(request.root / uri) for key, uri in places.items()},
            )
            names.append(f"{split}/data.json")
    return names


def _write(path: Path, content: object) -> None:
    with atomic(path) as file:
        file.write(json.dumps(content, ensure_ascii=False).encode() + b"\n")
