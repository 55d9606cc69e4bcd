"""What a person asks of an export."""

from __future__ import annotations

from dataclasses import dataclass

WAYS = ("copy", "link", "uri")


@dataclass(frozen=True)
class Request:
    """How to write an export.

    Attributes:
        images: ``copy``, ``link`` or ``uri``: bring the images along, or name where they are.
        image_prefix: ``s3://`` prefix that stands before local paths.
        attribute: name of Ground Truth's label attribute.
        created: when the dataset was built, ISO 8601 in UTC.
        per_shard: images of a WebDataset shard.
    """

    images: str
    image_prefix: str
    attribute: str
    created: str
    per_shard: int
