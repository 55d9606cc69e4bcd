"""A Hugging Face image folder: a folder a split, each with its ``metadata.jsonl``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from annotate.dataset.exports.data import UNKNOWN, ExportData
from annotate.dataset.exports.request import Request
from annotate.dataset.splits import SPLITS
from annotate.files import atomic

LISTS = {"labels": 1, "negatives": 0, "unknown": UNKNOWN}


def write_huggingface(data: ExportData, folder: Path, request: Request) -> list[str]:
    """Write the metadata beside the images of each split (of splits that have some).

    Yes, no and unknown are three lists of class ids; together they are all classes.
    """
    names = []
    for split in SPLITS:
        part = data.of_split(split)
        if not len(part):
            continue
        with atomic(folder / split / "metadata.jsonl") as file:
            for row in range(len(part)):
                file.write(json.dumps(_line(part, row), ensure_ascii=False).encode() + b"\n")
        names.append(f"{split}/metadata.jsonl")
    return names


def _line(data: ExportData, row: int) -> dict[str, Any]:
    image = data.images.iloc[row]
    return {
        "file_name": f"{image['image_id']}{image['suffix']}",
        **{name: _text(image[name]) for name in ("image_id", "property_id", "text")},
        **{name: data.with_label(row, label) for name, label in LISTS.items()},
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def features() -> list[dict[str, Any]]:
    """The columns' types for the card: without them a list that is always empty has none."""
    return [
        {"name": "image", "dtype": "image"},
        *({"name": name, "dtype": "string"} for name in ("image_id", "property_id", "text")),
        *({"name": name, "list": "string"} for name in LISTS),
    ]
