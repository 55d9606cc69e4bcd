"""WebDataset shards: tar files of images, each beside a JSON file with its labels."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from annotate.dataset.exports.data import UNKNOWN, ExportData
from annotate.dataset.exports.placing import read_unchanged
from annotate.dataset.exports.request import Request
from annotate.dataset.splits import SPLITS
from annotate.errors import InputError
from annotate.files import atomic, write_json
from annotate.settings import CatalogSettings

_SHARD = re.compile(rf"({'|'.join(SPLITS)})-[0-9]{{6,}}\.tar")


def shard_names(data: ExportData, request: Request) -> dict[str, ExportData]:
    """``SPLIT-NNNNNN.tar`` and the images of each, by id, which is as good as by chance."""
    shards = {}
    for split in SPLITS:
        part = data.of_split(split)
        for number, first in enumerate(range(0, len(part), request.per_shard)):
            kept = (part.images.index >= first) & (part.images.index < first + request.per_shard)
            shards[f"{split}-{number:06d}.tar"] = part.take(kept)
    return shards


def write_shards(
    data: ExportData,
    folder: Path,
    request: Request,
    settings: CatalogSettings,
    *,
    resume: bool,
    on_progress: Callable[[int], object],
) -> tuple[list[str], dict[str, str]]:
    """Write the shards; with ``resume`` those that are there with all their images stay.

    Equal images and labels are equal bytes: times and owners are left out.

    Returns:
        Names of the files, and reasons by the id of each image that could not be had.
    """
    names = ["classes.json"]
    rejects: dict[str, str] = {}
    for name, part in shard_names(data, request).items():
        if resume and _is_whole(folder / name, part):
            on_progress(len(part))
        else:
            with atomic(folder / name) as file, tarfile.open(fileobj=file, mode="w") as shard:
                rejects |= _fill(shard, part, request.root, settings, on_progress)
        names.append(name)
    write_json(folder / "classes.json", data.classes)
    return names, rejects


def remove_shards(folder: Path) -> None:
    """Delete the shards of an earlier export, also those that a killed one had not told of."""
    for file in folder.glob("*.tar"):
        if _SHARD.fullmatch(file.name):
            file.unlink()


def _fill(
    shard: tarfile.TarFile,
    data: ExportData,
    root: Path,
    settings: CatalogSettings,
    on_progress: Callable[[int], object],
) -> dict[str, str]:
    rejects = {}
    for row, image in enumerate(data.images.itertuples(index=False)):
        try:
            content = read_unchanged(str(image.uri), str(image.content_hash), root, settings)
        except InputError as error:
            rejects[str(image.image_id)] = str(error)
        else:
            _add(shard, f"{image.image_id}{image.suffix}", content)
            _add(shard, f"{image.image_id}.json", json.dumps(_about(data, row)).encode())
        on_progress(1)
    return rejects


def _add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    shard.addfile(entry, io.BytesIO(content))


def _about(data: ExportData, row: int) -> dict[str, Any]:
    image = data.images.iloc[row]
    return {
        **{
            name: image[name] if isinstance(image[name], str) else None
            for name in ("image_id", "split", "property_id", "text", "uri")
        },
        "labels": data.with_label(row, 1),
        "negatives": data.with_label(row, 0),
        "unknown": data.with_label(row, UNKNOWN),
        "votes": data.votes(row),
    }


def _is_whole(file: Path, data: ExportData) -> bool:
    """Whether a shard is there and lacks no image."""
    if not file.is_file():
        return False
    with tarfile.open(file) as shard:
        there = {name.split(".")[0] for name in shard.getnames()}
    return there.issuperset(data.images["image_id"])
