"""What a person asks of an export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """How to write an export.

    Attributes:
        images: ``copy``, ``link`` or ``uri``: bring the images along, or name where they are.
        image_prefix: ``s3://`` prefix that stands before local paths.
        attribute: name of Ground Truth's label attribute.
        created: when the dataset was built, ISO 8601 in UTC.
        per_shard: images of a WebDataset shard.
        licence: of the dataset, as SPDX spells it; empty: unknown.
        root: the workspace, where local paths start.
    """

    images: str
    image_prefix: str
    attribute: str
    created: str
    per_shard: int
    licence: str
    root: Path
