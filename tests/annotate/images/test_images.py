"""Decoding, resizing and hashing, against Pillow, NumPy and SciPy."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
import scipy.fft
from PIL import Image, ImageOps

from annotate.images.decoding import ImageError, decode, read_picture, squash
from annotate.images.hashing import perceptual_hash

LIMIT = 100_000_000
RNG = np.random.default_rng(0)
NOISE = Image.fromarray(RNG.integers(0, 256, (30, 44, 3), dtype=np.uint8))


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(side: int) -> bytes:
    """A small file that claims to be a picture of side x side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(3 * side + 1) * 50)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_jpeg_is_what_pillow_reads() -> None:
    data = encode(NOISE, "JPEG")
    ours = np.asarray(decode(data, max_pixels=LIMIT))
    np.testing.assert_array_equal(ours, np.asarray(Image.open(io.BytesIO(data))))


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    image = decode(encode(Image.fromarray(values), "PNG"), max_pixels=LIMIT)
    assert image.mode == "RGB"
    expected = np.rint(values.astype(float) / 65535 * 255)
    for channel in range(3):
        np.testing.assert_array_equal(np.asarray(image)[..., channel], expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_as_pillow_applies_it(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(NOISE, "PNG", exif=exif)
    picture = read_picture(data, max_pixels=LIMIT)
    assert picture.orientation == orientation
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(np.asarray(picture.image), np.asarray(upright))


def test_transparency_lies_on_white() -> None:
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 3] = [0, 128, 255]
    image = decode(encode(Image.fromarray(pixels, "RGBA"), "PNG"), max_pixels=LIMIT)
    assert np.asarray(image)[0, :, 0].tolist() == [255, 127, 0]


def test_palette_with_transparency_and_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    gif = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(gif, max_pixels=LIMIT).getpixel((4, 4)) == (255, 0, 0)
    palette = NOISE.convert("P")
    assert decode(encode(palette, "PNG", transparency=0), max_pixels=LIMIT).mode == "RGB"


def test_cmyk_jpeg_keeps_its_colours() -> None:
    data = encode(Image.new("RGB", (16, 16), (200, 40, 90)).convert("CMYK"), "JPEG", quality=95)
    pixel = np.asarray(decode(data, max_pixels=LIMIT))[8, 8]
    np.testing.assert_allclose(pixel, (200, 40, 90), atol=6)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"just a text", "not a picture"),
        (encode(NOISE, "JPEG")[:500], "cut short or damaged"),
        (encode(NOISE, "PNG")[:-200], "cut short or damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (encode(Image.new("F", (4, 4)), "TIFF"), "fractions"),
    ],
    ids=["empty", "text", "jpeg", "png", "postscript", "heic", "float"],
)
def test_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        decode(data, max_pixels=LIMIT)


def reason_for(data: bytes) -> str:
    try:
        decode(data, max_pixels=LIMIT)
    except ImageError as error:
        return str(error)
    return "a picture"


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "TIFF", "PNG", "WEBP"])
def test_every_truncation_is_refused_or_a_picture(kind: str) -> None:
    whole = encode(NOISE, kind)
    reasons = [reason_for(whole[:end]) for end in range(0, len(whole), 61)]
    assert reasons[0] == "the file is empty"
    assert not any("object at 0x" in reason for reason in reasons)


def test_a_bomb_is_refused_by_its_header() -> None:
    data = png_bomb(30_000)
    tracemalloc.start()
    with pytest.raises(ImageError, match="30000 x 30000"):
        decode(data, max_pixels=LIMIT)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_squash_is_pillows_resize() -> None:
    expected = np.asarray(NOISE.resize((16, 16), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    np.testing.assert_array_equal(squash(NOISE, 16), expected)


def test_perceptual_hash_is_the_dct_of_scipy() -> None:
    grey = NOISE.convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    low = scipy.fft.dctn(np.asarray(grey, float), type=2)[:8, :8]
    bits = "".join("1" if value else "0" for value in (low > np.median(low)).ravel())
    assert perceptual_hash(NOISE) == f"{int(bits, 2):016x}"


def test_near_copies_are_near_and_others_are_not() -> None:
    blocks = RNG.integers(0, 256, (2, 9, 12, 3), dtype=np.uint8)
    one, other = (Image.fromarray(part).resize((240, 180)) for part in blocks)
    copy = decode(encode(one.resize((200, 150)), "JPEG", quality=70), max_pixels=LIMIT)
    bits = [int(perceptual_hash(image), 16) for image in (one, copy, other)]
    assert (bits[0] ^ bits[1]).bit_count() <= 4
    assert (bits[0] ^ bits[2]).bit_count() > 12


def test_flat_pictures_hash_without_noise() -> None:
    hashes = {
        perceptual_hash(Image.new("RGB", (50, 20), (grey,) * 3)) for grey in range(1, 255, 50)
    }
    assert len(hashes) == 1
