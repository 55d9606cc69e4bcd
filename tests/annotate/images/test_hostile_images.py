"""The folder of the issue: every kind of broken file, through the command line."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from annotate.cli import main


def png_bomb(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def save(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def files() -> dict[str, bytes]:
    rng = np.random.default_rng(1)
    photo = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    jpeg = save(photo, "JPEG")
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(rng.integers(0, 65536, (20, 20)).astype(np.uint16))
    return {
        "good.jpg": jpeg,
        "truncated.jpg": jpeg[: len(jpeg) // 2],
        "text.jpg": b"this is no picture",
        "cmyk.jpg": save(photo.convert("CMYK"), "JPEG"),
        "deep.png": save(deep, "PNG"),
        "moving.gif": save(photo, "GIF", save_all=True, append_images=[photo.rotate(90)]),
        "rotated.jpg": save(photo, "JPEG", exif=exif),
        "empty.jpg": b"",
        "bomb.png": png_bomb(30_000),
        "Zürich/東京 🏨.jpg": jpeg,
    }


def test_good_ones_are_used_and_bad_ones_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]
) -> None:
    (tmp_path / "mumic.toml").touch()
    for name, data in files.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    os.mkfifo(tmp_path / "photos" / "pipe.jpg")
    (tmp_path / "photos" / "lost.jpg").symlink_to("nowhere")
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(main, ["catalog", "photos", "--json"])

    assert result.exit_code == 0, result.output
    images = pd.read_parquet(tmp_path / "data/catalog/images.parquet").set_index("uri")
    rejects = pd.read_parquet(tmp_path / "data/catalog/rejects.parquet")
    good = {"good.jpg", "cmyk.jpg", "deep.png", "moving.gif", "rotated.jpg", "Zürich/東京 🏨.jpg"}
    assert set(images.index) == {f"photos/{name}" for name in good}
    assert dict(zip(rejects["uri"], rejects["reason"].str[:12], strict=True)) == {
        "photos/bomb.png": "30000 x 3000",
        "photos/empty.jpg": "the file is ",
        "photos/lost.jpg": "no such file",
        "photos/pipe.jpg": "not a regula",
        "photos/text.jpg": "not a pictur",
        "photos/truncated.jpg": "cut short or",
    }
    rotated = images.loc["photos/rotated.jpg"]
    assert (rotated["width"], rotated["height"], rotated["orientation"]) == (30, 40, 6)
    named = images.loc["photos/Zürich/東京 🏨.jpg"]
    content = hashlib.sha256(files["good.jpg"]).hexdigest()
    assert named["content_hash"] == content
    key = f"photos/Zürich/東京 🏨.jpg\0{content}".encode()
    assert named["image_id"] == hashlib.sha256(key).hexdigest()[:20]
    summary = json.loads(result.stdout)
    assert (summary["images"], summary["rejected"], summary["demo"]) == (6, 6, False)
