"""Thumbnails: small, upright, and nothing but pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from annotate.images.thumbnails import thumbnail, thumbnails
from annotate.settings import CatalogSettings

LIMITS = CatalogSettings()


def test_thumbnails_are_small_upright_and_without_metadata(tmp_path: Path) -> None:
    gradient = np.linspace(0, 255, 640 * 480 * 3).astype(np.uint8).reshape(480, 640, 3)
    picture, exif = Image.fromarray(gradient), Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a secret"
    picture.save(tmp_path / "a.jpg", exif=exif, quality=95, comment=b"a secret", icc_profile=b"x")
    made = thumbnail("a.jpg", root=tmp_path, limits=LIMITS)
    assert made.jpeg is not None
    assert b"secret" not in made.jpeg
    with Image.open(io.BytesIO(made.jpeg)) as small:
        assert small.size == (120, 160)
        assert not small.getexif()
        assert "icc_profile" not in small.info
        expected = ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg")).resize((120, 160))
        assert np.abs(np.asarray(small, float) - np.asarray(expected, float)).mean() < 3


def test_a_wide_picture_and_a_small_one(tmp_path: Path) -> None:
    sizes = {"wide.png": ((3000, 100), (400, 13)), "small.png": ((8, 6), (8, 6))}
    for name, (size, _) in sizes.items():
        Image.new("RGBA", size, (10, 20, 30, 128)).save(tmp_path / name)
    made = list(thumbnails(list(sizes), root=tmp_path, limits=LIMITS))
    found = [Image.open(io.BytesIO(entry.jpeg or b"")).size for entry in made]
    assert found == [wanted for _, wanted in sizes.values()]
