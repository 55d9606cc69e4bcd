"""Thumbnails: small, upright, and nothing but pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from annotate.errors import InputError
from annotate.images.thumbnails import THREADS, thumbnail, thumbnails
from annotate.settings import CatalogSettings
from annotate.storage.outage import OUTAGE
from annotate.storage.remote import UnreachableError
from annotate.storage.store import read_bytes

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


def test_a_host_that_is_out_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "here.png")
    asked: list[str] = []

    def read(uri: str, root: Path, *, max_bytes: int) -> bytes:
        asked.append(uri)
        if uri.startswith("https://out/"):
            raise UnreachableError("timed out")
        if uri.startswith("https://answers/"):
            raise InputError("gone (HTTP 404)")
        return read_bytes(uri, root, max_bytes=max_bytes)

    monkeypatch.setattr("annotate.images.thumbnails.read_bytes", read)
    uris = [f"https://{host}/{at}.jpg" for at in range(400) for host in ("out", "answers")]
    made = list(thumbnails([*uris, "here.png"], root=tmp_path, limits=LIMITS))
    tried = sum(uri.startswith("https://out/") for uri in asked)
    assert OUTAGE <= tried < OUTAGE + THREADS  # others may be on their way
    out, answers = made[:-1:2], made[1:-1:2]
    assert all("timed out" in found.reason for found in out)
    assert out[-1].reason.startswith("not asked for")
    assert {found.reason for found in answers} == {"gone (HTTP 404)"}
    assert sum(uri.startswith("https://answers/") for uri in asked) == 400
    assert made[-1].jpeg is not None
