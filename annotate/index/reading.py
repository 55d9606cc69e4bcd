"""One image as the model's pixels, or the reason why it has none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from annotate.clip.fast_pixels import pixels_of
from annotate.errors import InputError
from annotate.storage.outage import Outage
from annotate.storage.remote import UnreachableError
from annotate.storage.store import read_bytes

Pixels = npt.NDArray[np.uint8]
Item = tuple[str, str]  # content hash (SHA-256, hex) and canonical URI


@dataclass(frozen=True)
class Reading:
    """How files become pixels."""

    root: Path  # where relative URIs start
    size: int  # side of the square that the model takes
    max_bytes: int
    max_pixels: int
    resize: str = "squash"  # or "crop"


@dataclass(frozen=True)
class LeftOut:
    """Why an image has no pixels; ``unreachable`` if that is its bucket's or host's fault."""

    reason: str
    unreachable: bool = False


@dataclass(frozen=True)
class Loaded:
    """An image as the model's pixels, uint8 (3, size, size), and its file's SHA-256, hex."""

    content_hash: str
    pixels: Pixels


@dataclass(frozen=True)
class Batch:
    """Images ready for the model, and why others are not.

    The pixels may be overwritten once the next batch is asked for.
    """

    pixels: Pixels  # (usable, 3, size, size), in the order of the items
    hashes: tuple[str, ...]  # of the usable ones
    left_out: tuple[LeftOut | None, ...]  # one an item; None: usable


def load_pixels(item: Item, reading: Reading, outage: Outage) -> Loaded | LeftOut:
    """An image's pixels and hash, or the reason why there are none.

    Args:
        item: the image; a content hash of "" is any.
        reading: how files become pixels.
        outage: takes note; of a bucket or host that is out nothing more is tried.
    """
    expected, uri = item
    if (why := outage.reason(uri)) is not None:
        return LeftOut(why, unreachable=True)
    try:
        data = read_bytes(uri, reading.root, max_bytes=reading.max_bytes)
        outage.note(uri, None)
        content_hash = hashlib.sha256(data).hexdigest()
        if expected and content_hash != expected:
            return LeftOut("changed since it was catalogued; run `mumic-annotate catalog`")
        pixels = pixels_of(data, reading.size, max_pixels=reading.max_pixels, resize=reading.resize)
        return Loaded(content_hash, pixels)
    except UnreachableError as error:
        outage.note(uri, str(error))
        return LeftOut(str(error), unreachable=True)
    except InputError as error:
        outage.note(uri, None)
        return LeftOut(str(error))


def check_reached(
    items: Sequence[Item], left_out: Sequence[LeftOut | None], outage: Outage
) -> None:
    """Stop, without this batch, once a bucket or host is out: its images are not left out.

    Args:
        items: of a batch.
        left_out: one an item, see :class:`Batch`.
        outage: takes note of all batches in their order.

    Raises:
        RemoteError: too many failures in a row.
    """
    for (_, uri), why in zip(items, left_out, strict=True):
        outage.note(uri, why.reason if why and why.unreachable else None)
    outage.check()
