"""The fast way to pixels against Pillow's, and on everything that is broken."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from annotate.clip.fast_pixels import pixels_of
from annotate.images.decoding import ImageError, decode

LIMIT = 1_000_000
PHOTOS = Path(__file__).parents[4] / "shared" / "data" / "photos" / "images"
KINDS: dict[str, dict[str, Any]] = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_blocks": 3},
    "coarse": {"quality": 10},
    "fine": {"quality": 100},
}


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    """Blobs with hard edges and some noise."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    smooth[height // 3 : height // 2, width // 4 : width // 2] = rng.integers(0, 256, 3)
    noisy = smooth + rng.normal(0, 6, smooth.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def jpeg(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def pillows(data: bytes, size: int) -> npt.NDArray[np.uint8]:
    """With nothing of ours."""
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    return np.asarray(upright.resize((size, size), Image.Resampling.BICUBIC)).transpose(2, 0, 1)


def differences(data: bytes, size: int) -> npt.NDArray[np.int64]:
    ours = pixels_of(data, size, max_pixels=LIMIT)
    assert ours.flags.c_contiguous
    return np.abs(ours.astype(int) - pillows(data, size))


def check(levels: npt.NDArray[np.int64]) -> None:
    """Equal but for the rounding of weights: see the module's docstring."""
    assert levels.max() <= 2
    assert (levels > 1).mean() < 1e-3  # one picture has few numbers
    assert levels.mean() < 0.02


@pytest.mark.parametrize("size", [(640, 427), (427, 640), (301, 225), (225, 301), (224, 224)])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_jpeg_has_pillows_pixels(kind: str, size: tuple[int, int]) -> None:
    check(differences(jpeg(photo(*size), **KINDS[kind]), 224))
    check(differences(jpeg(photo(*size).convert("L"), **KINDS[kind]), 32))


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (70, 1), (2, 3), (3, 2), (17, 9), (900, 7)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    check(differences(jpeg(photo(*size)), 32))


@pytest.mark.parametrize("size", [(75, 50), (50, 75)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations(orientation: int, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    check(differences(jpeg(photo(*size), exif=exif), 32))


def test_tall_pictures_have_exactly_pillows_pixels() -> None:
    for width in (100, 180, 268, 272, 319):
        assert not differences(jpeg(photo(width, 320)), 224).any()


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="the shared photos are not here")
def test_real_photos() -> None:
    files = sorted(PHOTOS.glob("*.jpg"))[::4]
    levels = np.stack([differences(file.read_bytes(), 224) for file in files])
    assert levels.max() <= 2
    assert (levels > 1).mean() < 2e-5
    assert levels.mean() < 0.006


def test_other_formats() -> None:
    for kind, mode in (("PNG", "RGBA"), ("JPEG", "CMYK"), ("GIF", "P"), ("WEBP", "RGB")):
        buffer = io.BytesIO()
        photo(90, 60).convert(mode).save(buffer, kind)
        upright = decode(buffer.getvalue(), max_pixels=LIMIT)
        expected = np.asarray(upright.resize((32, 32), Image.Resampling.BICUBIC))
        ours = pixels_of(buffer.getvalue(), 32, max_pixels=LIMIT)
        check(np.abs(ours.astype(int) - expected.transpose(2, 0, 1)))


@pytest.mark.parametrize("keep", [0, 100, 1500])
def test_half_a_file_is_refused_as_ever(keep: int) -> None:
    data = jpeg(photo(90, 60))[:keep]
    with pytest.raises(ImageError) as expected:
        decode(data, max_pixels=LIMIT)
    with pytest.raises(ImageError) as raised:
        pixels_of(data, 32, max_pixels=LIMIT)
    assert str(raised.value).split("object at")[0] == str(expected.value).split("object at")[0]


def test_too_many_pixels_are_refused_before_decoding() -> None:
    with pytest.raises(ImageError, match="90 x 60 is more than 5,000 pixels"):
        pixels_of(jpeg(photo(90, 60)), 32, max_pixels=5000)
