"""Pictures for contact sheets."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with twelve small pictures and a broken one."""
    folder = tmp_path_factory.mktemp("sheet")
    for at in range(12):
        Image.new("RGB", (48, 32), (20 * at, 90, 200 - 15 * at)).save(folder / f"{at}.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture at all")
    return folder
