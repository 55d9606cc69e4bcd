"""Photos as they come: decoded whatever they are, upright, RGB, 8 bits; or refused with a reason.

A catalogue meets text files named ``.jpg``, half-copied photos and pictures that claim a billion
pixels. Nothing is decoded before the header's size is checked, and every failure is an
:class:`ImageError` with one short sentence.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from annotate.errors import InputError

# Formats of photos. Others that Pillow reads are left out on purpose: some start other programs.
# AVIF depends on how Pillow was built.
Image.init()
FORMATS: list[str] = [
    name for name in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF") if name in Image.OPEN
]
ORIENTATION_TAG = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Our own limit is checked on every header, before decoding; Pillow's warns at an unrelated number.
Image.MAX_IMAGE_PIXELS = None


class ImageError(InputError):
    """A file that is no usable picture; the message is the reason in the rejects table."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture, upright, and the EXIF orientation (1 to 8) that its file has."""

    image: Image.Image
    orientation: int


def decode(data: bytes, *, max_pixels: int, at_least: int | None = None) -> Image.Image:
    """Decode a file to an upright RGB picture.

    Args:
        data: the whole file.
        max_pixels: a picture with more is refused before it is decoded.
        at_least: let a JPEG's decoder halve the picture while both sides keep this many pixels;
            several times faster where a small picture is all that is needed. None: every pixel.

    Returns:
        An RGB image: the first frame, EXIF orientation applied, transparency on white, 16 bits
        scaled to 8, CMYK converted.

    Raises:
        ImageError: not a picture, cut short, damaged or too large.
    """
    return read_picture(data, max_pixels=max_pixels, at_least=at_least).image


def read_picture(data: bytes, *, max_pixels: int, at_least: int | None = None) -> Picture:
    """As :func:`decode`, with the orientation that the file had."""
    if not data:
        raise ImageError("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            pixels = image.width * image.height
            if pixels > max_pixels:
                raise ImageError(
                    f"{image.width} x {image.height} is more than {max_pixels:,} pixels"
                )
            orientation = _orientation(image)
            if at_least is not None:
                image.draft(None, (at_least, at_least))  # nothing happens to other formats
            rgb = _to_rgb(image)
            if orientation in UPRIGHT:
                rgb = rgb.transpose(UPRIGHT[orientation])
            return Picture(rgb, orientation)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(_unknown(data)) from None
    except Exception as error:  # a hostile file makes a decoder raise almost anything
        raise ImageError(f"cut short or damaged: {error or type(error).__name__}") from error


def squash(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """Resize to a square without cropping, bicubic with antialiasing: uint8 (3, size, size)."""
    pixels = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _orientation(image: Image.Image) -> int:
    value: Any = image.getexif().get(ORIENTATION_TAG, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ImageError("its pixels are fractions of an unknown range")
    if image.mode.startswith("I"):
        return _from_16_bits(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Scale 0..65535 to 0..255; Pillow's own conversion would clip or wrap."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError("its pixels are whole numbers beyond 16 bits")
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")


def _unknown(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] in {b"heic", b"heix", b"hevc", b"mif1", b"msf1"}:
        return "HEIC pictures cannot be read; convert them to JPEG"
    return f"not a picture in a format that can be read ({', '.join(FORMATS)})"
