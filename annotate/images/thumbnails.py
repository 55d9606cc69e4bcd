"""Thumbnails: small JPEGs of many pictures, decoded in threads, in the order asked for."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from annotate.errors import InputError, MumicError
from annotate.images.decoding import decode
from annotate.settings import CatalogSettings
from annotate.storage.outage import Outage
from annotate.storage.remote import UnreachableError
from annotate.storage.store import read_bytes

HEIGHT = 160
SMALLEST = 64
FULL_SIZE_UP_TO = 5_000  # images
WIDEST = 2.5  # times the height; panoramas become lower
QUALITY = 70
THREADS = 4  # each may hold one whole decoded picture
BATCH = 256


@dataclass(frozen=True)
class Thumbnail:
    """A small JPEG without metadata, or the reason why there is none."""

    jpeg: bytes | None
    reason: str = ""


def height_for(images: int) -> int:
    """Height in pixels: 160 for up to 5,000 images, then less, so that the page does not grow.

    >>> height_for(200), height_for(20_000), height_for(1_000_000)
    (160, 80, 64)
    """
    shrink = math.sqrt(FULL_SIZE_UP_TO / max(images, FULL_SIZE_UP_TO))
    return max(SMALLEST, round(HEIGHT * shrink))


def thumbnails(
    uris: Sequence[str], *, root: Path, limits: CatalogSettings, height: int = HEIGHT
) -> Iterator[Thumbnail]:
    """Thumbnails of pictures, in their order, a few hundred in memory at a time.

    Once a bucket or host has failed many times in a row, nothing more is asked of it: with its
    timeouts and repetitions each further picture would take minutes.

    Args:
        uris: canonical URIs.
        root: the workspace, where relative URIs start.
        limits: ``max_pixels`` and ``max_bytes``.
        height: of a thumbnail in pixels; smaller pictures keep their size.
    """
    make = partial(thumbnail, root=root, limits=limits, height=height, outage=Outage())
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(uris), BATCH):
            yield from pool.map(make, uris[start : start + BATCH])


def thumbnail(
    uri: str,
    *,
    root: Path,
    limits: CatalogSettings,
    height: int = HEIGHT,
    outage: Outage | None = None,
) -> Thumbnail:
    """One thumbnail: upright, at most ``height`` high and 2.5 times as wide.

    Args:
        uri: canonical.
        root: the workspace.
        limits: ``max_pixels`` and ``max_bytes``.
        height: in pixels.
        outage: takes note; of a bucket or host that is out nothing more is read.
    """
    outage = outage or Outage()
    if (why := outage.reason(uri)) is not None:
        return Thumbnail(None, f"not asked for, since many before it failed: {why}")
    try:
        data = _read(uri, root, limits.max_bytes, outage)
        image = decode(data, max_pixels=limits.max_pixels, at_least=height)
    except MumicError as error:
        return Thumbnail(None, str(error))
    image.thumbnail((round(WIDEST * height), height), Image.Resampling.BICUBIC)
    image.info.clear()  # a colour profile, a comment or EXIF would be saved with it
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return Thumbnail(buffer.getvalue())


def _read(uri: str, root: Path, max_bytes: int, outage: Outage) -> bytes:
    try:
        data = read_bytes(uri, root, max_bytes=max_bytes)
    except UnreachableError as error:
        outage.note(uri, str(error))
        raise
    except InputError:  # of this picture: its bucket or host did answer
        outage.note(uri, None)
        raise
    outage.note(uri, None)
    return data
