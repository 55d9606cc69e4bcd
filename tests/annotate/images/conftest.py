"""Pictures for contact sheets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

GRAIN = 16  # of 255: a thumbnail then weighs 6 kB, as one of a photo does


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with twelve pictures of noise, as large as thumbnails, and a broken one."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("sheet")
    for at in range(12):
        noise = rng.normal((20 * at, 90, 200 - 15 * at), GRAIN, (160, 240, 3))
        picture = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))
        picture.save(folder / f"{at}.jpg", quality=90)
    (folder / "broken.jpg").write_bytes(b"no picture at all")
    return folder
