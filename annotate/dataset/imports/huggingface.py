"""Hugging Face image folders: a folder a split, with metadata, or a folder per class."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from annotate.catalog.sources import SUFFIXES
from annotate.dataset.imports.found import Found, read_outside, split_name
from annotate.dataset.imports.rows import add_rows, read_csv
from annotate.errors import InputError

METADATA = ("metadata.jsonl", "metadata.csv")


def read_huggingface(source: Path, images: Path | None, whole: Collection[str] = ()) -> Found:
    """Read ``metadata.jsonl`` or ``metadata.csv`` of the folder and its splits' folders.

    Without metadata the folder that an image lies in is its class. A single file of JSON Lines with
    paths and labels is read in the same way, whatever it is called.

    Raises:
        InputError: no metadata, and no images in folders.
    """
    if source.is_file():
        return _jsonl(source, images or source.parent, None, whole)
    found = Found(images or source)
    files = [file for name in METADATA for file in sorted(source.rglob(name))]
    for file in files:
        below = file.parent.relative_to(source).as_posix()
        split = next((name for part in Path(below).parts if (name := split_name(part))), None)
        part = (
            read_csv(file, source, whole)
            if file.suffix == ".csv"
            else _jsonl(file, source, split, whole)
        )
        _merge(found, part, "" if below == "." else f"{below}/", split)
    if not files:
        _folders(found, source)
    return found


def _jsonl(file: Path, source: Path, split: str | None, whole: Collection[str]) -> Found:
    found = Found(source)
    rows: list[tuple[str, dict[str, Any]]] = []
    for number, line in enumerate(read_outside(file).splitlines(), 1):
        where = f"{file.name}:{number}"
        try:
            row = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and row:
            rows.append((where, row))
        elif line.strip():
            found.reject(where, "not a JSON object")
    add_rows(found, rows, str(file), split, whole=whole)
    return found


def _merge(found: Found, part: Found, below: str, split: str | None) -> None:
    for image in part.images.values():
        whole = "://" in image.path or os.path.isabs(image.path)
        path = image.path if whole else below + image.path
        image.tell(split, None, None)
        found.image(path, image.where).merge(image)
    for name, category in part.classes.items():
        found.classes.setdefault(name, category)
    found.explicit |= part.explicit
    found.rejects += part.rejects


def _folders(found: Found, source: Path) -> None:
    for file in sorted(source.rglob("*")):
        if file.suffix.lower() not in SUFFIXES or not file.is_file():
            continue
        parts = file.relative_to(source).parts
        if len(parts) < 2:
            found.reject(file.name, "in no class's folder")
            continue
        image = found.image("/".join(parts), "/".join(parts))
        image.split = split_name(parts[0]) if len(parts) > 2 else None
        image.yes = {parts[-2]}
        found.add_classes(image.yes)
    if not found.images:
        raise InputError(
            f"{source}: no metadata.jsonl, and no images in folders that name their class."
        )
