"""The pictures of tasks, by image id and in no other way."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from annotate.errors import InputError
from annotate.images.decoding import FORMATS, ImageError, decode
from annotate.settings import CatalogSettings
from annotate.storage.store import read_bytes

# What every browser shows as it is. Others become a JPEG; of a moving picture its first frame.
WEB_SAFE = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
QUALITY = 92


@dataclass(frozen=True)
class Shown:
    """A picture as it is sent: its bytes and their media type."""

    data: bytes
    media_type: str


@dataclass(frozen=True)
class Place:
    """Where a picture lies and what it must be.

    Attributes:
        uri: canonical.
        content_hash: SHA-256 of its bytes, hex; empty: not known.
    """

    uri: str
    content_hash: str = ""


class Pictures:
    """The pictures that a server may show: those of its tasks and of the classes' examples.

    A request names an id; only the catalogue turns ids into places, so no request reaches another
    file.
    """

    def __init__(
        self,
        places: Mapping[str, Place],
        root: Path,
        limits: CatalogSettings,
        examples: tuple[str, ...] = (),
    ) -> None:
        self._places = dict(places)
        self._root = root
        self._limits = limits
        self._examples = examples

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._places

    def etag(self, image_id: str) -> str:
        """Names the bytes of an image for a browser's cache."""
        return f'"{image_id}"'  # the id is a hash over the content's: other bytes, other id

    def show(self, image_id: str) -> Shown:
        """An image of the tasks.

        Raises:
            InputError: unknown, unreadable, no picture, or changed since it was catalogued.
        """
        place = self._places.get(image_id)
        if place is None:
            raise InputError("no such image")
        return self._read(place)

    def example(self, number: int) -> Shown:
        """An example image of a class, by its number.

        Raises:
            InputError: as for :meth:`show`.
        """
        if not 0 <= number < len(self._examples):
            raise InputError("no such image")
        return self._read(Place(self._examples[number]))

    def _read(self, place: Place) -> Shown:
        data = read_bytes(place.uri, self._root, max_bytes=self._limits.max_bytes)
        if place.content_hash and hashlib.sha256(data).hexdigest() != place.content_hash:
            raise InputError(
                "the file changed since it was catalogued; run `mumic-annotate catalog`"
            )
        return web_safe(data, max_pixels=self._limits.max_pixels)


def web_safe(data: bytes, *, max_pixels: int) -> Shown:
    """A photo as browsers can show it: its own bytes where they can, else a JPEG of it.

    Raises:
        ImageError: not a picture, damaged, or too large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            pixels, form = image.width * image.height, image.format or ""
            moving, mode = getattr(image, "n_frames", 1) > 1, image.mode
    except Exception as error:  # a hostile file makes a decoder raise almost anything
        raise ImageError("not a picture that can be read") from error
    if pixels > max_pixels:
        raise ImageError(f"more than {max_pixels:,} pixels")
    if form in WEB_SAFE and not moving and mode != "CMYK":
        return Shown(data, WEB_SAFE[form])
    buffer = io.BytesIO()
    decode(data, max_pixels=max_pixels).save(buffer, "JPEG", quality=QUALITY)
    return Shown(buffer.getvalue(), "image/jpeg")
