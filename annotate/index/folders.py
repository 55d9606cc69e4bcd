"""Folders of embeddings, one a model, and the finished shards in them; imports nothing heavy."""

from __future__ import annotations

import re
from pathlib import Path

from annotate.errors import DamagedError
from annotate.files import read_json
from annotate.settings import ModelSettings

MADE_BY = "mumic-annotate index"
_SHARD_NAME = re.compile(r"shard-(\d+)\.parquet")


def shard_files(folder: Path) -> dict[int, Path]:
    """Finished shards by number: a shard's Parquet file is written last.

    Other files beside them, such as copies, do not count.
    """
    names = [(_SHARD_NAME.fullmatch(file.name), file) for file in folder.glob("shard-*.parquet")]
    return dict(sorted((int(found[1]), file) for found, file in names if found))


def named_folders(index: Path, model: ModelSettings, *, strict: bool = True) -> list[Path]:
    """Folders with embeddings of a model of that name; several, where its weights have changed.

    Args:
        index: the workspace's.
        model: the configured one.
        strict: refuse a ``model.json`` that cannot be read, as it may be this model's.

    Raises:
        DamagedError: there is such a file.
    """
    wanted = {(model.name, model.pretrained), (model.name, "")}
    found = []
    for file in sorted(index.glob("*/model.json")):
        try:
            about = read_json(file, MADE_BY)
        except DamagedError:
            if strict:
                raise
            continue
        named = isinstance(about, dict) and (about.get("name"), about.get("pretrained")) in wanted
        if named and shard_files(file.parent):
            found.append(file.parent)
    return found
